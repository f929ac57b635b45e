-- +goose Up

-- Twice the ordinal of the plan's subscription, and one more for a network without internet
-- access: an index has a tenant's networks in the order in which they are listed.
ALTER TABLE cloud_networks ADD COLUMN list_group INTEGER NOT NULL DEFAULT 0;

UPDATE cloud_networks SET list_group = CASE WHEN internet_access THEN 0 ELSE 1 END + 2 * (
    SELECT s.ordinal FROM subscriptions AS s
    WHERE s.tenant_id = cloud_networks.tenant_id AND s.hardware_plan_id = cloud_networks.hardware_plan_id
);

CREATE INDEX cloud_networks_in_order ON cloud_networks (tenant_id, list_group, position, id);

-- How many gateways the tenant has, so that a page of them need not count all.
ALTER TABLE tenants ADD COLUMN gateways INTEGER NOT NULL DEFAULT 0;

UPDATE tenants SET gateways = (
    SELECT count(*) FROM default_gateways AS g JOIN cloud_networks AS n ON n.id = g.network_id
    WHERE n.tenant_id = tenants.id
);
