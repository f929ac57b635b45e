package linuxrouter

import "github.com/ti-mo/conntrack"

// Tracked returns the flows as they are read from the file, or over netlink.
func (r *Router) Tracked(file bool) ([]conntrack.Flow, error) {
	if file {
		return r.listed()
	}
	return r.flows.Dump(nil)
}

// ParseFlow reads a line of the file.
var ParseFlow = parseFlow
