package store

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// How a server that hangs is noticed: it is asked every so often, and has so long to answer. With
// connectTimeout this has to stay well below the 15 s within which writes go on.
const (
	watchInterval = time.Second
	watchPatience = 3 * time.Second
	// watchConnects bounds how long the watch may look for a server.
	watchConnects = time.Minute
)

// watch notices a server that hangs: whose machine is gone or stopped, so that it neither answers
// nor ends a connection. The kernel keeps such a connection for many minutes, and a statement on it
// may take its time, so nothing else tells the two apart. The watch asks the server on a connection
// of its own, and ends all connections to one that does not answer; what waits for an answer then
// fails as on any connection that breaks, and looks for another server. Nobody else tries one that
// hangs before the watch got an answer from it.
type watch struct {
	// own has the watch's connection, which nobody else waits for or uses.
	own   *sql.DB
	stop  context.CancelFunc
	ended chan struct{}

	mu   sync.Mutex
	open map[*watchedConn]struct{} // all but own's
	// at is the address that own connected to last.
	at string
	// silent are the addresses that gave own no answer in time since it asked last.
	silent map[string]bool
	// hanging are the addresses that nobody else tries.
	hanging map[string]bool
}

// errHangs is why a server is not tried.
var errHangs = errors.New("the server hangs")

// watchedConn is a connection that the watch can end, or its own.
type watchedConn struct {
	net.Conn
	watch *watch
	at    string
	own   bool
	heard atomic.Int64 // when something came, Unix time in nanoseconds
}

// Read implements net.Conn.
func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(time.Now().UnixNano())
	}
	if c.own && timedOut(err) {
		c.watch.mu.Lock()
		c.watch.silent[c.at] = true
		c.watch.mu.Unlock()
	}
	return n, err
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	c.watch.mu.Lock()
	delete(c.watch.open, c)
	c.watch.mu.Unlock()
	return c.Conn.Close()
}

func newWatch() *watch {
	return &watch{open: map[*watchedConn]struct{}{}, hanging: map[string]bool{}, ended: make(chan struct{})}
}

// dial is dial with every connection watched.
func (w *watch) dial(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		hangs := w.hanging[address]
		w.mu.Unlock()
		if hangs {
			return nil, errHangs
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &watchedConn{Conn: conn, watch: w, at: address}
		w.mu.Lock()
		w.open[c] = struct{}{}
		w.mu.Unlock()
		return c, nil
	}
}

// dialOwn is dial for the watch's own connection.
func (w *watch) dialOwn(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		silent := w.silent[address]
		w.mu.Unlock()
		if silent {
			return nil, errHangs // it is not asked twice, such as with and without TLS
		}
		conn, err := dial(ctx, network, address)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			if timedOut(err) {
				w.silent[address] = true
			}
			return nil, err
		}
		w.at = address
		return &watchedConn{Conn: conn, watch: w, at: address, own: true}, nil
	}
}

// start watches until close, with a connection of own's, which dials by dialOwn.
func (w *watch) start(own *sql.DB) {
	ctx, cancel := context.WithCancel(context.Background())
	w.own, w.stop = own, cancel
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look(ctx)
			}
		}
	}()
}

func (w *watch) close() {
	w.stop()
	<-w.ended
	_ = w.own.Close() // nothing is left to be lost
}

// look asks once, and ends the connections to the servers that gave no answer.
func (w *watch) look(ctx context.Context) {
	w.mu.Lock()
	w.silent = map[string]bool{}
	w.mu.Unlock()
	asked := time.Now()
	err := w.ask(ctx)
	if ctx.Err() != nil {
		return // it was not the server's time that was up
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		delete(w.hanging, w.at)
	}
	// Another error says that a connection is gone or refused: whoever asks for one is told.
	for at := range w.silent {
		w.end(at, asked)
	}
}

// ask asks whichever server takes writes, on the connection that is there or on a new one.
func (w *watch) ask(ctx context.Context) error {
	connecting, cancel := context.WithTimeout(ctx, watchConnects)
	defer cancel()
	conn, err := w.own.Conn(connecting)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back
	asking, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	return conn.PingContext(asking)
}

// end ends all connections to a server, unless something came on one of them since: a server that is slow does
// not hang. The caller has mu.
func (w *watch) end(at string, since time.Time) {
	var silent []net.Conn
	for c := range w.open {
		if c.at != at {
			continue
		}
		if c.heard.Load() >= since.UnixNano() {
			return
		}
		silent = append(silent, c.Conn)
	}
	w.hanging[at] = true
	for _, conn := range silent {
		_ = conn.Close() // whoever uses it closes it for the pool, too
	}
}
