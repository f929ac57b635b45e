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
