# Will web reach db after full site failover?
data "vcc_reachability" "web_to_db" {
  source      = "172.17.52.10"
  destination = "172.17.54.20"
  protocol    = "tcp"
  port        = 5432
}

output "web_to_db" {
  value = "${data.vcc_reachability.web_to_db.verdict}: ${data.vcc_reachability.web_to_db.reason}"
}

# In a check block it is asked in every plan and after every apply.
check "web_reaches_the_internet" {
  data "vcc_reachability" "web_to_internet" {
    source      = "172.17.52.10"
    destination = "192.0.2.7"
    protocol    = "icmp"
  }
  assert {
    condition     = data.vcc_reachability.web_to_internet.reachable
    error_message = join("; ", data.vcc_reachability.web_to_internet.steps)
  }
}
