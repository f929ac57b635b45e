data "vcc_failover_plan" "site" {
  name = "Whole site"
}

output "public_addresses" {
  description = "Where customers reach the site after full site failover."
  value       = distinct([for r in data.vcc_failover_plan.site.public_ip_rules : r.address])
}
