package backend

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// settleAgain is after how long a server tries again to set passwords when something failed.
const settleAgain = 5 * time.Second

// settlePasswords sets the passwords of the lab that the server was started with. Hashing takes
// a tenth of a second for each, so it goes on beside the requests, until finish, and until the
// accounts that are missing are there the server is not ready. Where some are missing it returns
// after the first seconds of that, so that a server of a few accounts has them when it answers.
func (s *Server) settlePasswords(ctx context.Context) (finish func()) {
	ctx, stop := context.WithCancel(ctx)
	var going sync.WaitGroup
	if total := len(s.settle.Passwords()); total > 0 {
		s.cfg.Log.InfoContext(ctx, "setting the passwords of the lab", "passwords", total)
		more, wait := true, time.Duration(0)
		if s.missing.Load() > 0 {
			more, wait = s.settleSome(ctx)
		}
		going.Go(func() {
			for more {
				select {
				case <-time.After(wait):
					more, wait = s.settleSome(ctx)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return func() {
		stop()
		going.Wait()
	}
}

// settleSome sets passwords for some seconds, and reports whether and after how long that has to
// go on.
func (s *Server) settleSome(ctx context.Context) (more bool, after time.Duration) {
	outcome, err := s.store.SettlePasswords(ctx, s.settle)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, 0
	case vcc.Code(err) == vcc.CodeConflict: // an operator's lab, or an account that was made by hand
		s.missing.Store(0)
		s.cfg.Log.WarnContext(ctx, "the other passwords of the lab are not set", "error", err)
		return false, 0
	case err != nil:
		s.cfg.Log.WarnContext(ctx, "the passwords of the lab cannot be set now", "error", err)
		return true, settleAgain
	}
	for _, username := range outcome.Passwords {
		s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, httpapi.AuditLine, httpapi.LabPasswordAttrs(username)...)
	}
	left := outcome.PasswordsLeft
	s.missing.Store(int64(left.Missing))
	if left.Total() == 0 {
		s.cfg.Log.InfoContext(ctx, "the passwords of the lab are set")
	}
	return left.Total() > 0, 0
}
