import {
  to = vcc_network_routing.this
  identity = {
    tenant_id = "0b8f5f0e-5f43-4f0e-8f6a-0c1d2e3f4a5b"
  }
}
