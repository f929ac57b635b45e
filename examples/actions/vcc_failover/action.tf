# terraform apply -invoke=action.vcc_failover.rehearsal
action "vcc_failover" "rehearsal" {
  config {
    plan      = "Whole site"
    operation = "test"
  }
}
