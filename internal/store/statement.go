package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// querier runs statements: within a transaction, or without one each by itself. The
// values $1, $2 and so on are bound, never written into a statement.
type querier struct {
	store *Store
	tx    *sql.Tx // nil: none
}

// frequent are the statements that run with every request or with every write of a
// gateway.
var frequent = []string{
	selectByDigest, selectAccount, selectLogin, selectVersion, selectReachabilityVersion,
	selectNetworkAndGateway, moveRevision, insertChange, upsertGateway,
	selectNeighbor, insertConnectedNetwork, deleteConnectedNetworks, deleteGateway,
}

// prepare has every connection parse and plan the frequent statements once, which for
// statements as small as these is most of the work. PostgreSQL's driver does so itself, with
// all statements.
func (s *Store) prepare(ctx context.Context) error {
	s.prepared = map[string]*sql.Stmt{}
	for _, statement := range frequent {
		p, err := s.db.PrepareContext(ctx, statement) //nolint:sqlclosecheck // it closes with the database
		if err != nil {
			return err
		}
		s.prepared[statement] = p
	}
	return nil
}

// bind puts values, in place, into the form that the database takes.
func (q querier) bind(values []any) {
	for i, v := range values {
		switch v := v.(type) {
		case string:
			values[i] = q.store.engine.text(v)
		case time.Time:
			values[i] = v.UTC() // columns have no time zone
		case *time.Time:
			if values[i] = nil; v != nil {
				values[i] = v.UTC()
			}
		}
	}
}

// exec runs a statement that returns no rows.
func (q querier) exec(ctx context.Context, statement string, values ...any) error {
	q.bind(values)
	p := q.store.prepared[statement]
	var err error
	switch {
	case q.tx == nil && p == nil:
		_, err = q.store.db.ExecContext(ctx, statement, values...)
	case q.tx == nil:
		_, err = p.ExecContext(ctx, values...)
	case p == nil:
		_, err = q.tx.ExecContext(ctx, statement, values...)
	default:
		_, err = q.tx.StmtContext(ctx, p).ExecContext(ctx, values...) //nolint:sqlclosecheck // the transaction closes it
	}
	return err
}

func (q querier) query(ctx context.Context, statement string, values ...any) (*sql.Rows, error) {
	q.bind(values)
	p := q.store.prepared[statement]
	switch {
	case q.tx == nil && p == nil:
		return q.store.db.QueryContext(ctx, statement, values...)
	case q.tx == nil:
		return p.QueryContext(ctx, values...)
	case p == nil:
		return q.tx.QueryContext(ctx, statement, values...)
	default:
		return q.tx.StmtContext(ctx, p).QueryContext(ctx, values...) //nolint:sqlclosecheck // the transaction closes it
	}
}

// row is what one row of a query is read into.
type row[R any] interface {
	*R
	// fields points to where each column of the query goes.
	fields() []any
}

// one is a row of one column.
type one[T any] struct{ value T }

func (r *one[T]) fields() []any { return []any{&r.value} }

// queryAll returns all rows of a query.
func queryAll[R any, P row[R]](ctx context.Context, q querier, statement string, values ...any) (rows []R, err error) {
	found, err := q.query(ctx, statement, values...)
	if err != nil {
		return nil, err
	}
	defer found.Close() //nolint:errcheck // Err says it
	for found.Next() {
		var r R
		if err := found.Scan(P(&r).fields()...); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// queryFirst returns the first row of a query. sql.ErrNoRows: there is none.
func queryFirst[R any, P row[R]](ctx context.Context, q querier, statement string, values ...any) (r R, err error) {
	found, err := q.query(ctx, statement, values...)
	if err != nil {
		return r, err
	}
	defer found.Close() //nolint:errcheck // closed already, or there is an error
	if !found.Next() {
		return r, cmp.Or(found.Err(), sql.ErrNoRows)
	}
	if err := found.Scan(P(&r).fields()...); err != nil {
		return r, err
	}
	return r, found.Close()
}

// queryValue returns what the only column of the first row is. sql.ErrNoRows: there is none.
func queryValue[T any](ctx context.Context, q querier, statement string, values ...any) (T, error) {
	r, err := queryFirst[one[T]](ctx, q, statement, values...)
	return r.value, err
}

// queryPage returns one page of a query's rows, each converted, and how many the query has in
// all. The query comes in parts, because counting needs neither its columns nor its order.
func queryPage[R any, P row[R], T any](ctx context.Context, q querier, p vcc.Page, to func(R) (T, error), columns, from, order string, values ...any) (page[T], error) {
	statement := fmt.Sprintf("SELECT %s%s%s LIMIT $%d OFFSET $%d", columns, from, order, len(values)+1, len(values)+2)
	rows, err := queryAll[R, P](ctx, q, statement, append(values[:len(values):len(values)], p.Limit, p.Skip)...)
	if err != nil {
		return page[T]{}, err
	}
	entries, err := convertAll(rows, to)
	if err != nil {
		return page[T]{}, err
	}
	total := p.Skip + len(rows)
	if len(rows) == p.Limit || len(rows) == 0 && p.Skip > 0 { // this may not be the last page
		total, err = queryValue[int](ctx, q, "SELECT count(*)"+from, values...)
	}
	return page[T]{entries, total}, err
}

// convertAll converts rows that may be unreadable.
func convertAll[R, T any](rows []R, to func(R) (T, error)) ([]T, error) {
	list := make([]T, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = to(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}
