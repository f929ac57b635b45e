// Package wiretest is the far ends of a router's links, for tests: it puts packets on the wire, and sees what
// comes out, and what the ruleset said. It works on Linux alone.
package wiretest
