terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 0.1.0"
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
