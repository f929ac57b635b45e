package backend

import "context"

// Ready is what /readyz asks.
func (s *Server) Ready(ctx context.Context) error { return s.ready(ctx) }
