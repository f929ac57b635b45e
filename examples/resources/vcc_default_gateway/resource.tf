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

resource "vcc_default_gateway" "data" {
  network_name = "VMware Silver network 1"

  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}
