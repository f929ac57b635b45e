resource "vcc_default_gateway" "data" {
  network_name = "VMware Silver network 1"
  ipv4         = provider::vcc::ipv4("172.17.54.1/24")
}
