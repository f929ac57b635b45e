# Every plan and every apply warns unless the failover plan was tested within 90 days, and without problems.
data "vcc_failover_sessions" "tests" {
  failover_plan = "Whole site"
  operation     = "test"
  limit         = 1
}

check "failover_was_tested" {
  assert {
    condition     = try(timecmp(timeadd(data.vcc_failover_sessions.tests.latest.started_at, "2160h"), plantimestamp()) > 0, false)
    error_message = "The failover plan has to be tested every 90 days. ${data.vcc_failover_sessions.tests.explanation}"
  }
  assert {
    condition     = try(length(data.vcc_failover_sessions.tests.latest.problems), 0) == 0
    error_message = "The last failover test found something to repair. ${data.vcc_failover_sessions.tests.explanation}"
  }
}

# Who failed over, when, and until when.
data "vcc_failover_sessions" "failovers" {
  operation = "start"
}

output "failovers" {
  value = [for s in data.vcc_failover_sessions.failovers.sessions : {
    what  = coalesce(s.failover_plan, s.vm)
    by    = s.started_by
    since = s.started_at
    until = s.ended_at
  }]
}
