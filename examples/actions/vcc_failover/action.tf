# On demand: `terraform apply -invoke=action.vcc_failover.rehearsal`
action "vcc_failover" "rehearsal" {
  config {
    plan      = "Whole site"
    operation = "test"
  }
}

# And whenever this gateway was stored.
resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"

  ipv4 = {
    address     = "172.17.52.1"
    subnet_mask = "255.255.254.0"
  }

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.vcc_failover.rehearsal]
    }
  }
}
