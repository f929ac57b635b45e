package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// operations is a server for the programs that watch a backend. It has no secrets to tell, so it
// needs no TLS. It has a listener of its own, because the other may be crowded.
type operations struct {
	*http.Server
	listener net.Listener
}

// maxWatchers is how many connections may watch at once.
const maxWatchers = 64

func listenForOperations(ctx context.Context, cfg ServerConfig, handler http.Handler) (*operations, error) {
	if _, _, err := net.SplitHostPort(cfg.MetricsListen); err != nil {
		return nil, fmt.Errorf("%q is not an address for metrics; write it like 127.0.0.1:9420", cfg.MetricsListen)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("the server cannot listen for who asks for metrics: %w", err)
	}
	bounded := boundConnections(listener, maxWatchers)
	return &operations{&http.Server{
		Handler: handler, ConnState: bounded.changed,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: newConnectionLog(cfg.Log),
	}, bounded}, nil
}

func (o *operations) serve() error {
	if err := o.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// MetricsAddr is the address of ServerConfig.MetricsListen, nil without one.
func (s *Server) MetricsAddr() net.Addr {
	if s.operations == nil {
		return nil
	}
	return s.operations.listener.Addr()
}

// measure returns the state of what the server's handler does not know.
func (s *Server) measure() []httpapi.Measurement {
	open, refused := s.listener.count()
	database := s.store.Stats()
	return []httpapi.Measurement{
		{Name: "vcc_connections_open", Help: "Connections of clients.", Value: float64(open)},
		{Name: "vcc_connections_max", Help: "How many connections of clients there may be.", Value: float64(s.cfg.MaxConnections)},
		{Name: "vcc_connections_refused_total", Help: "Connections that were closed because there were too many.", Value: float64(refused), Counter: true},
		{Name: "vcc_database_connections_open", Help: "Connections to the database.", Value: float64(database.OpenConnections)},
		{Name: "vcc_database_connections_in_use", Help: "Connections to the database that are in use.", Value: float64(database.InUse)},
		{Name: "vcc_database_connections_max", Help: "How many connections to the database there may be, 0 for any number.", Value: float64(database.MaxOpenConnections)},
		{Name: "vcc_database_waits_total", Help: "How often something waited for a connection to the database.", Value: float64(database.WaitCount), Counter: true},
		{Name: "vcc_database_wait_seconds_total", Help: "How long all of them waited.", Value: database.WaitDuration.Seconds(), Counter: true},
	}
}
