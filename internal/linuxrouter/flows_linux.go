package linuxrouter

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// endFlows ends those that another configuration ends. They would go on untranslated or through another
// interface otherwise: connection tracking remembers addresses and looks a route up for each packet.
func (r *Router) endFlows(ended func(appliance.Interface, netip.Addr, netip.Addr) bool) error {
	if ended == nil {
		return nil
	}
	var count [16]byte
	if n, err := r.count.ReadAt(count[:], 0); n == 0 || string(count[:n]) == "0\n" {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	}
	all, err := r.tracked()
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.Mark == 0 { // of the appliance itself
			continue
		}
		if !ended(appliance.Interface(f.Mark-1), f.TupleOrig.IP.SourceAddress, f.TupleReply.IP.SourceAddress) { // #nosec G115 -- an id of ours
			continue
		}
		if err := r.flows.Delete(f); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// tracked returns the flows that the kernel tracks. Some it may return twice.
//
// The kernel has them in a table that all namespaces share. To list them over netlink it locks each row of
// the table in turn, which takes 5 ms for 262,144 rows; to read them as a file it locks none, and takes a tenth of
// that. Not every kernel has the file (CONFIG_NF_CONNTRACK_PROCFS). A reader of it may miss a flow
// in whose row another one ends meanwhile: so it is read twice.
func (r *Router) tracked() ([]conntrack.Flow, error) {
	var all []conntrack.Flow
	for range 2 {
		flows, err := r.listed()
		if err != nil { // the file is missing, or has more than this program knows
			return r.flows.Dump(nil)
		}
		all = append(all, flows...)
	}
	return all, nil
}

// listed reads the file of all flows: of each its mark, its first tuple and the addresses of the second.
func (r *Router) listed() ([]conntrack.Flow, error) {
	if r.list == nil {
		return nil, os.ErrNotExist
	}
	if _, err := r.list.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r.list)
	if err != nil {
		return nil, err
	}
	var flows []conntrack.Flow
	for line := range strings.Lines(string(text)) {
		f, err := parseFlow(line)
		if err != nil {
			return nil, err
		}
		flows = append(flows, f)
	}
	return flows, nil
}

// parseFlow reads a line such as "ipv4 2 udp 17 29 src=10.0.0.10 dst=10.0.2.10 sport=2000 dport=53 [UNREPLIED]
// src=10.0.2.10 dst=10.0.0.10 sport=53 dport=2000 mark=2 zone=0 use=2". TCP has its state behind the seconds, and
// ICMP type, code and id in place of ports.
func parseFlow(line string) (f conntrack.Flow, err error) {
	words := strings.Fields(line)
	if len(words) < 5 {
		return f, errors.New("a flow has too few words")
	}
	number := func(text string, bits int) uint64 {
		n, e := strconv.ParseUint(text, 10, bits)
		err = errors.Join(err, e)
		return n
	}
	address := func(text string) netip.Addr {
		a, e := netip.ParseAddr(text)
		err = errors.Join(err, e)
		return a
	}
	first, reply := &f.TupleOrig, &f.TupleReply.IP
	first.Proto.Protocol = uint8(number(words[3], 8)) // #nosec G115 -- read as such
	for _, word := range words[4:] {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "mark":
			f.Mark = uint32(number(value, 32)) // #nosec G115 -- read as such
		case key == "src" && !first.IP.SourceAddress.IsValid():
			first.IP.SourceAddress = address(value)
		case key == "src":
			reply.SourceAddress = address(value)
		case key == "dst" && !first.IP.DestinationAddress.IsValid():
			first.IP.DestinationAddress = address(value)
		case key == "dst":
			reply.DestinationAddress = address(value)
		case reply.SourceAddress.IsValid(): // the rest is of the second tuple
		case key == "sport":
			first.Proto.SourcePort = uint16(number(value, 16)) // #nosec G115 -- read as such
		case key == "dport":
			first.Proto.DestinationPort = uint16(number(value, 16)) // #nosec G115 -- read as such
		case key == "type":
			first.Proto.ICMPType = uint8(number(value, 8)) // #nosec G115 -- read as such
		case key == "code":
			first.Proto.ICMPCode = uint8(number(value, 8)) // #nosec G115 -- read as such
		case key == "id":
			first.Proto.ICMPID = uint16(number(value, 16)) // #nosec G115 -- read as such
		}
	}
	if err == nil && !reply.DestinationAddress.IsValid() {
		err = errors.New("a flow lacks an address")
	}
	return f, err
}
