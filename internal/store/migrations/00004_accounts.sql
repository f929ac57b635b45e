-- +goose Up

-- Who may use a served backend. tenant_id is NULL for an operator. An account that is
-- declared is the lab's, and goes with its declaration.
CREATE TABLE accounts (
    username      TEXT PRIMARY KEY,
    tenant_id     TEXT REFERENCES tenants (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL,
    declared      BOOLEAN NOT NULL
);

CREATE INDEX accounts_of_tenant ON accounts (tenant_id);

-- A token is known by its SHA-256 alone. Those that come of one login are a family.
-- A refresh token that was used is kept, so that its second use is noticed.
CREATE TABLE tokens (
    digest     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
    family     TEXT NOT NULL,
    username   TEXT NOT NULL REFERENCES accounts (username) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    used       BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE INDEX tokens_of_family ON tokens (family);
CREATE INDEX tokens_of_account ON tokens (username);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- Logins that failed or are under way, per account and per address. The subject is a
-- digest, because people type passwords where their name belongs.
CREATE TABLE login_attempts (
    subject TEXT PRIMARY KEY,
    count   INTEGER NOT NULL,
    last_at TIMESTAMP NOT NULL
);
