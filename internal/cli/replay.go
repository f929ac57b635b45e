package cli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/replay"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxTop leaves room for one group of every reason in one request of questions.
const maxTop = vcc.MaxTraceRequests - 100

type replayCmd struct {
	Capture string `arg:"" placeholder:"FILE" help:"Capture of the production gateway: pcap or pcapng, or gzip of either; - for the standard input."`
	Plan    string `placeholder:"PLAN" help:"Failover plan whose VMs start and whose public IP rules count (default: those of all plans, or of the one that is failed over)."`
	Top     int    `default:"20" placeholder:"N" help:"How many of the largest broken groups to list, at least one for each reason, and how many addresses where nobody answers (default: ${default})."`
}

// Run replays a capture.
func (c *replayCmd) Run(s *session) error {
	if c.Top < 1 || c.Top > maxTop {
		return usageError(fmt.Sprintf("--top: %d is out of range; use 1 to %d", c.Top, maxTop))
	}
	file, name := s.stdin, "the standard input"
	if c.Capture != "-" {
		name = c.Capture
		opened, err := os.Open(c.Capture)
		if err != nil {
			return fmt.Errorf("the capture cannot be read: %w", err)
		}
		defer opened.Close() //nolint:errcheck // what was read has been read
		file = opened
	}
	sources, names, err := s.applianceSources(c.Plan)
	if err != nil {
		return err
	}
	var report *replay.Report
	read := counted(file)
	err = s.during("Replaying "+name, read.done, func() (err error) {
		report, err = replay.Run(s.ctx, read, sources)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s cannot be replayed: %w", name, err)
	}
	listed, err := s.listed(report, c.Top)
	if err != nil {
		return err
	}
	if s.flags.JSON {
		err = s.printJSON(newReplayObject(report, listed, names, c.Top))
	} else {
		err = s.printText(func(w io.Writer) { printReplay(w, name, report, listed, names, c.Top) })
	}
	if report.Damage != nil {
		tell(s.stderr, fmt.Sprintf("Warning: %s is damaged or cut off after %d packets (%v); the answer is about those.", name, report.Packets, report.Damage))
	}
	return err
}

// applianceSources are what the tenant's appliances are compiled from, and the names of all VMs by their addresses. A
// plan has its VMs alone start, and its rules alone count.
func (s *session) applianceSources(plan string) ([]vcc.ApplianceSources, map[netip.Addr]string, error) {
	all, err := backend.Sources(s.ctx, s.client, s.as)
	if err != nil {
		return nil, nil, err
	}
	names := map[netip.Addr]string{}
	for _, sources := range all {
		addNames(names, sources.Replicas)
	}
	if plan == "" {
		return all, names, nil
	}
	of, err := (planArgument{plan}).find(s)
	if err != nil {
		return nil, nil, err
	}
	all = backend.UnderPlan(of, all)
	for i := range all {
		all[i].Replicas = slices.DeleteFunc(all[i].Replicas, func(r vcc.Replica) bool { return !slices.Contains(of.VMs, r.Name) })
	}
	return all, names, nil
}

// addNames notes the names of replicas by their addresses.
func addNames(names map[netip.Addr]string, replicas []vcc.Replica) {
	for _, vm := range replicas {
		for _, nic := range vm.NICs {
			for _, address := range []netip.Prefix{nic.IPv4, nic.IPv6} {
				if address.IsValid() {
					names[address.Addr()] = vm.Name
				}
			}
		}
	}
}

// listedGroup is a group that is told of, and why it breaks.
type listedGroup struct {
	replay.Group
	because string
}

// listed returns the groups to tell of, by the index of what breaks: the largest of all, and of each reason at least the
// largest. Why they break is what the backend says of a trace of their ends, in one request.
func (s *session) listed(report *replay.Report, top int) ([][]listedGroup, error) {
	type place struct{ broken, group int }
	var places []place
	for i, b := range report.Broken {
		for j := range b.Groups[:min(len(b.Groups), top)] {
			places = append(places, place{i, j})
		}
	}
	groupAt := func(p place) replay.Group { return report.Broken[p.broken].Groups[p.group] }
	slices.SortStableFunc(places, func(a, b place) int {
		switch x, y := groupAt(a).Bytes, groupAt(b).Bytes; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	listed := make([][]listedGroup, len(report.Broken))
	var questions []vcc.TraceRequest
	var asked []*listedGroup
	told := 0
	for _, p := range places {
		if told++; told > top && p.group > 0 {
			continue
		}
		b := report.Broken[p.broken]
		listed[p.broken] = append(listed[p.broken], listedGroup{groupAt(p), b.Because()})
	}
	for i, b := range report.Broken {
		for j := range listed[i] {
			if question, ok := listed[i][j].Request(); ok && !b.Expired {
				questions, asked = append(questions, question), append(asked, &listed[i][j])
			}
		}
	}
	if len(questions) == 0 {
		return listed, nil
	}
	answers, err := s.client.Trace(s.ctx, s.as, questions, vcc.Assumption{})
	if err != nil {
		return nil, err
	}
	reasons := map[*listedGroup]vcc.Reason{}
	for i, b := range report.Broken {
		for j := range listed[i] {
			reasons[&listed[i][j]] = b.Reason
		}
	}
	for i, g := range asked {
		if answers[i].Outcome() == reasons[g] || !answers[i].Reachable && reasons[g] == vcc.ReasonNoDefaultGateway {
			g.because = because(questions[i], answers[i].Explanation)
		}
	}
	return listed, nil
}

// because returns what an explanation says after it has named the ends.
func because(q vcc.TraceRequest, explanation string) string {
	on := fmt.Sprintf(" on %s port %d: ", q.Protocol, q.Port)
	if q.Port == 0 {
		on = fmt.Sprintf(" over %s: ", q.Protocol)
	}
	if _, text, found := strings.Cut(explanation, on); found {
		return text
	}
	return explanation
}

func printReplay(w io.Writer, name string, r *replay.Report, listed [][]listedGroup, names map[netip.Addr]string, top int) {
	_, _ = fmt.Fprintf(w, "%s: %d packets, %s", name, r.Packets, byteText(r.Bytes))
	if r.Packets > 0 {
		_, _ = fmt.Fprintf(w, ", from %s to %s", vcc.TimeText(r.First), vcc.TimeText(r.Last))
	}
	_, _ = fmt.Fprint(w, "\n\n")
	line := func(what string, t replay.Tally) { row(w, what, t.Conversations, t.Packets, byteText(t.Bytes)) }
	row(w, "AFTER FAILOVER", "CONVERSATIONS", "PACKETS", "BYTES")
	line("gets through", r.Through)
	line("would break", brokenTotal(r))
	line("never crosses the appliance: it stays in one network", r.Within)
	line("nobody can know: neither end is the tenant's", r.Unknown)
	for _, rest := range []struct {
		what string
		replay.Tally
	}{{"left out: no IP, such as ARP", r.NotIP}, {"left out: ICMP messages about other packets", r.Control}, {"left out: later fragments", r.Fragments}, {"left out: cut off, or malformed", r.Malformed}} {
		if rest.Packets > 0 {
			row(w, rest.what, "", rest.Packets, byteText(rest.Bytes))
		}
	}
	if len(r.Broken) > 0 {
		_, _ = fmt.Fprint(w, "\nWould break, the largest first:\n")
	}
	more := 0
	for i, b := range r.Broken {
		_, _ = fmt.Fprintf(w, "\n%s: %s, %s, %s\n", reasonText(b), countText(b.Conversations, "conversation"), countText(b.Packets, "packet"), byteText(b.Bytes))
		printGroups(w, listed[i], names)
		more += len(b.Groups) - len(listed[i])
	}
	if more > 0 {
		_, _ = fmt.Fprintf(w, "\nSmaller ones that are not listed: %d; --top lists more.\n", more)
	}
	if r.Unlisted > 0 {
		_, _ = fmt.Fprintf(w, "%d conversations are in none of them: more than %d kinds broke.\n", r.Unlisted, replay.MaxGroups)
	}
	if len(r.Absent) > 0 {
		_, _ = fmt.Fprint(w, "\nGets through, and nobody is there: no VM that starts is known to have these addresses.\n")
		for _, a := range r.Absent[:min(top, len(r.Absent))] {
			row(w, "  "+a.Address.String(), countText(a.Conversations, "conversation"), byteText(a.Bytes))
		}
		if more := len(r.Absent) - top; more > 0 {
			_, _ = fmt.Fprintf(w, "  and %d addresses with less\n", more)
		}
	}
	if r.Forgotten > 0 {
		_, _ = fmt.Fprintf(w, "\nMore than %d conversations were open at once, and %d were forgotten. One that went on is counted twice; the packets and the bytes are exact.\n",
			replay.MaxConversations, r.Forgotten)
	}
}

// printGroups prints groups below why they break, of which each is said once.
func printGroups(w io.Writer, groups []listedGroup, names map[netip.Addr]string) {
	said := map[string]bool{}
	for _, g := range groups {
		if said[g.because] {
			continue
		}
		said[g.because] = true
		_, _ = fmt.Fprintf(w, "  %s\n", g.because)
		for _, other := range groups {
			if other.because == g.because {
				row(w, "    "+countText(other.Conversations, "conversation"), byteText(other.Bytes), service(other.Protocol.String(), int(other.Port)),
					endName(other.Source, names)+" -> "+endName(other.Destination, names))
			}
		}
	}
}

func reasonText(b replay.Broken) string {
	if b.Expired {
		return fmt.Sprintf("flow expired, %s", b.Reason)
	}
	return string(b.Reason)
}

func countText(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// endName writes an end with the name of the VM that has it.
func endName(e vcc.TraceEnd, names map[netip.Addr]string) string {
	if name := names[e.Address]; name != "" {
		return fmt.Sprintf("%s (%s)", name, e.Address)
	}
	return e.String()
}

// byteText writes a number of bytes with three digits.
func byteText(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %s", value, []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[unit])
}

func brokenTotal(r *replay.Report) (total replay.Tally) {
	for _, b := range r.Broken {
		total.Conversations += b.Conversations
		total.Packets += b.Packets
		total.Bytes += b.Bytes
	}
	return total
}

// The JSON form of a replay. It is no answer of the API.
type (
	replayObject struct {
		Packets      uint64         `json:"packets"`
		Bytes        uint64         `json:"bytes"`
		First        *time.Time     `json:"first"`
		Last         *time.Time     `json:"last"`
		Through      replayTally    `json:"through"`
		Broken       []replayBroken `json:"broken"`
		Absent       []replayAbsent `json:"absent"`
		SameNetwork  replayTally    `json:"sameNetwork"`
		Unknown      replayTally    `json:"unknown"`
		NotIP        replayTally    `json:"notIp"`
		ICMPMessages replayTally    `json:"icmpMessages"`
		Fragments    replayTally    `json:"fragments"`
		Malformed    replayTally    `json:"malformed"`
		Forgotten    uint64         `json:"forgottenConversations"`
		Unlisted     uint64         `json:"unlistedConversations"`
		Damage       string         `json:"damage"`
	}
	replayTally struct {
		Conversations uint64 `json:"conversations"`
		Packets       uint64 `json:"packets"`
		Bytes         uint64 `json:"bytes"`
	}
	replayBroken struct {
		Reason  vcc.Reason `json:"reason"`
		Expired bool       `json:"expired"`
		replayTally
		Groups  int           `json:"groups"`
		Largest []replayGroup `json:"largest"`
	}
	replayGroup struct {
		Source          string `json:"source"`
		SourceName      string `json:"sourceName"`
		Destination     string `json:"destination"`
		DestinationName string `json:"destinationName"`
		Protocol        string `json:"protocol"`
		Port            uint16 `json:"port"`
		replayTally
		Explanation string `json:"explanation"`
	}
	replayAbsent struct {
		Address string `json:"address"`
		replayTally
	}
)

func newReplayObject(r *replay.Report, listed [][]listedGroup, names map[netip.Addr]string, top int) replayObject {
	o := replayObject{
		Packets: r.Packets, Bytes: r.Bytes, Through: replayTally(r.Through), SameNetwork: replayTally(r.Within), Unknown: replayTally(r.Unknown),
		NotIP: replayTally(r.NotIP), ICMPMessages: replayTally(r.Control), Fragments: replayTally(r.Fragments), Malformed: replayTally(r.Malformed),
		Forgotten: r.Forgotten, Unlisted: r.Unlisted, Broken: []replayBroken{}, Absent: []replayAbsent{},
	}
	if r.Packets > 0 {
		o.First, o.Last = &r.First, &r.Last
	}
	if r.Damage != nil {
		o.Damage = r.Damage.Error()
	}
	for i, b := range r.Broken {
		broken := replayBroken{Reason: b.Reason, Expired: b.Expired, replayTally: replayTally(b.Tally), Groups: len(b.Groups)}
		for _, g := range listed[i] {
			broken.Largest = append(broken.Largest, replayGroup{
				Source: g.Source.String(), SourceName: names[g.Source.Address], Destination: g.Destination.String(), DestinationName: names[g.Destination.Address],
				Protocol: g.Protocol.String(), Port: g.Port, replayTally: replayTally(g.Tally), Explanation: g.because,
			})
		}
		o.Broken = append(o.Broken, broken)
	}
	for _, a := range r.Absent[:min(top, len(r.Absent))] {
		o.Absent = append(o.Absent, replayAbsent{a.Address.String(), replayTally(a.Tally)})
	}
	return o
}
