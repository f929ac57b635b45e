import {
  to = vcc_default_gateways.silver
  id = "VMware Silver"
}
