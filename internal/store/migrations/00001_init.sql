-- +goose Up

-- One row: which lab was declared last.
CREATE TABLE lab (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    service_provider TEXT NOT NULL,
    digest           TEXT NOT NULL
);

CREATE TABLE hosts (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    declaration TEXT NOT NULL
);

CREATE TABLE hardware_plans (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE,
    host_id          TEXT NOT NULL REFERENCES hosts (id),
    with_internet    INTEGER NOT NULL CHECK (with_internet >= 0),
    without_internet INTEGER NOT NULL CHECK (without_internet >= 0)
);

-- revision counts a tenant's changes: it names each of them in the history, so
-- that a revision is never used twice and a gap would be a lost write.
CREATE TABLE tenants (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL UNIQUE,
    ordinal            INTEGER NOT NULL,
    declaration        TEXT NOT NULL,
    revision           BIGINT NOT NULL DEFAULT 0,
    routing_enabled    BOOLEAN NOT NULL DEFAULT FALSE,
    routing_revision   BIGINT NOT NULL DEFAULT 0,
    routing_updated_at TIMESTAMP,
    routing_updated_by TEXT NOT NULL DEFAULT ''
);

CREATE TABLE subscriptions (
    tenant_id        TEXT NOT NULL REFERENCES tenants (id),
    hardware_plan_id TEXT NOT NULL REFERENCES hardware_plans (id),
    ordinal          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hardware_plan_id)
);

-- position counts within one plan and one kind of access, so that widening a
-- plan keeps every network, its VLAN and its gateway where they are.
CREATE TABLE cloud_networks (
    id               TEXT PRIMARY KEY,
    tenant_id        TEXT NOT NULL,
    hardware_plan_id TEXT NOT NULL,
    host_id          TEXT NOT NULL REFERENCES hosts (id),
    internet_access  BOOLEAN NOT NULL,
    position         INTEGER NOT NULL,
    vlan_id          INTEGER NOT NULL,
    UNIQUE (tenant_id, hardware_plan_id, internet_access, position),
    UNIQUE (host_id, vlan_id),
    FOREIGN KEY (tenant_id, hardware_plan_id) REFERENCES subscriptions (tenant_id, hardware_plan_id)
);

CREATE TABLE default_gateways (
    network_id         TEXT PRIMARY KEY REFERENCES cloud_networks (id),
    origin             TEXT NOT NULL CHECK (origin IN ('detected', 'specified')),
    revision           BIGINT NOT NULL,
    updated_at         TIMESTAMP NOT NULL,
    updated_by         TEXT NOT NULL,
    ipv4_address       TEXT,
    ipv4_prefix_length INTEGER,
    ipv6_address       TEXT,
    ipv6_network       TEXT,
    ipv6_prefix_length INTEGER,
    CHECK (ipv4_address IS NOT NULL OR ipv6_address IS NOT NULL),
    CHECK ((ipv4_address IS NULL) = (ipv4_prefix_length IS NULL)),
    CHECK ((ipv6_address IS NULL) = (ipv6_network IS NULL) AND (ipv6_address IS NULL) = (ipv6_prefix_length IS NULL))
);

CREATE TABLE replication_jobs (
    id               TEXT PRIMARY KEY,
    tenant_id        TEXT NOT NULL,
    name             TEXT NOT NULL,
    ordinal          INTEGER NOT NULL,
    hardware_plan_id TEXT NOT NULL,
    declaration      TEXT NOT NULL,
    runs             INTEGER NOT NULL DEFAULT 0,
    last_run         TIMESTAMP,
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, hardware_plan_id) REFERENCES subscriptions (tenant_id, hardware_plan_id)
);

-- The history. network_id is NULL for a change of the routing option; it is no
-- foreign key because the history outlives its subject.
CREATE TABLE changes (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    revision   BIGINT NOT NULL,
    network_id TEXT,
    changed_at TIMESTAMP NOT NULL,
    actor      TEXT NOT NULL,
    before     TEXT,
    after      TEXT,
    PRIMARY KEY (tenant_id, revision)
);

CREATE INDEX changes_of_network ON changes (tenant_id, network_id, revision);

CREATE TABLE failover_plans (
    id          TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    name        TEXT NOT NULL,
    ordinal     INTEGER NOT NULL,
    declaration TEXT NOT NULL,
    UNIQUE (tenant_id, name)
);

-- Sessions outlive their plan. One is under way as long as ended_at is NULL;
-- hosts lists whose appliances it occupies.
CREATE TABLE failover_sessions (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    kind       TEXT NOT NULL CHECK (kind IN ('fullSite', 'partialSite')),
    plan_id    TEXT NOT NULL,
    plan_name  TEXT NOT NULL,
    vm         TEXT NOT NULL,
    hosts      TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    started_by TEXT NOT NULL,
    ended_at   TIMESTAMP,
    ended_by   TEXT NOT NULL DEFAULT '',
    log        TEXT NOT NULL,
    problems   TEXT NOT NULL
);

CREATE INDEX failover_sessions_under_way ON failover_sessions (tenant_id) WHERE ended_at IS NULL;
