package provider

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func v4(address string) vcc.GatewayState {
	return vcc.GatewayState{GatewaySettings: ipv4Settings(address + "/16")}
}

// However many changes there were, a person reads the first, the last and how many.
func TestDescribeChanges_many(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 600} {
		var changes []vcc.Change // newest first
		for i := n; i > 0; i-- {
			before, after := v4(fmt.Sprintf("10.0.%d.%d", (i-1)/250, 1+(i-1)%250)), v4(fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250))
			changes = append(changes, vcc.Change{Time: time.Unix(int64(i), 0), Actor: "other", Before: &before, After: &after})
		}
		text := describeChanges(changes, v4("10.0.0.1").GatewaySettings)
		lines := strings.Split(text, "\n")
		if want := min(n, 3); len(lines) != want {
			t.Errorf("%d changes make %d lines:\n%s", n, len(lines), text)
		}
		if !strings.Contains(lines[0], "from 10.0.0.1 to 10.0.0.2") || !strings.Contains(lines[len(lines)-1], fmt.Sprintf("to 10.0.%d.%d", n/250, 1+n%250)) {
			t.Errorf("%d changes:\n%s", n, text)
		}
		if more := fmt.Sprintf("and %d more changes", n-2); n > 3 != strings.Contains(text, more) {
			t.Errorf("%d changes:\n%s", n, text)
		}
	}
}

// What describeDetected writes is read back, and nothing else is.
func TestReadDetected(t *testing.T) {
	v6 := vcc.IPv6Settings{Address: netip.MustParseAddr("fe80::1"), Network: netip.MustParsePrefix("2001:db8:52::/64")}
	only4 := ipv4Settings("172.17.52.1/23")
	for _, s := range []vcc.GatewaySettings{only4, {IPv6: &v6}, {IPv4: only4.IPv4, IPv6: &v6}} {
		text := describeDetected(&vcc.DefaultGateway{Origin: vcc.OriginDetected, GatewaySettings: s})
		if read, ok := readDetected(text); !ok || !read.Equal(s) {
			t.Errorf("%q is read as %+v, %t", text, read, ok)
		}
	}
	for _, text := range []string{"", "detected: ", "detected: 10.0.0.1", "specified: 10.0.0.1 in 10.0.0.0/8", "detected: 10.0.0.1 in 2001:db8::/64", "detected: 10.0.0.1 in 10.0.0.0/8, "} {
		if read, ok := readDetected(text); ok {
			t.Errorf("%q is read as %+v", text, read)
		}
	}
}
