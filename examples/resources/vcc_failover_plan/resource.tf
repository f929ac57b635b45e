resource "vcc_failover_plan" "site" {
  name = "Whole site"

  # In the order in which they are started.
  vms = [
    { name = "db01", delay_seconds = 60 },
    { name = "web01" },
    { name = "web02" },
    { name = "file01" },
  ]

  # Where the internet reaches them once they run at the service provider.
  public_ip_rules = [
    { address = "203.0.113.10", port = 443, to_address = "172.17.52.10", to_port = 443 },
    { address = "203.0.113.11", port = 8443, to_address = "172.17.52.11", to_port = 443 },
  ]
}
