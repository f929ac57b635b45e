-- +goose Up

-- How often a lab was applied: who planned one beforehand sees whether another came first.
ALTER TABLE lab ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- No tenant that is gone ever had a higher revision, be it gone with a lab or with the database
-- that this one was restored from. New tenants begin here.
ALTER TABLE lab ADD COLUMN first_revision BIGINT NOT NULL DEFAULT 0;
