data "vcc_hardware_plan_networks" "silver" {
  hardware_plan = "VMware Silver"
}

# Networks have stable names; their IDs differ from backend to backend.
locals {
  network = { for n in data.vcc_hardware_plan_networks.silver.networks : n.name => n.id }
}

resource "vcc_default_gateway" "app" {
  network_id = local.network["VMware Silver network 1 (internet)"]

  ipv4 = {
    address     = "172.17.52.1"
    subnet_mask = "255.255.254.0"
  }
  ipv6 = {
    network       = "2001:db8:52::"
    prefix_length = 64
    address       = "fe80::1"
  }
}

resource "vcc_default_gateway" "data" {
  network_id = local.network["VMware Silver network 1"]

  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}
