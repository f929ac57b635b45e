//go:build !linux

package linuxrouter

import (
	"errors"
	"runtime"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

func unsupported() error {
	return errors.New("real packets need the network namespaces of Linux, and this is " + runtime.GOOS + "; use a Linux machine or a Linux VM")
}

// Supported always returns an error here that says what is missing.
func Supported() error { return unsupported() }

// Namespace is a network namespace of Linux.
type Namespace struct{}

// NewNamespace always returns the error of Supported here.
func NewNamespace() (*Namespace, error) { return nil, unsupported() }

// FD returns nothing of use here.
func (n *Namespace) FD() int { return -1 }

// Do always returns the error of Supported here.
func (n *Namespace) Do(func() error) error { return unsupported() }

// Close does nothing here.
func (n *Namespace) Close() error { return nil }

// Router is an appliance that a Linux kernel is.
type Router struct{}

// Open always returns the error of Supported here.
func Open(far *Namespace, o Options) (*Router, error) { return nil, unsupported() }

// Namespace returns nothing of use here.
func (r *Router) Namespace() *Namespace { return nil }

// Apply always returns the error of Supported here.
func (r *Router) Apply(c *appliance.Compiled) error { return unsupported() }

// Reset always returns the error of Supported here.
func (r *Router) Reset() error { return unsupported() }

// Listen always returns the error of Supported here.
func (r *Router) Listen() (*Log, error) { return nil, unsupported() }

// Close does nothing here.
func (r *Router) Close() error { return nil }

// Log is what a router says of packets.
type Log struct{}

// Read always returns the error of Supported here.
func (l *Log) Read() ([]Entry, error) { return nil, unsupported() }

// Close does nothing here.
func (l *Log) Close() error { return nil }
