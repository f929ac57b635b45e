# The policy notices when nothing is routed: this passes because the check fails.

run "without_routing" {
  command = apply

  variables {
    routing_enabled = false
  }

  expect_failures = [check.web_reaches_db]
}
