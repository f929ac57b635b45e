import {
  to = vcc_failover_plan.site
  identity = {
    id = "0b4f3f0e-5b0d-4d3c-8d5a-6f5d2b8f7c21"
  }
}
