-- +goose Up

-- How often a lab was applied: who planned one beforehand sees whether another came first.
ALTER TABLE lab ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
