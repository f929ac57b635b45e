import {
  to = vcc_network_routing.this
  id = "ABC Company"
}
