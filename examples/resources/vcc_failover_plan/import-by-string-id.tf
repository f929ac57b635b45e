import {
  to = vcc_failover_plan.site
  id = "Whole site"
}
