package linuxrouter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// field is something that a rule loads into a register.
type field struct {
	load func(register uint32) expr.Any
	// words is its size in registers of 4 bytes, as a part of a concatenation.
	words uint32
	// needs are what has to match before it is there: a family and a protocol.
	needs []string
	// value reads a constant.
	value func(string) ([]byte, error)
}

func metaField(key expr.MetaKey, value func(string) ([]byte, error), needs ...string) field {
	return field{func(r uint32) expr.Any { return &expr.Meta{Key: key, Register: r} }, 1, needs, value}
}

func ctField(key expr.CtKey, value func(string) ([]byte, error)) field {
	return field{func(r uint32) expr.Any { return &expr.Ct{Key: key, Register: r} }, 1, nil, value}
}

func payloadField(base expr.PayloadBase, offset, size uint32, value func(string) ([]byte, error), needs ...string) field {
	return field{func(r uint32) expr.Any {
		return &expr.Payload{DestRegister: r, Base: base, Offset: offset, Len: size}
	}, (size + 3) / 4, needs, value}
}

const (
	onlyIPv4, onlyIPv6 = "meta nfproto ipv4", "meta nfproto ipv6"
	onlyTCP, onlyUDP   = "meta l4proto tcp", "meta l4proto udp"
	onlyICMP           = "meta l4proto icmp"
	onlyICMPv6         = "meta l4proto ipv6-icmp"
)

// fields are those of ruleset.nft, by their names there.
var fields = map[string]field{
	"iif":          metaField(expr.MetaKeyIIF, nil),
	"oif":          metaField(expr.MetaKeyOIF, nil),
	"meta mark":    metaField(expr.MetaKeyMARK, number32),
	"meta nfproto": metaField(expr.MetaKeyNFPROTO, names(map[string]byte{"ipv4": unix.NFPROTO_IPV4, "ipv6": unix.NFPROTO_IPV6})),
	"meta l4proto": metaField(expr.MetaKeyL4PROTO, names(map[string]byte{"icmp": unix.IPPROTO_ICMP, "tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "ipv6-icmp": unix.IPPROTO_ICMPV6})),
	"ct mark":      ctField(expr.CtKeyMARK, number32),
	"ct direction": ctField(expr.CtKeyDIRECTION, names(map[string]byte{"original": 0, "reply": 1})),
	"ip saddr":     payloadField(expr.PayloadBaseNetworkHeader, 12, 4, address, onlyIPv4),
	"ip daddr":     payloadField(expr.PayloadBaseNetworkHeader, 16, 4, address, onlyIPv4),
	"ip ttl":       payloadField(expr.PayloadBaseNetworkHeader, 8, 1, number8, onlyIPv4),
	"ip6 saddr":    payloadField(expr.PayloadBaseNetworkHeader, 8, 16, address, onlyIPv6),
	"ip6 daddr":    payloadField(expr.PayloadBaseNetworkHeader, 24, 16, address, onlyIPv6),
	"ip6 hoplimit": payloadField(expr.PayloadBaseNetworkHeader, 7, 1, number8, onlyIPv6),
	"tcp dport":    payloadField(expr.PayloadBaseTransportHeader, 2, 2, port, onlyTCP),
	"udp dport":    payloadField(expr.PayloadBaseTransportHeader, 2, 2, port, onlyUDP),
	"icmp type":    payloadField(expr.PayloadBaseTransportHeader, 0, 1, number8, onlyIPv4, onlyICMP),
	"icmpv6 type":  payloadField(expr.PayloadBaseTransportHeader, 0, 1, number8, onlyIPv6, onlyICMPv6),
}

func number32(s string) ([]byte, error) {
	v, err := strconv.ParseUint(s, 0, 32)
	return binary.NativeEndian.AppendUint32(nil, uint32(v)), err
}

func number8(s string) ([]byte, error) {
	v, err := strconv.ParseUint(s, 0, 8)
	return []byte{byte(v)}, err
}

func port(s string) ([]byte, error) {
	v, err := strconv.ParseUint(s, 10, 16)
	return binary.BigEndian.AppendUint16(nil, uint16(v)), err
}

func address(s string) ([]byte, error) {
	a, err := netip.ParseAddr(s)
	return a.AsSlice(), err
}

func names(all map[string]byte) func(string) ([]byte, error) {
	return func(s string) ([]byte, error) {
		v, ok := all[s]
		if !ok {
			return nil, fmt.Errorf("unknown name %q", s)
		}
		return []byte{v}, nil
	}
}

// translator makes the kernel's expressions of a rule.
type translator struct {
	table *nftables.Table
	sets  map[string]*nftables.Set
	// links has the interfaces that the ruleset names, with their indexes.
	links    map[string]int
	maxFlows uint32

	words []string // what is left of the rule
	known map[string]bool
	made  []expr.Any
}

// The registers: the first of 16 bytes, and where the 4-byte registers begin.
const register1, register32 = unix.NFT_REG_1, unix.NFT_REG32_00

// connlimitOver asks for more flows than the limit (uapi/linux/netfilter/nf_tables.h).
const connlimitOver = 1

func (t *translator) next() string {
	if len(t.words) == 0 {
		return ""
	}
	w := t.words[0]
	t.words = t.words[1:]
	return w
}

// take drops the next words of the rule if they are these.
func (t *translator) take(words ...string) bool {
	if len(t.words) < len(words) {
		return false
	}
	for i, w := range words {
		if t.words[i] != w {
			return false
		}
	}
	t.words = t.words[len(words):]
	return true
}

// rule translates one.
func (t *translator) rule(text string) ([]expr.Any, error) {
	t.words, t.known, t.made = strings.Fields(text), map[string]bool{}, nil
	for len(t.words) > 0 {
		if err := t.statement(); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	return t.made, nil
}

func (t *translator) add(e ...expr.Any) { t.made = append(t.made, e...) }

func (t *translator) statement() error {
	switch {
	case t.take("accept"):
		t.add(&expr.Verdict{Kind: expr.VerdictAccept})
	case t.take("drop"):
		t.add(&expr.Verdict{Kind: expr.VerdictDrop})
	case t.take("return"):
		t.add(&expr.Verdict{Kind: expr.VerdictReturn})
	case t.take("goto"):
		t.add(&expr.Verdict{Kind: expr.VerdictGoto, Chain: t.next()})
	case t.take("jump"):
		t.add(&expr.Verdict{Kind: expr.VerdictJump, Chain: t.next()})
	case t.take("counter"):
		t.add(&expr.Counter{})
	case t.take("log", "prefix"):
		prefix := strings.Trim(t.next(), `"`)
		t.take("group")
		group, err := strconv.ParseUint(t.next(), 10, 16)
		if err != nil {
			return err
		}
		t.add(&expr.Log{Key: 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX, Group: uint16(group), Data: []byte(prefix)})
	case t.take("ct", "count", "over"):
		t.next()
		t.add(&expr.Connlimit{Count: t.maxFlows, Flags: connlimitOver})
	case t.take("ct", "state", "invalid"):
		bit := binaryutil.NativeEndian.PutUint32(expr.CtStateBitINVALID)
		t.add(&expr.Ct{Key: expr.CtKeySTATE, Register: register1}, and(register1, bit), &expr.Cmp{Op: expr.CmpOpNeq, Register: register1, Data: make([]byte, 4)})
	case t.take("fib"):
		return t.fib()
	case t.take("meta", "mark", "set"):
		if err := t.assigned("meta mark"); err != nil {
			return err
		}
		t.add(&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: register1})
	case t.take("ct", "mark", "set"):
		if err := t.assigned("ct mark"); err != nil {
			return err
		}
		t.add(&expr.Ct{Key: expr.CtKeyMARK, SourceRegister: true, Register: register1})
	case t.take("dnat"):
		return t.nat(expr.NATTypeDestNAT)
	case t.take("snat"):
		return t.nat(expr.NATTypeSourceNAT)
	default:
		return t.match()
	}
	return nil
}

func and(register uint32, mask []byte) expr.Any {
	return &expr.Bitwise{SourceRegister: register, DestRegister: register, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))} // #nosec G115 -- 16 at most
}

// fib translates the two questions to the routing table: whether the packet came in where the route to its
// source leads, and whether no route leads to its destination.
func (t *translator) fib() error {
	switch {
	case t.take("saddr", ".", "iif", "oif", "exists"):
		t.add(&expr.Fib{Register: register1, ResultOIF: true, FlagSADDR: true, FlagIIF: true, FlagPRESENT: true}, &expr.Cmp{Op: expr.CmpOpEq, Register: register1, Data: []byte{1, 0, 0, 0}})
	case t.take("daddr", "oif", "missing"):
		t.add(&expr.Fib{Register: register1, ResultOIF: true, FlagDADDR: true, FlagPRESENT: true}, &expr.Cmp{Op: expr.CmpOpEq, Register: register1, Data: []byte{0, 0, 0, 0}})
	default:
		return fmt.Errorf("fib %q is not known here", t.words)
	}
	return nil
}

// assigned translates what a mark is set to: a constant, or "FIELD map @NAME".
func (t *translator) assigned(to string) error {
	if len(t.words) > 1 && t.words[1] != "accept" && strings.Contains(strings.Join(t.words, " "), " map @") {
		return t.mapped()
	}
	value, err := fields[to].value(t.next())
	t.add(&expr.Immediate{Register: register1, Data: value})
	return err
}

// mapped translates "FIELD . FIELD map @NAME". The value gets into the first register.
func (t *translator) mapped() error {
	if _, err := t.concatenation(); err != nil {
		return err
	}
	t.take("map")
	set, err := t.set(t.next())
	if err != nil {
		return err
	}
	t.add(&expr.Lookup{SourceRegister: register1, DestRegister: register1, IsDestRegSet: true, SetName: set.Name, SetID: set.ID})
	return nil
}

func (t *translator) set(name string) (*nftables.Set, error) {
	set, ok := t.sets[strings.TrimPrefix(name, "@")]
	if !ok {
		return nil, fmt.Errorf("no set %q", name)
	}
	return set, nil
}

// nat translates "ip to … map @NAME". A concatenated value has an address and a port.
func (t *translator) nat(kind expr.NATType) error {
	n := &expr.NAT{Type: kind, Family: unix.NFPROTO_IPV4, RegAddrMin: register1} // packets of the other family go on
	portRegister := uint32(register32 + 1)
	if t.take("ip6") {
		n.Family, portRegister = unix.NFPROTO_IPV6, register32+4
	} else {
		t.take("ip")
	}
	t.take("to")
	if kind == expr.NATTypeDestNAT {
		n.RegProtoMin = portRegister
	}
	if err := t.mapped(); err != nil {
		return err
	}
	t.add(n)
	return nil
}

// require translates a match that another one depends on, once in a rule.
func (t *translator) require(match string) error {
	if t.known[match] {
		return nil
	}
	t.known[match] = true
	rest := t.words
	t.words = strings.Fields(match)
	err := t.match()
	t.words = rest
	return err
}

// concatenation translates "FIELD . FIELD", each with a mask or none, and returns the first.
func (t *translator) concatenation() (field, error) {
	var first field
	register := uint32(register1)
	used := uint32(0)
	// What is needed comes before all: it uses the registers, too.
	for i, words := 0, t.words; i < len(words); i++ {
		if f, n := fieldAt(words[i:]); n > 0 && (i == 0 || words[i-1] == ".") {
			for _, need := range f.needs {
				if err := t.require(need); err != nil {
					return first, err
				}
			}
		} else if words[i] == "map" || strings.HasPrefix(words[i], "@") {
			break
		}
	}
	for {
		f, n := fieldAt(t.words)
		if n == 0 {
			return first, fmt.Errorf("%q begins with no field", strings.Join(t.words, " "))
		}
		t.words = t.words[n:]
		t.add(f.load(register))
		if t.take("&") {
			mask, err := f.value(t.next())
			if err != nil {
				return first, err
			}
			t.add(and(register, mask))
		}
		if used == 0 {
			first = f
		}
		used += f.words
		register = register32 + used
		if !t.take(".") {
			return first, nil
		}
	}
}

// fieldAt returns the field whose name words begin with, and how many words that is.
func fieldAt(words []string) (field, int) {
	if len(words) > 1 {
		if f, ok := fields[words[0]+" "+words[1]]; ok {
			return f, 2
		}
	}
	if len(words) > 0 {
		if f, ok := fields[words[0]]; ok {
			return f, 1
		}
	}
	return field{}, 0
}

// match translates "FIELDS @SET", "FIELDS != @SET", "FIELD VALUE" and the like.
func (t *translator) match() error {
	f, err := t.concatenation()
	if err != nil {
		return err
	}
	op := expr.CmpOpEq
	switch {
	case t.take("!="):
		op = expr.CmpOpNeq
	case t.take("<="):
		op = expr.CmpOpLte
	case t.take(">"):
		op = expr.CmpOpGt
	}
	value := t.next()
	low, high, isRange := strings.Cut(value, "-")
	switch {
	case strings.HasPrefix(value, "@"):
		set, err := t.set(value)
		if err != nil {
			return err
		}
		t.add(&expr.Lookup{SourceRegister: register1, SetName: set.Name, SetID: set.ID, Invert: op == expr.CmpOpNeq})
	case strings.HasPrefix(value, `"`):
		index, ok := t.links[strings.Trim(value, `"`)]
		if !ok {
			return fmt.Errorf("no link %s", value)
		}
		t.add(&expr.Cmp{Op: op, Register: register1, Data: []byte(native(uint32(index)))}) // #nosec G115 -- ours
	case strings.Contains(value, "/"):
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			return err
		}
		mask := make([]byte, prefix.Addr().BitLen()/8)
		for i := range prefix.Bits() {
			mask[i/8] |= 1 << (7 - i%8)
		}
		t.add(and(register1, mask), &expr.Cmp{Op: op, Register: register1, Data: prefix.Addr().AsSlice()})
	case isRange && f.value != nil && !strings.Contains(value, "ipv6"):
		from, err := f.value(low)
		if err != nil {
			return err
		}
		to, err := f.value(high)
		if err != nil {
			return err
		}
		t.add(&expr.Cmp{Op: expr.CmpOpGte, Register: register1, Data: from}, &expr.Cmp{Op: expr.CmpOpLte, Register: register1, Data: to})
	case f.value == nil:
		return fmt.Errorf("%q is no interface in quotes", value)
	default:
		data, err := f.value(value)
		if err != nil {
			return err
		}
		t.add(&expr.Cmp{Op: op, Register: register1, Data: data})
	}
	return nil
}

// datatypes are those of sets in ruleset.nft.
var datatypes = map[string]nftables.SetDatatype{
	"iface_index": nftables.TypeIFIndex, "mark": nftables.TypeMark, "nf_proto": nftables.TypeNFProto,
	"ipv4_addr": nftables.TypeIPAddr, "ipv6_addr": nftables.TypeIP6Addr, "inet_service": nftables.TypeInetService,
}

func datatype(names []string) (nftables.SetDatatype, error) {
	var all []nftables.SetDatatype
	for _, name := range names {
		t, ok := datatypes[name]
		if !ok {
			return t, fmt.Errorf("no datatype %q", name)
		}
		all = append(all, t)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return nftables.ConcatSetType(all...)
}

// netlinkSet returns the set that a declaration declares.
func (t *translator) netlinkSet(d setDeclaration) (*nftables.Set, error) {
	s := &nftables.Set{Table: t.table, Name: d.name, Interval: d.interval, Concatenation: len(d.key) > 1, IsMap: len(d.value) > 0}
	if d.key[0] == "iface_index" || d.key[0] == "mark" {
		s.KeyByteOrder = binaryutil.NativeEndian
	}
	var err error
	if s.KeyType, err = datatype(d.key); err == nil && s.IsMap {
		s.DataType, err = datatype(d.value)
	}
	return s, err
}

// baseChain reads "type filter hook forward priority filter; policy drop;".
func baseChain(c *nftables.Chain, hook string) error {
	words := strings.Fields(strings.ReplaceAll(hook, ";", ""))
	if len(words) != 8 || words[6] != "policy" {
		return fmt.Errorf("%q is no base chain", hook)
	}
	priorities := map[string]*nftables.ChainPriority{"mangle": nftables.ChainPriorityMangle, "dstnat": nftables.ChainPriorityNATDest, "filter": nftables.ChainPriorityFilter, "srcnat": nftables.ChainPriorityNATSource}
	hooks := map[string]*nftables.ChainHook{"prerouting": nftables.ChainHookPrerouting, "input": nftables.ChainHookInput, "forward": nftables.ChainHookForward, "output": nftables.ChainHookOutput, "postrouting": nftables.ChainHookPostrouting}
	policy := nftables.ChainPolicyDrop
	if words[7] == "accept" {
		policy = nftables.ChainPolicyAccept
	}
	c.Type, c.Hooknum, c.Priority, c.Policy = nftables.ChainType(words[1]), hooks[words[3]], priorities[words[5]], &policy
	if c.Hooknum == nil || c.Priority == nil {
		return fmt.Errorf("%q has an unknown hook or priority", hook)
	}
	return nil
}
