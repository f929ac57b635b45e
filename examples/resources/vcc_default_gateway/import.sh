# The ID is that of the cloud network: `terraform-provider-vcc backend networks` lists them.
terraform import vcc_default_gateway.app 6f1c0a52-7d1e-4c53-9f0b-2f0d8d6a3b11
