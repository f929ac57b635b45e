# The tests have a data folder of their own: what they apply, and remove afterwards, is
# nobody's. With enforce = false a plan that breaks the policy passes, and its results
# say what is broken.

variables {
  data_dir = "tests/.vcc"
}

run "the_policy_holds" {
  command = apply

  assert {
    condition     = alltrue([for r in vcc_recovery_policy.site.results : r.reason == null])
    error_message = join("\n", [for r in vcc_recovery_policy.site.results : "${r.name}: ${r.explanation}" if r.reason != null])
  }
}

run "routing_is_needed" {
  command = plan

  variables {
    routing_enabled = false
    enforce         = false
  }

  assert {
    condition     = [for r in vcc_recovery_policy.site.results : r.name if r.reason != null] == ["web reaches db"]
    error_message = "Without routing exactly one rule should be broken: ${jsonencode(vcc_recovery_policy.site.results)}"
  }
}

run "the_gateway_for_db_is_needed" {
  command = plan

  variables {
    gateway_for_db = false
    enforce        = false
  }

  assert {
    condition     = one([for r in vcc_recovery_policy.site.results : r.reason if r.name == "web reaches db"]) == "private_destination"
    error_message = "Without its gateway db should not be reached: ${jsonencode(vcc_recovery_policy.site.results)}"
  }
}

run "the_public_ip_rule_is_needed" {
  command = plan

  variables {
    public_web = false
    enforce    = false
  }

  assert {
    condition     = { for r in vcc_recovery_policy.site.results : r.name => r.reason if r.reason != null } == { "customers reach web" = "no_public_ip_rule" }
    error_message = "Without its public IP rule exactly one rule should be broken: ${jsonencode(vcc_recovery_policy.site.results)}"
  }
}
