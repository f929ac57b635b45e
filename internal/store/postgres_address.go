package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Sizes of a process's pool of connections.
const (
	defaultConnections = 24
	fewestConnections  = 4
	mostConnections    = 1000
)

// connectTimeout is how long one server of the address may take to let a connection in, unless
// the address says otherwise. A list of servers is tried in order, so that a server that hangs
// must not keep the next one waiting.
const connectTimeout = 4 * time.Second

// defaultSearchPath is PostgreSQL's own.
const defaultSearchPath = `"$user", public`

// startupSettings are sent as a connection begins. A pooler knows each of them, and gives each of
// its clients back its own.
var startupSettings = map[string]string{
	"application_name": "terraform-provider-vcc",
	"timezone":         "UTC",
	"datestyle":        "ISO, MDY",
	// What is sent is UTF-8, whatever the server or the role has for a default.
	"client_encoding":             "UTF8",
	"standard_conforming_strings": "on",
}

// setting is one of PostgreSQL's settings.
type setting struct{ name, value string }

// ownSettings are those on which the store's promises rest, so that they do not hang on what a
// server, a database, a role or an address has for a default.
var ownSettings = []setting{
	// What a write reads after it has its lock is what was committed by then.
	{"default_transaction_isolation", "read committed"},
	// A commit that was answered is on disk, and on that of a synchronous standby.
	{"synchronous_commit", "on"},
	// Nobody waits for ever, and nobody keeps the others waiting. A process that hangs may have a
	// tenant's lock, and have others in the line for it.
	{"statement_timeout", "30s"},
	{"lock_timeout", "10s"},
	{"idle_in_transaction_session_timeout", "5s"},
}

// postgresAddress is what an address says.
type postgresAddress struct {
	config      *pgx.ConnConfig
	connections int
	// searchPath is where the tables are. namesPath says that the address names it.
	searchPath string
	namesPath  bool
}

// settings are what a connection or a transaction of the store has.
func (a *postgresAddress) settings() []setting {
	return append(slices.Clone(ownSettings), setting{"search_path", a.searchPath})
}

func parsePostgresAddress(address string) (*postgresAddress, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The library's error has the address, and an address may have a password.
		return nil, errors.New("the address of the database cannot be read; write it like postgres://USER@HOST:5432/DATABASE")
	}
	a := &postgresAddress{config: config, connections: defaultConnections, searchPath: defaultSearchPath}
	for name, value := range config.RuntimeParams {
		lower := strings.ToLower(name) // as PostgreSQL reads names
		_, startup := startupSettings[lower]
		own := slices.ContainsFunc(ownSettings, func(s setting) bool { return s.name == lower })
		switch {
		case lower == "pool_max_conns":
			n, err := strconv.Atoi(value)
			if err != nil || n < fewestConnections || n > mostConnections {
				return nil, fmt.Errorf("pool_max_conns in the address of the database is %q; write how many connections a server may open, from %d to %d", value, fewestConnections, mostConnections)
			}
			a.connections = n
		case lower == "search_path":
			a.searchPath, a.namesPath = value, true
		case !startup && !own:
			continue // PostgreSQL's business
		}
		delete(config.RuntimeParams, name)
	}
	for name, value := range startupSettings {
		config.RuntimeParams[name] = value
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	// Of several servers the one is meant that takes writes, or after a promotion some would
	// stay with a standby.
	several := slices.ContainsFunc(config.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host != config.Host || f.Port != config.Port
	})
	if several && config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return a, nil
}
