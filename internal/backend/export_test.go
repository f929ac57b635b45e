package backend

import (
	"context"
	"crypto/tls"
	"log/slog"
)

// SelfSigned returns what a server with a certificate of its own asks for it, for each connection.
func SelfSigned(dir string, log *slog.Logger) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	own, err := newOwnCertificate(dir, "127.0.0.1:0", log)
	return own.get, err
}

// CloseListeners ends a server whatever it is doing.
func (s *Server) CloseListeners() error { return s.server.Close() }

// Ready is what /readyz asks.
func (s *Server) Ready(ctx context.Context) error { return s.ready(ctx) }
