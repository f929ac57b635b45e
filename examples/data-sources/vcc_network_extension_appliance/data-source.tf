data "vcc_network_extension_appliance" "silver" {
  hardware_plan = "VMware Silver"
}

# What would go wrong at a failover today?
output "problems" {
  value = data.vcc_network_extension_appliance.silver.problems[*].message
}
