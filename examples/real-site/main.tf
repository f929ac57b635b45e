# Default gateways of a real site. The store in .vcc has what the export of the backup
# server had; Terraform takes that over and brings it to what stands here.

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
  # max_export_age = "26h" # warn if the nightly export did not come
}

# The console has 172.17.52.254 here, and the production network's gateway is 172.17.52.1.
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
  ipv6 = {
    network       = "2001:db8:54::"
    prefix_length = 64
    address       = "fe80::1"
  }
}

resource "vcc_network_routing" "this" {
  enabled = true
}

# What came from the backup server is somebody's: it is taken over by import blocks, and by nothing else.
data "vcc_cloud_network" "app" {
  name = "VMware Silver network 1 (internet)"
}

data "vcc_cloud_network" "data" {
  name = "VMware Silver network 1"
}

import {
  to = vcc_default_gateway.app
  id = data.vcc_cloud_network.app.id
}

import {
  to = vcc_default_gateway.data
  id = data.vcc_cloud_network.data.id
}
