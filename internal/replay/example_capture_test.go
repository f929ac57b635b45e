package replay

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

var rewrite = flag.Bool("rewrite", false, "write examples/rehearsal/capture.pcapng anew")

// TestExampleCapture makes the capture of examples/rehearsal, of a morning at the built-in lab's site, and compares it with the file:
//
//	go test ./internal/replay -run TestExampleCapture -rewrite
func TestExampleCapture(t *testing.T) {
	const name = "../../examples/rehearsal/capture.pcapng"
	want := exampleCapture(t)
	if *rewrite {
		ok(t, os.WriteFile(name, want, 0o644)) //nolint:gosec // for everybody to read
	}
	got, err := os.ReadFile(name)
	ok(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not the capture that this test makes; write it anew with -rewrite", name)
	}
}

func exampleCapture(t *testing.T) []byte {
	var b bytes.Buffer
	options := pcapgo.DefaultNgWriterOptions
	options.SectionInfo = pcapgo.NgSectionInfo{Comment: "A made-up morning at the gateway of the built-in lab's site"}
	w, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{Name: "inside", LinkType: layers.LinkTypeEthernet, TimestampResolution: 6, SnapLength: 96}, options)
	ok(t, err)
	now := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	write := func(f frame) {
		frame := f.on(layers.LinkTypeEthernet)
		ok(t, w.WritePacket(f.info(now, len(frame)), frame))
		now = now.Add(3 * time.Millisecond)
	}
	end := func(address string, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(address), port)
	}
	port := uint16(50000)
	// tcpOf is a connection that carries a number of large packets from the server.
	tcpOf := func(client, server string, serverPort uint16, large int) {
		port++
		c, s := end(client, port), end(server, serverPort)
		write(frame{from: c, to: s, protocol: tcp, flags: syn, wireLength: 74})
		write(frame{from: s, to: c, protocol: tcp, flags: synAck, wireLength: 74})
		write(frame{from: c, to: s, protocol: tcp, flags: ack, wireLength: 66})
		for i := range large {
			write(frame{from: s, to: c, protocol: tcp, flags: ack, wireLength: 1514})
			if i%2 == 1 {
				write(frame{from: c, to: s, protocol: tcp, flags: ack, wireLength: 66})
			}
		}
		write(frame{from: c, to: s, protocol: tcp, flags: 17, wireLength: 66})
		now = now.Add(time.Second)
	}
	udpOf := func(client, server string, serverPort uint16, length int) {
		port++
		write(frame{from: end(client, port), to: end(server, serverPort), protocol: udp, wireLength: 80})
		write(frame{from: end(server, serverPort), to: end(client, port), protocol: udp, wireLength: length})
	}
	const web01, web02, db01, file01, vault01 = "172.17.52.10", "172.17.52.11", "172.17.54.20", "172.17.56.30", "172.17.58.40"

	udpOf(web01, "172.17.52.1", 53, 140) // the name server that the gateway was
	port++
	agent := end(web02, port) // which keeps a connection open, and is spoken to after ten minutes
	monitor := end("203.0.113.99", 5671)
	write(frame{from: agent, to: monitor, protocol: tcp, flags: syn, wireLength: 74})
	write(frame{from: monitor, to: agent, protocol: tcp, flags: synAck, wireLength: 74})
	write(frame{from: agent, to: monitor, protocol: tcp, flags: ack, wireLength: 66})
	idleSince := now
	for range 4 {
		tcpOf("192.0.2.80", web01, 443, 4) // customers, by a public IP rule
		tcpOf(web01, db01, 5432, 6)
	}
	tcpOf("192.0.2.81", web02, 443, 4) // the rule for it has another public port, which the inside does not see
	tcpOf("2001:db8:aaaa::80", "2001:db8:52::10", 443, 4)
	tcpOf(web01, web02, 6379, 3) // in one network
	tcpOf(web01, "192.0.2.200", 443, 5)
	tcpOf(db01, "192.0.2.201", 443, 8) // updates of a server without internet access
	tcpOf(file01, vault01, 445, 10)    // into a network of another hardware plan
	tcpOf(web01, "172.17.54.99", 9100, 2)
	tcpOf(web02, "10.8.0.20", 1433, 3) // through the tunnel to a branch
	udpOf(web01, "192.0.2.53", 123, 90)
	udpOf("192.0.2.7", "198.51.100.77", 53, 90) // somebody else's
	for range 3 {
		write(frame{from: end(file01, 77), to: end("192.0.2.200", 0), protocol: echo4, icmp: 8, wireLength: 98})
		write(frame{from: end("192.0.2.200", 77), to: end(file01, 0), protocol: echo4, icmp: 0, wireLength: 98})
	}
	write(frame{from: end(web01, 0), etherType: 0x0806, wireLength: 60})
	write(frame{from: end(web01, 5353), to: end("224.0.0.251", 5353), protocol: udp, hopLimit: 255, wireLength: 120})
	now = idleSince.Add(10 * time.Minute)
	write(frame{from: monitor, to: agent, protocol: tcp, flags: ack, wireLength: 300})
	write(frame{from: agent, to: monitor, protocol: tcp, flags: ack, wireLength: 66})
	ok(t, w.Flush())
	return b.Bytes()
}
