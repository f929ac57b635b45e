import {
  to = vcc_default_gateways.silver
  identity = {
    tenant_id        = "0d3a6c1e-5b7f-4a6d-8f65-7f2e1c9b4a10"
    hardware_plan_id = "b8a4f0d2-93c1-4e57-a2b6-61c0d94e7f38"
  }
}
