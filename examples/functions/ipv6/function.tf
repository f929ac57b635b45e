resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"
  ipv4         = provider::vcc::ipv4("172.17.52.1/23")
  ipv6         = provider::vcc::ipv6("fe80::1", "2001:db8:52::/64")
}

# Where the address of the gateway is in the network, it says both.
resource "vcc_default_gateway" "web" {
  network_name = "VMware Silver network 2 (internet)"
  ipv6         = provider::vcc::ipv6("2001:db8:56::1/64")
}
