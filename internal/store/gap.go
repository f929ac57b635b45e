package store

import "time"

// Revisions of a tenant have no gap, but where its history says so: an entry that is of no
// network, and has nothing before and nothing after, says that the tenant goes on from its
// revision. Tenants that begin with another revision than 0 have one, and so has every tenant of
// a database that was restored.

// explainGaps writes that entry into the history of tenants.
func (w *rowWriter) explainGaps(tenantIDs []string, revision int64, at time.Time, actor string) {
	w.insert("changes", "tenant_id, revision, changed_at, actor", "",
		convert(tenantIDs, func(id string) []any { return []any{id, revision, at, actor} }))
}

// restoreActor is whom the history names for that entry after a restore.
const restoreActor = "restore"

// skipRevisions makes every tenant of a restored database go on above all revisions that were ever
// given out. Those between the backup and the loss are in no backup, so the time decides: a revision
// counts microseconds since 1970 where it is larger than the backup's. No tenant has a write in
// every microsecond, so whatever a database gave out since it was restored is less than that of the
// next restore. JSON's numbers hold microseconds until 2255. The clock must not be behind the
// one of the restore before.
func (s *Store) skipRevisions(w *rowWriter, backedUp time.Time) error {
	tenants, err := queryAll[namedRow](w.ctx, w.tx, "SELECT id, name FROM tenants")
	if err != nil {
		return err
	}
	highest, err := queryValue[int64](w.ctx, w.tx, "SELECT COALESCE(max(revision), 0) FROM tenants")
	if err != nil {
		return err
	}
	first, err := queryValue[int64](w.ctx, w.tx, "SELECT COALESCE(max(first_revision), 0) FROM lab")
	if err != nil {
		return err
	}
	now := s.now()
	next := max(highest+1, first+1, now.UnixMicro(), backedUp.UnixMicro())
	w.exec("UPDATE tenants SET revision = $1", next)
	w.exec("UPDATE lab SET first_revision = $1", next)
	w.explainGaps(convert(tenants, func(t namedRow) string { return t.ID }), next, now, restoreActor)
	return w.err
}
