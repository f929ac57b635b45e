package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// watcher says what the kernel of one appliance decides. It is safe for concurrent use.
type watcher struct {
	// host leads what is said where there are several appliances.
	host   string
	notify func(Notice)

	mu sync.Mutex
	// compiled is what the kernel has, and before that what it had: a packet may have been decided by either.
	compiled, before *appliance.Compiled
	said             map[conversation]bool
	expected         map[*expectation]bool

	lostAt time.Time // when it was last said that drops are missing; of follow alone
}

// conversation is what is said once.
type conversation struct {
	arriving            appliance.Interface
	protocol            appliance.Protocol
	source, destination netip.AddrPort
	reason              vcc.Reason
}

// maxSaid bounds what is remembered of what was said.
const maxSaid = 1 << 14

func newWatcher(host string, c *appliance.Compiled, notify func(Notice)) *watcher {
	return &watcher{host: host, notify: notify, compiled: c, before: c, said: map[conversation]bool{}, expected: map[*expectation]bool{}}
}

// configuring takes what the kernel is about to have.
func (w *watcher) configuring(c *appliance.Compiled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.compiled = w.compiled, c
	clear(w.said) // of what is as it was, too: it is news after a change
}

// expectation collects what is decided about one request and its reply.
type expectation struct {
	protocol    appliance.Protocol
	source      netip.AddrPort
	destination netip.Addr

	mu      sync.Mutex
	first   *linuxrouter.Entry // on the request
	dropped *linuxrouter.Entry // on either
}

func (e *expectation) isDropped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped != nil
}

// expect collects from now on. Whoever calls it forgets the expectation afterwards.
func (w *watcher) expect(e *expectation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected[e] = true
}

func (w *watcher) forget(e *expectation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.expected, e)
}

func (e *expectation) take(v linuxrouter.Entry) {
	if v.Packet.Protocol != e.protocol {
		return
	}
	request := v.Packet.Source == e.source && v.Packet.Destination.Addr() == e.destination && !v.Packet.EchoReply
	reply := v.Packet.Destination.Addr() == e.source.Addr() && (v.Packet.Destination.Port() == e.source.Port() || v.Packet.EchoReply && v.Packet.Source.Port() == e.source.Port())
	if !request && !reply {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if request && e.first == nil {
		e.first = &v
	}
	if v.Verdict == vcc.Dropped && e.dropped == nil {
		e.dropped = &v
	}
}

// follow takes what a log has until it is closed. read is the log's Read.
func (w *watcher) follow(read func() ([]linuxrouter.Entry, error)) {
	for {
		entries, err := read()
		for _, e := range entries {
			w.take(e)
		}
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, linuxrouter.ErrLost):
			w.lost()
		case err != nil:
			w.notify(Notice{Text: fmt.Sprintf("%swhat the kernel drops cannot be told: %v", w.leading(), err)})
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// lossesEvery bounds how often it is said that drops are missing: while a program sends too much they are all the time.
const lossesEvery = 10 * time.Second

// lost says that drops are missing.
func (w *watcher) lost() {
	if now := time.Now(); w.lostAt.IsZero() || now.Sub(w.lostAt) >= lossesEvery {
		w.lostAt = now
		w.notify(Notice{Text: w.leading() + "more packets came at once than can be told of: drops may be missing here"})
	}
}

// leading is what what is said begins with where there are several appliances.
func (w *watcher) leading() string {
	if w.host == "" {
		return ""
	}
	return w.host + ": "
}

// take says what the kernel decided, where that is worth saying.
func (w *watcher) take(v linuxrouter.Entry) {
	p := v.Packet
	if !p.Source.IsValid() || p.Destination.Addr().IsMulticast() || p.Destination.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return // what hosts say to their link by themselves, and what no program sends
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.expected {
		e.take(v)
	}
	fault := w.differs(v)
	if fault == "" && v.Verdict != vcc.Dropped {
		return
	}
	key := conversation{p.Interface, p.Protocol, p.Source, p.Destination, v.Reason}
	if w.said[key] {
		return
	}
	if len(w.said) >= maxSaid {
		clear(w.said)
	}
	w.said[key] = true
	w.notify(Notice{Text: w.line(v) + fault, Fault: fault != ""})
}

// line is what is said of a packet: where it arrived, what it is, and what became of it.
func (w *watcher) line(v linuxrouter.Entry) string {
	p := v.Packet
	at := p.Interface.String()
	if w.host != "" {
		at = w.host + " " + at
	}
	return fmt.Sprintf("%s: %s %s -> %s: %s", at, p.Protocol, p.Source.Addr(), vcc.FormatEnd(p.Destination), w.words(v))
}

// words are Trace's for a verdict, with the way out, or the bare facts where it says something else.
func (w *watcher) words(v linuxrouter.Entry) string {
	bare := fmt.Sprintf("%s, %s", v.Verdict, v.Reason)
	for _, step := range appliance.Trace(w.compiled, v.Packet).Steps {
		if step.Kind == vcc.StepRule && strings.HasPrefix(step.Message, bare+":") {
			return step.Message + w.wayOut(v)
		}
	}
	return bare
}

// wayOut is what to do about a drop. That nothing gets in from outside but by a rule for it is as it
// should be, unless it was for an address that has others.
func (w *watcher) wayOut(v linuxrouter.Entry) string {
	if v.Reason != vcc.ReasonNoPublicIPRule {
		return v.Reason.WayOut()
	}
	for _, r := range w.compiled.DestinationNAT {
		if r.Public.Addr() == v.Packet.Destination.Addr() && v.Packet.Destination.Port() != 0 {
			return v.Reason.WayOut()
		}
	}
	return ""
}

// differs compares a verdict of the kernel with the routing engine's, and says how they differ; ""
// where they do not, or where the engine does not say. It knows no states of TCP, and it is asked as
// for the first packet of a flow, so that it cannot know of a reply without a way back.
func (w *watcher) differs(v linuxrouter.Entry) string {
	if isSegment(v) || v.Verdict == vcc.Dropped && v.Reason == vcc.ReasonNoRoute {
		return ""
	}
	now, before := appliance.Trace(w.compiled, v.Packet), appliance.Trace(w.before, v.Packet)
	if v.Verdict == now.Verdict && v.Reason == now.Reason || v.Verdict == before.Verdict && v.Reason == before.Reason {
		return ""
	}
	return fmt.Sprintf(". But backend trace says %s, %s: that is a fault of this program. Please report it with both", now.Verdict, now.Reason)
}

// isSegment reports whether a packet is one of TCP that opens no connection (RFC 9293, 3.1).
func isSegment(v linuxrouter.Entry) bool {
	var w appliance.Wire
	return w.Read(v.Raw) == appliance.Decidable && w.Protocol == appliance.TCP && !w.Opens
}
