package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ApplyLab implements vcc.LabService.
func (s *Store) ApplyLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	// A look first, because who declares what is declared already need not wait for writers.
	if len(remove) == 0 && len(lab.Passwords()) == 0 {
		if same, err := s.isDeclared(ctx, lab.Lab()); err != nil {
			return vcc.LabOutcome{}, err
		} else if same {
			without, err := s.TenantsWithoutAccount(ctx)
			return vcc.LabOutcome{Warnings: convert(without, nobodyLogsIn)}, err
		}
	}
	hashes, err := s.hashPasswords(ctx, lab.Passwords())
	if err != nil {
		return vcc.LabOutcome{}, err
	}
	return write(ctx, s, everything, func(tx querier) (vcc.LabOutcome, error) {
		plan, err := s.planStored(ctx, tx, lab, hashes, remove)
		outcome := vcc.LabOutcome{Changes: plan.changes}
		if err == nil {
			err = s.applyLab(ctx, tx, plan)
		}
		if err != nil {
			return outcome, err
		}
		// Before the commit: an error after it would say that nothing was changed.
		without, err := tenantsWithoutAccount(ctx, tx)
		outcome.Warnings = convert(without, nobodyLogsIn)
		return outcome, err
	})
}

// nobodyLogsIn is the warning about a tenant without an account.
func nobodyLogsIn(t vcc.Tenant) vcc.Warning {
	return vcc.Warning{Field: "passwords", Message: "tenant " + vcc.QuoteNames([]string{t.Name}) + " has no account: declare a password for its user name"}
}

// PreviewLab implements vcc.LabService. It waits for no writer.
func (s *Store) PreviewLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	// A hash takes long and nothing of it would be kept, so any text stands for one.
	hashes := map[string]string{}
	for username := range lab.Passwords() {
		hashes[username] = "preview"
	}
	plan, err := read(ctx, s, func(tx querier) (labPlan, error) { return s.planStored(ctx, tx, lab, hashes, remove) })
	return vcc.LabOutcome{Changes: plan.changes}, err
}

// CompareLab returns the changes that declaring a lab would make. It neither checks for
// conflicts nor waits for writers.
func (s *Store) CompareLab(ctx context.Context, lab vcc.ValidLab) ([]vcc.LabChange, error) {
	if same, err := s.isDeclared(ctx, lab.Lab()); same || err != nil {
		return nil, err
	}
	return read(ctx, s, func(tx querier) ([]vcc.LabChange, error) {
		stored, err := readLab(ctx, tx)
		if err != nil {
			return nil, err
		}
		_, changes := stored.compare(lab.Lab())
		return changes, nil
	})
}

// Lab implements vcc.LabService.
func (s *Store) Lab(ctx context.Context) (vcc.Lab, error) {
	return read(ctx, s, func(tx querier) (vcc.Lab, error) {
		stored, err := readLab(ctx, tx)
		if err == nil && stored.digest == "" {
			err = notFound("", "no lab was declared yet")
		}
		return stored.lab, err
	})
}

// Seed declares a lab in a database that has none, and gives each of its jobs their first
// run if run says so, all in one transaction. seeded is false where a lab had been declared
// already: then nothing happens.
func (s *Store) Seed(ctx context.Context, lab vcc.ValidLab, run bool) (seeded bool, err error) {
	// A look first, because a backend that is used daily need not take the write lock, nor hash passwords.
	if there, err := s.IsDeclared(ctx); there || err != nil {
		return false, err
	}
	hashes, err := s.hashPasswords(ctx, lab.Passwords())
	if err != nil {
		return false, err
	}
	seeded, err = write(ctx, s, everything, func(tx querier) (bool, error) {
		if digest, err := declaredLab(ctx, tx); err != nil || digest != "" {
			return false, err
		}
		plan, err := s.planStored(ctx, tx, lab, hashes, nil)
		if err == nil {
			err = s.applyLab(ctx, tx, plan)
		}
		if err != nil || !run {
			return err == nil, err
		}
		return true, s.runAllJobs(ctx, tx)
	})
	return seeded && err == nil, err
}

// runAllJobs runs every job once, in the order of their declaration.
func (s *Store) runAllJobs(ctx context.Context, tx querier) error {
	jobs, err := queryAll[ownedRow](ctx, tx, "SELECT j.id, j.tenant_id, j.name FROM replication_jobs AS j "+
		"JOIN tenants AS t ON t.id = j.tenant_id ORDER BY t.ordinal, j.ordinal")
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if _, err := s.runJob(ctx, tx, vcc.Actor{TenantID: j.TenantID, Name: labActor}, j.ID); err != nil {
			return err
		}
	}
	return nil
}

// ownedRow is something that a tenant has, by its name.
type ownedRow struct{ ID, TenantID, Name string }

func (r *ownedRow) fields() []any { return []any{&r.ID, &r.TenantID, &r.Name} }

// IsDeclared reports whether any lab was declared.
func (s *Store) IsDeclared(ctx context.Context) (bool, error) {
	digest, err := declaredLab(ctx, querier{store: s})
	return digest != "", s.engine.translate(err)
}

// isDeclared reports whether a lab is the one that was declared last, to the letter.
func (s *Store) isDeclared(ctx context.Context, lab vcc.Lab) (bool, error) {
	digest, err := labDigest(lab)
	if err != nil {
		return false, err
	}
	declared, err := declaredLab(ctx, querier{store: s})
	return declared == digest, s.engine.translate(err)
}

// labDigest tells labs apart.
func labDigest(lab vcc.Lab) (string, error) {
	text, err := encode(newLabRecord(lab))
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), err
}

// declaredLab returns the digest of the lab declared last, "" for none.
func declaredLab(ctx context.Context, q querier) (string, error) {
	digest, err := queryValue[string](ctx, q, "SELECT digest FROM lab")
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return digest, err
}

// Tenants returns every tenant in the order of the lab. It is for who opens the
// backend, not for who uses it.
func (s *Store) Tenants(ctx context.Context) ([]vcc.Tenant, error) {
	rows, err := queryAll[namedRow](ctx, querier{store: s}, "SELECT id, name FROM tenants ORDER BY ordinal")
	return convert(rows, func(r namedRow) vcc.Tenant { return vcc.Tenant(r) }), s.engine.translate(err)
}

// namedRow is something that has a name.
type namedRow struct{ ID, Name string }

func (r *namedRow) fields() []any { return []any{&r.ID, &r.Name} }

// declaredRow is something that the lab declares.
type declaredRow struct{ ID, Name, Declaration string }

func (r *declaredRow) fields() []any { return []any{&r.ID, &r.Name, &r.Declaration} }
