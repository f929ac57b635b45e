# `terraform test` applies the policy to an embedded backend and asserts every
# check. With -var routing_enabled=false it fails and says which way is closed.

run "recovery_policy" {
  command = apply
}
