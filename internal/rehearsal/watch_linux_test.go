package rehearsal_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A drop is told once for each conversation, in the words of a trace. Where the kernel says something
// else than a trace does, that is told as a fault of ours, and what the trace does not know is none.
func TestTold(t *testing.T) {
	_, sources := sixVMs()
	in := sources[0].ApplianceInputs
	in.RoutingEnabled = false
	c := appliance.Compile(in)
	// entry is of a TCP segment from vm11.
	entry := func(verdict vcc.Verdict, reason vcc.Reason, port uint16, destination string, flags byte) linuxrouter.Entry {
		raw := make([]byte, 40)
		raw[0], raw[9], raw[33] = 0x45, byte(appliance.TCP), flags
		return linuxrouter.Entry{Verdict: verdict, Reason: reason, Raw: raw, Packet: appliance.Packet{
			Interface: 1, Protocol: appliance.TCP, HopLimit: 64, Source: netip.AddrPortFrom(netip.MustParseAddr("172.17.0.10"), port), Destination: netip.MustParseAddrPort(destination),
		}}
	}
	const syn, ack = 2, 16
	for _, tc := range []struct {
		name    string
		entries []linuxrouter.Entry
		want    string // the texts, with FAULT behind those of faults
	}{
		{"what is let through", []linuxrouter.Entry{entry(vcc.Forwarded, vcc.ReasonInternetAccess, 1, "192.0.2.1:80", syn)}, ""},
		{"a conversation twice, and another one", []linuxrouter.Entry{
			entry(vcc.Dropped, vcc.ReasonRoutingDisabled, 1, "172.17.1.10:80", syn), entry(vcc.Dropped, vcc.ReasonRoutingDisabled, 1, "172.17.1.10:80", syn),
			entry(vcc.Dropped, vcc.ReasonRoutingDisabled, 2, "172.17.1.10:80", syn),
		}, strings.Repeat("net1: tcp 172.17.0.10 -> 172.17.1.10:80: dropped, routing_disabled: 172.17.1.10 is in net2 (Silver network 2), and traffic between networks is not routed; switch the routing option on\n", 2)},
		{"another reason", []linuxrouter.Entry{entry(vcc.Dropped, vcc.ReasonNoInternetAccess, 1, "172.17.1.10:80", syn)},
			"net1: tcp 172.17.0.10 -> 172.17.1.10:80: dropped, no_internet_access. But backend trace says dropped, routing_disabled: that is a fault of this program. Please report it with both FAULT\n"},
		{"another verdict", []linuxrouter.Entry{entry(vcc.Forwarded, vcc.ReasonRoutingEnabled, 1, "172.17.1.10:80", syn)},
			"net1: tcp 172.17.0.10 -> 172.17.1.10:80: forwarded, routing_enabled. But backend trace says dropped, routing_disabled: that is a fault of this program. Please report it with both FAULT\n"},
		{"a segment of no known connection", []linuxrouter.Entry{entry(vcc.Dropped, vcc.ReasonInvalidPacket, 1, "192.0.2.1:80", ack)}, "net1: tcp 172.17.0.10 -> 192.0.2.1:80: dropped, invalid_packet\n"},
		{"multicast", []linuxrouter.Entry{entry(vcc.Dropped, vcc.ReasonInvalidPacket, 1, "224.0.0.251:5353", syn)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, n := range rehearsal.Told(c, tc.entries...) {
				got += n.Text
				if n.Fault {
					got += " FAULT"
				}
				got += "\n"
			}
			if got != tc.want {
				t.Errorf("got:\n%swant:\n%s", got, tc.want)
			}
		})
	}
}

// That drops are missing is told, and not again for each of many losses.
func TestFollowed_lost(t *testing.T) {
	_, sources := sixVMs()
	got := rehearsal.Followed("esx01", appliance.Compile(sources[0].ApplianceInputs), linuxrouter.ErrLost, nil, linuxrouter.ErrLost, os.ErrClosed)
	want := []rehearsal.Notice{{Text: "esx01: more packets came at once than can be told of: drops may be missing here"}}
	if !slices.Equal(got, want) {
		t.Errorf("told: %+v; want %+v", got, want)
	}
}
