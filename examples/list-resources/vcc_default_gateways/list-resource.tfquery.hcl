# All default gateways of one hardware plan. `terraform query` lists them; with
# -generate-config-out=gateways.tf it also writes the configuration and the import block.
list "vcc_default_gateways" "silver" {
  provider         = vcc
  include_resource = true

  config {
    hardware_plan = "VMware Silver"
  }
}
