package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// renameNetworks is the migration to the names that the product gives its networks. Before it
// "<plan> network <n>" counted over all networks of a plan, those with internet access first; since
// then each kind counts by itself, and those with internet access have " (internet)" at the end.
// Names are made from what is stored of a network, except where a job's mapping table has them:
// in a tenant's declaration, and in the job's own.
//
// It calls nothing that may change later, and neither do its statements.
var renameNetworks = goose.NewGoMigration(5, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
	withInternet := map[string]int{} // by the plan's name
	rows, err := tx.QueryContext(ctx, "SELECT name, with_internet FROM hardware_plans")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to the end, or rolled back
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		withInternet[name] = n
	}
	if err := rows.Err(); err != nil {
		return err
	}
	renameIn := func(job map[string]any) {
		plan, _ := job["hardwarePlan"].(string)
		mapping, _ := job["mapping"].(map[string]any)
		for from, to := range mapping {
			if to, ok := to.(string); ok {
				mapping[from] = renamedNetwork(plan, withInternet[plan], to)
			}
		}
	}
	err = rewriteDeclarations(ctx, tx, "SELECT id, declaration FROM replication_jobs", "UPDATE replication_jobs SET declaration = $1 WHERE id = $2", renameIn)
	if err == nil {
		err = rewriteDeclarations(ctx, tx, "SELECT id, declaration FROM tenants", "UPDATE tenants SET declaration = $1 WHERE id = $2", func(tenant map[string]any) {
			jobs, _ := tenant["replicationJobs"].([]any)
			for _, j := range jobs {
				if job, ok := j.(map[string]any); ok {
					renameIn(job)
				}
			}
		})
	}
	if err != nil {
		return err
	}
	// It is part of the version of a list that has names, and no lab file's any more.
	_, err = tx.ExecContext(ctx, "UPDATE lab SET digest = 'renamed-' || digest")
	return err
}}, nil)

// renamedNetwork returns the new name of a plan's network.
func renamedNetwork(plan string, withInternet int, name string) string {
	number, ofPlan := strings.CutPrefix(name, plan+" network ")
	n, err := strconv.Atoi(number)
	switch {
	case !ofPlan || err != nil || n < 1:
		return name // no name of before
	case n <= withInternet:
		return fmt.Sprintf("%s network %d (internet)", plan, n)
	default:
		return fmt.Sprintf("%s network %d", plan, n-withInternet)
	}
}

// rewriteDeclarations changes the declarations that a query finds by their ID.
func rewriteDeclarations(ctx context.Context, tx *sql.Tx, query, update string, change func(map[string]any)) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to the end, or rolled back
	texts := map[string]string{}
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		texts[id] = text
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for id, text := range texts {
		var declaration map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&declaration); err != nil {
			return fmt.Errorf("reading the declaration of %s: %w", id, err)
		}
		before, err := json.Marshal(declaration)
		if err != nil {
			return err
		}
		change(declaration)
		after, err := json.Marshal(declaration)
		if err != nil {
			return err
		}
		if bytes.Equal(before, after) {
			continue
		}
		if _, err := tx.ExecContext(ctx, update, string(after), id); err != nil {
			return err
		}
	}
	return nil
}
