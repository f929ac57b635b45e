package vcc

// Limits of a page.
const (
	DefaultPageLimit = 200
	MaxPageLimit     = 1000
)

// Page selects part of a list: at most Limit entries after the first Skip.
type Page struct {
	Skip, Limit int
}
