package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A client is the domain's services over HTTP. This one talks to a backend in the same process;
// NewClient makes one for a server that listens somewhere.
func ExampleClient() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the system clears it away
	embedded, err := backend.OpenEmbedded(ctx, backend.EmbeddedConfig{DataDir: folder, Program: "example"})
	if err != nil {
		log.Fatal(err)
	}
	defer embedded.Close() //nolint:errcheck // nothing is written any more
	client := embedded.Client

	own := vcc.Actor{} // the account's own tenant
	networks, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
		return client.Networks(ctx, own, vcc.NetworkFilter{Name: "VMware Silver network 2"}, p)
	})
	if err != nil {
		log.Fatal(err)
	}
	network := networks[0]
	settings := vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{
		Address: netip.MustParseAddr("fe80::1"), Network: netip.MustParsePrefix("2001:db8:99::/48"),
	}}
	absent := vcc.Precondition{Absent: true}
	gateway, created, err := client.PutDefaultGateway(ctx, own, network.ID, settings, absent)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(network.Name, "created:", created, gateway.IPv6.Network)
	for _, w := range gateway.Warnings() {
		fmt.Println("warning:", w.Field)
	}

	// A write under a condition that does not hold says what is stored instead.
	_, _, err = client.PutDefaultGateway(ctx, own, network.ID, settings, absent)
	var e *vcc.Error
	if errors.As(err, &e) && e.Code == vcc.CodePreconditionFailed {
		fmt.Println("stored already:", e.Current.(*vcc.DefaultGateway).IPv6.Address)
	}
	// Output:
	// VMware Silver network 2 created: true 2001:db8:99::/48
	// warning: ipv6.prefixLength
	// stored already: fe80::1
}
