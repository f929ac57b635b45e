resource "vcc_network_routing" "this" {
  enabled = true
}
