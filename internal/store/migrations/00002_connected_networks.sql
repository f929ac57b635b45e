-- +goose Up

-- The IP networks of the stored gateways, link-local ones left out, as ranges of
-- addresses that sort. Those of one appliance do not overlap (rule 12); the key holds
-- that no two begin at one address.
CREATE TABLE connected_networks (
    tenant_id     TEXT NOT NULL REFERENCES tenants (id),
    host_id       TEXT NOT NULL REFERENCES hosts (id),
    first_address TEXT NOT NULL,
    last_address  TEXT NOT NULL,
    network_id    TEXT NOT NULL REFERENCES cloud_networks (id),
    PRIMARY KEY (tenant_id, host_id, first_address)
);

CREATE INDEX connected_networks_of_gateway ON connected_networks (network_id);
