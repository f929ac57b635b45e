# What replication jobs detected in the networks of one plan. `terraform query` lists
# it; with -generate-config-out=gateways.tf it also writes the configuration and the
# import blocks.
list "vcc_default_gateway" "detected" {
  provider         = vcc
  include_resource = true

  config {
    hardware_plan = "VMware Silver"
    origin        = "detected"
  }
}
