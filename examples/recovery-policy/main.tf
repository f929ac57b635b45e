# A recovery policy: what must, and what must not, be reached after full site failover.
# A plan that would break it fails, and nothing is applied.

terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 0.1.0"
    }
  }
}

variable "data_dir" {
  description = "Data folder of the embedded backend. The tests have one of their own."
  type        = string
  default     = ".vcc"
}

variable "routing_enabled" {
  description = "Route traffic between the networks of each hardware plan."
  type        = bool
  default     = true
}

variable "gateway_for_db" {
  description = "Whether the network that db is on has a default gateway."
  type        = bool
  default     = true
}

variable "public_web" {
  description = "Whether customers reach web at its public address."
  type        = bool
  default     = true
}

variable "enforce" {
  description = "Whether a plan that breaks the policy fails."
  type        = bool
  default     = true
}

provider "vcc" {
  embedded = {
    data_dir = var.data_dir
  }
}

resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"
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

resource "vcc_default_gateway" "data" {
  count = var.gateway_for_db ? 1 : 0

  network_name = "VMware Silver network 1"
  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}

resource "vcc_network_routing" "this" {
  enabled = var.routing_enabled
}

resource "vcc_failover_plan" "site" {
  name = "Whole site"
  vms = [
    { name = "db01", delay_seconds = 60 },
    { name = "web01" },
    { name = "web02" },
    { name = "file01" },
  ]
  public_ip_rules = concat(
    [{ address = "203.0.113.11", port = 8443, to_address = "172.17.52.11", to_port = 443 }],
    var.public_web ? [{ address = "203.0.113.10", port = 443, to_address = "172.17.52.10", to_port = 443 }] : [],
  )
}

resource "vcc_recovery_policy" "site" {
  gateways        = concat([vcc_default_gateway.app], vcc_default_gateway.data)
  routing_enabled = vcc_network_routing.this.enabled
  failover_plan   = vcc_failover_plan.site
  enforce         = var.enforce

  rules = [
    { name = "web reaches db", source = "web01", destination = "db01", protocol = "tcp", port = 5432 },
    { name = "web reaches updates", source = "web01", destination = "internet", protocol = "tcp", port = 443 },
    { name = "db stays inside", source = "db01", destination = "internet", protocol = "tcp", port = 443, reachable = false },
    { name = "customers reach web", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 443 },
    { name = "nobody reaches web without TLS", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 80, reachable = false },
  ]
}

output "recovery" {
  description = "The outcome of each rule, and why where it is broken."
  value       = { for r in vcc_recovery_policy.site.results : r.name => coalesce(r.explanation, "holds") }
}
