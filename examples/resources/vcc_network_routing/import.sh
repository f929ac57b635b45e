# The name or the ID of the tenant that the provider acts for.
terraform import vcc_network_routing.this "ABC Company"
