package store

import "github.com/pressly/goose/v3"

// specifiedPlans is the migration that makes room for failover plans that somebody specified, in
// the place of what the lab declares or beside it. It calls nothing that may change later.
//
// The ID of a plan is its creator's choice, so it is unique for one tenant only: nobody may learn that
// another tenant has it (D20). SQLite changes no primary key of a table, so the table is made anew.
func specifiedPlans(dialect goose.Dialect) *goose.Migration {
	return inBoth(13, dialect,
		// declaration is what the lab declares, NULL for nothing. specified is what is in force in its place, NULL for
		// nothing; both have the form of failoverPlanRecord. revision is 0, updated_at NULL and updated_by empty for a plan
		// that is as the lab declared it first.
		`CREATE TABLE plans_for_failover (
			tenant_id   {text} NOT NULL REFERENCES tenants (id),
			id          {text} NOT NULL,
			name        {text} NOT NULL,
			ordinal     INTEGER NOT NULL,
			declaration {text},
			specified   {text},
			revision    BIGINT NOT NULL DEFAULT 0,
			updated_at  TIMESTAMP,
			updated_by  {text} NOT NULL DEFAULT '',
			PRIMARY KEY (tenant_id, id),
			UNIQUE (tenant_id, name)
		)`,
		`INSERT INTO plans_for_failover (tenant_id, id, name, ordinal, declaration)
			SELECT tenant_id, id, name, ordinal, declaration FROM failover_plans`,
		`DROP TABLE failover_plans`,
		`ALTER TABLE plans_for_failover RENAME TO failover_plans`,

		// A change is of a network's gateway, of a failover plan, or of the routing option.
		`ALTER TABLE changes ADD COLUMN failover_plan_id {text}`,
		`CREATE INDEX changes_of_failover_plan ON changes (tenant_id, failover_plan_id, revision) WHERE failover_plan_id IS NOT NULL`,
	)
}
