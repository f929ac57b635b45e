resource "vcc_default_gateways" "silver" {
  hardware_plan = "VMware Silver"

  # Networks of the plan that are not named have no default gateway.
  gateways = {
    "VMware Silver network 1 (internet)" = {
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
    "VMware Silver network 2 (internet)" = {
      ipv4 = {
        address     = "172.17.56.1"
        subnet_mask = "255.255.255.0"
      }
    }
    "VMware Silver network 1" = {
      ipv4 = {
        address     = "172.17.54.1"
        subnet_mask = "255.255.255.0"
      }
    }
  }
}
