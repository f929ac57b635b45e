# The networks of one plan that reach the internet.
data "vcc_hardware_plan_networks" "public" {
  hardware_plan   = "VMware Silver"
  internet_access = true
}

# Which networks of all plans have no default gateway yet?
data "vcc_hardware_plan_networks" "all" {}

output "without_gateway" {
  value = [for n in data.vcc_hardware_plan_networks.all.networks : n.name if n.default_gateway == null]
}
