// Package rehearsal rebuilds a failover in network namespaces of a Linux kernel: each appliance as a
// router, each VM of a failover plan as a machine on its network's bridge, and an outside that
// answers on every address. Real programs then run on the machines.
//
// Nothing of it has a name outside, and nothing stays. A rehearsal is a child process (the helper),
// the first of a process namespace of its own, and everything is in namespaces that live as long as
// it does. It ends with the program that started it, whatever ends that. Without root the helper is
// root in a user namespace of its own. It touches nothing outside of these namespaces.
//
// A program that starts rehearsals calls Inside before anything else.
//
// The kernel is also asked whether it agrees with the routing engine: every verdict that it logs is
// compared with appliance.Trace, and a difference is reported as a fault of ours.
//
// Facts about the kernel are those of Linux 6 (ip-sysctl.rst, user_namespaces(7), pid_namespaces(7)).
package rehearsal

import (
	"errors"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ErrSystem is the error on a system that no rehearsal runs on.
var ErrSystem = errors.New("a rehearsal needs the network namespaces of Linux; run it on a Linux machine, in a Linux VM or in WSL 2. " +
	"backend trace says on any system what would get through")

// Outside is the name of the machine that stands for everything outside.
const Outside = "outside"

// Notice is something that happened while programs ran.
type Notice struct {
	// Text is one line for people.
	Text string
	// Fault says that the kernel and the routing engine differ, which is a fault of this program.
	Fault bool
}

// Outcome is what the kernel made of a check.
type Outcome struct {
	// Source and Destination are the addresses that it was tried with: those of the first way
	// that is not as declared, or of the first one.
	Source, Destination netip.Addr
	Reachable           bool
	// Reason is the appliance's for letting the request through or for dropping it or its reply,
	// or why it reaches nobody outside; "" where nothing of that is known.
	Reason vcc.Reason
	// Explanation says why in words, and what to do where that is not as declared.
	Explanation string
	// Fault says how the routing engine and the kernel differ; "" where they do not.
	Fault string
}

// Holds reports whether the outcome is as a check declares it.
func (o Outcome) Holds(c vcc.Check) bool { return c.Holds(o.Reachable, o.Reason) }
