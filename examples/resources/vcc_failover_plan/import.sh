# By its name, or by its ID: `terraform-provider-vcc backend failover plan list` shows the names.
terraform import vcc_failover_plan.site "Whole site"
