package cli

import "fmt"

type windowCmd struct {
	Port int `default:"0" placeholder:"PORT" help:"Port of 127.0.0.1 to serve at (default: a free one)."`
}

func (windowCmd) sharedFlags() []string { return []string{"data-dir", "tenant"} }

func (windowCmd) does() string {
	return "serves a data folder; a served backend has the window at its address"
}

// program is what the history has beside the name of the user.
func (windowCmd) program() string { return "window" }

// Run serves the window of a data folder until the program is told to stop.
func (c windowCmd) Run(s *session) error {
	switch {
	case s.served:
		return usageError("VCC_ENDPOINT is set, and window serves a data folder: name it with --data-dir, or open " + s.flags.Endpoint + " in a browser")
	case c.Port < 0 || c.Port > 65535:
		return usageError("--port is 0 to 65535")
	}
	return s.embedded.ServeWindow(s.ctx, c.Port, func(address string) {
		_, _ = fmt.Fprintf(s.stdout, "The Default Gateways window is served until Ctrl-C, at an address that is good once:\n%s\n", address)
	})
}
