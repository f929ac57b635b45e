# `terraform apply -invoke=action.vcc_replication_job_run.silver`
action "vcc_replication_job_run" "silver" {
  config {
    job = "Silver nightly"
  }
}
