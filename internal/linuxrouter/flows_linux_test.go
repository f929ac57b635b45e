package linuxrouter_test

import (
	"cmp"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/ti-mo/conntrack"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/wiretest"
)

// TestTracked: the file of flows has of every flow what netlink has of it.
func TestTracked(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	w := wiretest.Open(t, linuxrouter.Options{})
	check(t, w.Apply(appliance.Compile(many(10))))
	for i, p := range [][3]string{
		{"udp", "10.0.0.10:2000", "10.0.2.10:53"}, {"udp", "[2001:db8::10]:2000", "[2001:db8:0:2::10]:53"},
		{"tcp", "10.0.0.10:2000", "192.0.2.80:443"}, {"tcp", "10.0.0.11:2000", "192.0.2.80:443"}, {"tcp", "[2001:db8::10]:2000", "[2001:db8:aaaa::1]:443"},
		{"icmp", "10.0.0.10:77", "192.0.2.80:0"}, {"icmpv6", "[2001:db8::10]:77", "[2001:db8:aaaa::1]:0"},
	} {
		check(t, w.Send(1, made(uint64(i+1), p[0], p[1], p[2])))
	}
	check(t, w.Send(appliance.Ext0, made(100, "tcp", "192.0.2.99:3000", "203.0.113.5:443")))
	check(t, w.Send(appliance.Ext0, made(101, "icmp", "192.0.2.99:5", "198.51.100.5:0"))) // of the appliance itself
	file, err := w.Router.Tracked(true)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("this kernel has no file of flows, and netlink is asked: ", err)
	}
	check(t, err)
	netlink, err := w.Router.Tracked(false)
	check(t, err)
	type known struct {
		mark  uint32
		first conntrack.Tuple
		reply conntrack.IPTuple
	}
	all := func(flows []conntrack.Flow) (list []known) {
		for _, f := range flows {
			f.TupleOrig.Proto.ICMPv4, f.TupleOrig.Proto.ICMPv6 = false, false // which the protocol says as well
			list = append(list, known{f.Mark, f.TupleOrig, f.TupleReply.IP})
		}
		slices.SortFunc(list, func(a, b known) int {
			return cmp.Or(a.first.IP.SourceAddress.Compare(b.first.IP.SourceAddress), a.first.IP.DestinationAddress.Compare(b.first.IP.DestinationAddress), cmp.Compare(a.first.Proto.Protocol, b.first.Proto.Protocol))
		})
		return list
	}
	if got, want := all(file), all(netlink); !slices.Equal(got, want) || len(want) < 8 {
		t.Errorf("the file has\n%v\nand netlink\n%v", got, want)
	}
	// All flows from the first network end with its gateway, and none of the others.
	in := many(10)
	delete(in.Gateways, "network-0")
	check(t, w.Apply(appliance.Compile(in)))
	file, err = w.Router.Tracked(true)
	check(t, err)
	if left := all(file); len(left) != 2 || left[0].first.IP.SourceAddress != netip.MustParseAddr("192.0.2.99") {
		t.Errorf("flows after the change: %v", left)
	}
}

// What this program does not know in the file is an error, so that netlink is asked.
func TestParseFlow_unknown(t *testing.T) {
	for _, line := range []string{
		"", "ipv4 2 udp", "ipv4 2 udp seventeen 29 src=10.0.0.10 dst=10.0.2.10 src=10.0.2.10 mark=2", "ipv4 2 udp 17 29 src=10.0.0.10 dst=10.0.2.10 mark=2", "ipv4 2 udp 17 29 src=10.0.0.10 dst=10.0.2.10 src=10.0.2.10 mark=2",
		"ipv4 2 udp 17 29 src=10.0.0.10 sport=70000 dst=10.0.2.10 src=10.0.2.10 mark=2", "ipv4 2 udp 17 29 src=ten dst=10.0.2.10 src=10.0.2.10 mark=2",
	} {
		if f, err := linuxrouter.ParseFlow(line); err == nil {
			t.Errorf("%q is read as %+v", line, f)
		}
	}
}
