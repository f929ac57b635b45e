# Would web reach db after full site failover, with what is stored now?
data "vcc_reachability" "web_to_db" {
  source      = "web01"
  destination = "db01"
  protocol    = "tcp"
  port        = 5432
}

output "web_to_db" {
  value = data.vcc_reachability.web_to_db.explanation
}

# In a check block it is asked in every plan and after every apply, and warns.
check "web_reaches_the_internet" {
  data "vcc_reachability" "web_to_internet" {
    source      = "web01"
    destination = "internet"
    protocol    = "icmp"
  }
  assert {
    condition     = data.vcc_reachability.web_to_internet.reachable
    error_message = data.vcc_reachability.web_to_internet.explanation
  }
}
