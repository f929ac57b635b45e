package backend

import (
	"log"
	"log/slog"
	"strings"
)

// newConnectionLog returns where net/http writes what goes wrong with a connection. Some of that quotes
// what the other side sent before anybody knows who that is: the protocols that it offers, or its
// first bytes. The quoted part is left out.
func newConnectionLog(to *slog.Logger) *log.Logger {
	below := slog.NewLogLogger(to.Handler(), slog.LevelWarn)
	return log.New(withoutQuotes{below}, "", 0)
}

// withoutQuotes passes messages on up to where they quote something.
type withoutQuotes struct{ to *log.Logger }

// Write implements io.Writer for a log.Logger, which writes one message at a time.
func (w withoutQuotes) Write(message []byte) (int, error) {
	text := strings.TrimSuffix(string(message), "\n")
	if before, _, quotes := strings.Cut(text, `"`); quotes {
		text = strings.TrimRight(before, " ([") + " …"
	}
	w.to.Print(text)
	return len(message), nil
}
