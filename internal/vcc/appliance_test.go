package vcc_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestVNICsRule3(t *testing.T) {
	for networks, want := range map[int]int{0: 1, 1: 2, 5: 6, 4094: 4095} {
		a := vcc.NetworkExtensionAppliance{Networks: make([]vcc.Network, networks)}
		if got := a.VNICs(); got != want {
			t.Errorf("%d networks: got %d vNICs, want %d", networks, got, want)
		}
	}
}

func TestParseTraceRequest(t *testing.T) {
	const (
		web, db   = "172.17.52.10", "172.17.54.20"
		web6, db6 = "2001:db8:52::10", "2001:db8:54::20"
	)
	noAddress := func(field, value string) *vcc.Error {
		return wrong(field, `"`+value+`" is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10`)
	}
	for _, tc := range []struct {
		name                          string
		source, destination, protocol string
		port                          int
		want                          []*vcc.Error // none: it is good
	}{
		{"tcp", web, db, "tcp", 5432, nil},
		{"udp", web, db, "udp", 53, nil},
		{"icmp", web, db, "icmp", 0, nil},
		{"IPv6", web6, db6, "tcp", 443, nil},
		{"IPv6 icmp", web6, db6, "icmp", 0, nil},
		{"link-local without a zone", "fe80::10", "fe80::1", "icmp", 0, nil},
		{"IPv6 spelled otherwise", "2001:DB8:52:0::10", db6, "tcp", 443, nil},
		{"an address that no packet has is for the appliance to drop", "0.0.0.0", "224.0.0.1", "udp", 1, nil},
		{"first port", web, db, "tcp", 1, nil},
		{"last port", web, db, "udp", 65535, nil},

		{"no source", "", db, "tcp", 1, []*vcc.Error{noAddress("source", "")}},
		{"no destination", web, "", "tcp", 1, []*vcc.Error{noAddress("destination", "")}},
		{"a name", "web01", db, "tcp", 1, []*vcc.Error{noAddress("source", "web01")}},
		{"a network", web, "172.17.54.0/24", "tcp", 1, []*vcc.Error{noAddress("destination", "172.17.54.0/24")}},
		{"an address and a port", web, db + ":5432", "tcp", 1, []*vcc.Error{noAddress("destination", db+":5432")}},
		{"leading zero", "172.17.052.10", db, "tcp", 1, []*vcc.Error{noAddress("source", "172.17.052.10")}},
		{"white space", web + " ", db, "tcp", 1, []*vcc.Error{noAddress("source", web+" ")}},
		{"zone", "fe80::10%eth0", db6, "tcp", 1, []*vcc.Error{noAddress("source", "fe80::10%eth0")}},
		{"IPv4 within IPv6", web, "::ffff:" + db, "tcp", 1, []*vcc.Error{noAddress("destination", "::ffff:"+db)}},
		{"IPv4 to IPv6", web, db6, "tcp", 1, []*vcc.Error{wrong("destination", db6+" and the source "+web+" are not of one family")}},
		{"IPv6 to IPv4", web6, db, "tcp", 1, []*vcc.Error{wrong("destination", db+" and the source "+web6+" are not of one family")}},
		{"no protocol", web, db, "", 1, []*vcc.Error{wrong("protocol", `"" is not a protocol; use tcp, udp or icmp`)}},
		{"protocol in capitals", web, db, "TCP", 1, []*vcc.Error{wrong("protocol", `"TCP" is not a protocol; use tcp, udp or icmp`)}},
		{"protocol of the family", web6, db6, "icmpv6", 0, []*vcc.Error{wrong("protocol", `"icmpv6" is not a protocol; use tcp, udp or icmp`)}},
		{"tcp without a port", web, db, "tcp", 0, []*vcc.Error{wrong("port", "0 is not a port; tcp needs one from 1 to 65535")}},
		{"negative port", web, db, "udp", -1, []*vcc.Error{wrong("port", "-1 is not a port; udp needs one from 1 to 65535")}},
		{"port too high", web, db, "tcp", 65536, []*vcc.Error{wrong("port", "65536 is not a port; tcp needs one from 1 to 65535")}},
		{"icmp with a port", web, db, "icmp", 7, []*vcc.Error{wrong("port", "icmp has no ports; leave it out")}},
		{
			"everything that is wrong is listed", "a", "b", "sctp", 0,
			[]*vcc.Error{noAddress("source", "a"), noAddress("destination", "b"), wrong("protocol", `"sctp" is not a protocol; use tcp, udp or icmp`)},
		},
		{
			"another family beside a wrong port", web, db6, "icmp", 1,
			[]*vcc.Error{wrong("destination", db6+" and the source "+web+" are not of one family"), wrong("port", "icmp has no ports; leave it out")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := vcc.ParseTraceRequest(tc.source, tc.destination, tc.protocol, tc.port)
			wantErrors(t, err, tc.want...)
			if len(tc.want) > 0 {
				return
			}
			want := vcc.TraceRequest{
				Source: netip.MustParseAddr(tc.source), Destination: netip.MustParseAddr(tc.destination), Protocol: tc.protocol, Port: tc.port,
			}
			if diff := cmp.Diff(want, got, byValue); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}
