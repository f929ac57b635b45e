package store

import "time"

// Forget has the next check ask anew.
func (r *Readiness) Forget() { r.at = time.Time{} }

// Renew makes the last answer one of this moment.
func (r *Readiness) Renew() { r.at = time.Now() }
