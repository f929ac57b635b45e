# The failover plans that the lab declares and nobody manages yet. `terraform query` lists
# them; with -generate-config-out=plans.tf it also writes the configuration and the
# import blocks.
list "vcc_failover_plan" "declared" {
  provider         = vcc
  include_resource = true

  config {
    origin = "declared"
  }
}
