data "vcc_cloud_network" "app" {
  name = "VMware Silver network 1 (internet)"
}

output "detected" {
  description = "Whether the gateway that is stored was detected, or null where there is none."
  value       = try(data.vcc_cloud_network.app.default_gateway.origin == "detected", null)
}
