terraform {
  required_providers {
    vcc = {
      source = "cloudconnect-iac/vcc"
    }
  }
}

# The reference backend inside the provider: nothing to install, no credentials.
provider "vcc" {
  embedded = {
    data_dir = ".vcc"
    tenant   = "ABC Company"
  }
}
