-- +goose Up

-- An account of a tenant that may look and not change anything.
ALTER TABLE accounts ADD COLUMN read_only BOOLEAN NOT NULL DEFAULT FALSE;

-- When and from where the login was made that a token comes of. Of tokens from before
-- these columns nobody knows: NULL, and no address.
ALTER TABLE tokens ADD COLUMN since TIMESTAMP;
ALTER TABLE tokens ADD COLUMN address TEXT NOT NULL DEFAULT '';

-- Every login asks whether the account has logged in from its address.
DROP INDEX tokens_of_account;
CREATE INDEX tokens_of_account ON tokens (username, address);

-- From here on the attempts are wrong passwords, and the subjects are an account at an
-- address, an address, and an account. Those of before are forgotten within minutes.
CREATE INDEX login_attempts_by_age ON login_attempts (last_at);
