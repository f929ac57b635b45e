terraform {
  required_providers {
    vcc = {
      source = "registry.terraform.io/cloudconnect-iac/vcc"
    }
  }
}

provider "vcc" {
  embedded = {
    data_dir = "data"
  }
}

data "vcc_hardware_plan_networks" "silver" {
  hardware_plan = "VMware Silver"
}

# Adopted from what a job detected.
resource "vcc_default_gateway" "app" {
  network_id = data.vcc_hardware_plan_networks.silver.networks[0].id

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

# New.
resource "vcc_default_gateway" "spare" {
  network_id = data.vcc_hardware_plan_networks.silver.networks[1].id

  ipv4 = {
    address     = "172.17.62.1"
    subnet_mask = "255.255.255.0"
  }
}

resource "vcc_network_routing" "this" {
  enabled = true
}
