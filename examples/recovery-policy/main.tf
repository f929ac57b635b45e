# A recovery policy: what must, and what must not, get through after full site
# failover. The checks run in every plan and every apply.

terraform {
  required_providers {
    vcc = {
      source = "registry.terraform.io/cloudconnect-iac/vcc"
    }
  }
}

provider "vcc" {
  embedded = {
    data_dir = ".vcc"
  }
}

variable "routing_enabled" {
  description = "Route traffic between the networks of each hardware plan."
  type        = bool
  default     = true
}

locals {
  web = "172.17.52.10"
  db  = "172.17.54.20"
  # Somebody on the internet, and the public address that the failover plan maps to web.
  somebody = "192.0.2.7"
  public   = "203.0.113.10"
}

data "vcc_hardware_plan_networks" "silver" {
  hardware_plan = "VMware Silver"
}

locals {
  network = { for n in data.vcc_hardware_plan_networks.silver.networks : n.name => n.id }
}

resource "vcc_default_gateway" "app" {
  network_id = local.network["VMware Silver network 1 (internet)"]
  ipv4 = {
    address     = "172.17.52.1"
    subnet_mask = "255.255.254.0"
  }
}

resource "vcc_default_gateway" "data" {
  network_id = local.network["VMware Silver network 1"]
  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}

resource "vcc_network_routing" "this" {
  enabled = var.routing_enabled
}

check "web_reaches_db" {
  data "vcc_reachability" "web_to_db" {
    source      = local.web
    destination = local.db
    protocol    = "tcp"
    port        = 5432
  }
  # Routed, and not sent to the internet because db's own network has no gateway.
  assert {
    condition     = data.vcc_reachability.web_to_db.reachable && data.vcc_reachability.web_to_db.reason == "routing_enabled"
    error_message = "After failover web would not reach db: ${data.vcc_reachability.web_to_db.reason}. ${join("; ", data.vcc_reachability.web_to_db.steps)}."
  }
}

check "db_does_not_reach_the_internet" {
  data "vcc_reachability" "db_to_internet" {
    source      = local.db
    destination = local.somebody
    protocol    = "tcp"
    port        = 443
  }
  assert {
    condition     = !data.vcc_reachability.db_to_internet.reachable
    error_message = "After failover db would reach the internet: ${join("; ", data.vcc_reachability.db_to_internet.steps)}."
  }
}

check "internet_reaches_web_on_443_alone" {
  data "vcc_reachability" "https" {
    source      = local.somebody
    destination = local.public
    protocol    = "tcp"
    port        = 443
  }
  assert {
    condition     = data.vcc_reachability.https.reachable
    error_message = "After failover nobody would reach web: ${join("; ", data.vcc_reachability.https.steps)}."
  }
}

check "internet_does_not_reach_web_on_80" {
  data "vcc_reachability" "http" {
    source      = local.somebody
    destination = local.public
    protocol    = "tcp"
    port        = 80
  }
  assert {
    condition     = !data.vcc_reachability.http.reachable
    error_message = "After failover the internet would reach web without TLS: ${join("; ", data.vcc_reachability.http.steps)}."
  }
}
