# The ID is the name or the ID of the hardware plan; for the gateways of all plans it is that of the tenant.
terraform import vcc_default_gateways.silver "VMware Silver"
