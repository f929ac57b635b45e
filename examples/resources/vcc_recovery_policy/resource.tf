resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"
  ipv4 = {
    address     = "172.17.52.1"
    subnet_mask = "255.255.254.0"
  }
}

resource "vcc_default_gateway" "data" {
  network_name = "VMware Silver network 1"
  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}

resource "vcc_network_routing" "this" {
  enabled = true
}

resource "vcc_recovery_policy" "site" {
  gateways        = [vcc_default_gateway.app, vcc_default_gateway.data]
  routing_enabled = vcc_network_routing.this.enabled

  rules = [
    { name = "web reaches db", source = "web01", destination = "db01", protocol = "tcp", port = 5432 },
    { name = "db stays inside", source = "db01", destination = "internet", protocol = "tcp", port = 443, reachable = false },
    { name = "customers reach web", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 443 },
  ]
}
