package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labs are the applications of labs that only add what is new, beside which other writes go on.
const labs scope = "labs"

// ApplyLab implements vcc.LabService.
func (s *Store) ApplyLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	return s.declare(ctx, lab, remove, hashingTime, false)
}

// StartLab is ApplyLab for a server that starts, and has no time: it removes nothing, and leaves
// the passwords that are not known to be in force to SettlePasswords.
func (s *Store) StartLab(ctx context.Context, lab vcc.ValidLab) (vcc.LabOutcome, error) {
	return s.declare(ctx, lab, nil, 0, false)
}

// errOtherLab says that another lab was applied since one was planned.
var errOtherLab = &vcc.Error{Code: vcc.CodeConflict, Message: "another lab was declared meanwhile; nothing was changed"}

// declare applies a lab. It hashes passwords for some time, and plans, before it keeps anybody
// waiting. settling says that the lab has to be the one that is declared, so that passwords are
// all that can change.
func (s *Store) declare(ctx context.Context, lab vcc.ValidLab, remove []string, hashing time.Duration, settling bool) (vcc.LabOutcome, error) {
	// A look first, because who declares what is declared already need not plan, nor wait for writers.
	same, passwords, err := s.isInForce(ctx, lab)
	switch {
	case err != nil:
		return vcc.LabOutcome{}, err
	case same && len(remove) == 0 && passwords.unchanged():
		without, err := s.TenantsWithoutAccount(ctx)
		return vcc.LabOutcome{Warnings: convert(without, nobodyLogsIn)}, err
	}
	plan, err := read(ctx, s, func(tx querier) (*labPlanner, error) { return s.planStored(ctx, tx, lab, remove) })
	if err != nil {
		return plan.soFar(), err
	}
	if settling && plan.labPlan.lab != nil {
		return vcc.LabOutcome{}, errOtherLab
	}
	if passwords, err = s.settlePasswords(ctx, lab.Passwords(), hashing); err != nil {
		return vcc.LabOutcome{}, err
	}
	plan.planAccounts(passwords)
	// What goes is planned once nobody writes any more: a gateway that came meanwhile goes, too. So is
	// what a failover plan that came meanwhile may contradict.
	if !plan.removes() && !plan.dependsOnPlans {
		of := everything
		if !plan.changesWhatIs {
			of = labs
		}
		err := s.write(ctx, of, func(tx querier) error {
			if err := plan.checkCurrent(ctx, tx); err != nil {
				return err
			}
			return s.applyLab(ctx, tx, plan.labPlan)
		})
		if !errors.Is(err, errOtherLab) {
			return plan.outcome(), err
		}
	}
	return write(ctx, s, everything, func(tx querier) (vcc.LabOutcome, error) {
		plan, err := s.planStored(ctx, tx, lab, remove)
		if err == nil && settling && plan.labPlan.lab != nil {
			err = errOtherLab
		}
		if err == nil {
			plan.planAccounts(passwords)
			err = s.applyLab(ctx, tx, plan.labPlan)
		}
		return plan.outcome(), err
	})
}

// isInForce reports whether a lab is the one that was declared last, and which of its passwords are
// known to be in force.
func (s *Store) isInForce(ctx context.Context, lab vcc.ValidLab) (bool, labPasswords, error) {
	same, err := s.isDeclared(ctx, lab.Lab())
	if err != nil || !same {
		return same, labPasswords{}, err
	}
	passwords, err := s.settlePasswords(ctx, lab.Passwords(), 0)
	return same, passwords, err
}

// checkCurrent checks that no lab was applied and no account changed since the plan was made.
func (p *labPlanner) checkCurrent(ctx context.Context, tx querier) error {
	version, err := queryValue[int64](ctx, tx, "SELECT COALESCE(max(version), 0) FROM lab")
	if err != nil {
		return err
	}
	if version != p.stored.version {
		return errOtherLab
	}
	if len(p.accounts)+len(p.removedAccounts)+len(p.passwords) == 0 {
		return nil
	}
	accounts, err := readAccounts(ctx, tx)
	if err == nil && !slices.EqualFunc(accounts, p.stored.accounts, func(a, b accountRow) bool {
		return a.account() == b.account() && a.PasswordHash == b.PasswordHash && a.Declared == b.Declared
	}) {
		err = errOtherLab
	}
	return err
}

// soFar is what is known of a plan that failed, maybe before it was begun.
func (p *labPlanner) soFar() vcc.LabOutcome {
	if p == nil {
		return vcc.LabOutcome{}
	}
	return vcc.LabOutcome{Changes: p.changes, Warnings: p.keptBeside}
}

// outcome is what comes of the plan.
func (p *labPlan) outcome() vcc.LabOutcome {
	passwords := convert(slices.Concat(p.accounts, p.passwords), func(a accountRow) string { return a.Username })
	return vcc.LabOutcome{Changes: p.changes, Passwords: passwords, Warnings: append(convert(p.withoutAccount, nobodyLogsIn), p.keptBeside...), PasswordsLeft: p.passwordsLeft}
}

// nobodyLogsIn is the warning about a tenant without an account.
func nobodyLogsIn(t vcc.Tenant) vcc.Warning {
	return vcc.Warning{Field: "passwords", Message: "tenant " + vcc.QuoteNames([]string{t.Name}) + " has no account: declare a password for its user name"}
}

// PreviewLab implements vcc.LabService. It waits for no writer.
func (s *Store) PreviewLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	if same, passwords, err := s.isInForce(ctx, lab); err != nil || same && len(remove) == 0 && passwords.unchanged() {
		return vcc.LabOutcome{}, err
	}
	plan, err := read(ctx, s, func(tx querier) (*labPlanner, error) { return s.planStored(ctx, tx, lab, remove) })
	return plan.soFar(), err
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
// already: then nothing happens. Its passwords are left to SettlePasswords.
func (s *Store) Seed(ctx context.Context, lab vcc.ValidLab, run bool) (seeded bool, err error) {
	// A look first, because a backend that is used daily need not take the write lock, nor hash passwords.
	if there, err := s.IsDeclared(ctx); there || err != nil {
		return false, err
	}
	passwords, err := s.settlePasswords(ctx, lab.Passwords(), 0)
	if err != nil {
		return false, err
	}
	seeded, err = write(ctx, s, everything, func(tx querier) (bool, error) {
		if digest, err := declaredLab(ctx, tx); err != nil || digest != "" {
			return false, err
		}
		plan, err := s.planStored(ctx, tx, lab, nil)
		if err == nil {
			plan.planAccounts(passwords)
			err = s.applyLab(ctx, tx, plan.labPlan)
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
