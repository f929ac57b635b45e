package backend

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
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

// Compiled returns what traces of a tenant are answered with: the same value for as long as it is kept.
func (s *Services) Compiled(ctx context.Context, as vcc.Actor) (any, error) {
	c, err := s.stored(ctx, as)
	return c, err
}
