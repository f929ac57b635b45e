# Two default gateways and the routing option, on the embedded backend with its
# built-in lab. Nothing else is needed: no server, no credentials.

terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 0.1.0"
    }
  }
}

provider "vcc" {
  embedded = {
    data_dir = ".vcc"
  }
}

# The first run of the replication job detected this gateway. Terraform adopts it.
resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"

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

# The database server runs Linux, so nothing was detected. Terraform specifies it.
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
