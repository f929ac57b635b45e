package rehearsal

import (
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
)

// AsOrdinaryUser has rehearsals use a user namespace even for root.
func AsOrdinaryUser() { rootAsIs = false }

// Told is what is told of what a kernel logs.
func Told(c *appliance.Compiled, entries ...linuxrouter.Entry) (notices []Notice) {
	w := newWatcher("", c, func(n Notice) { notices = append(notices, n) })
	for _, e := range entries {
		w.take(e)
	}
	return notices
}

// Followed returns what is told of a log whose reads end in these errors.
func Followed(host string, c *appliance.Compiled, errs ...error) (notices []Notice) {
	w := newWatcher(host, c, func(n Notice) { notices = append(notices, n) })
	w.follow(func() ([]linuxrouter.Entry, error) {
		err := errs[0]
		errs = errs[1:]
		return nil, err
	})
	return notices
}
