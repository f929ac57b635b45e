package rehearsal

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// nearby is a public address that no internet carries: it is reached from the external network alone.
type nearby struct {
	public   netip.Addr
	external netip.Prefix
}

// keepNear has the calling thread's namespace send nothing to such addresses from elsewhere, and replaces what it was told
// before. (A table of routes for each source is no way: once there are rules for those, the kernel does not take addresses
// of the main table for its own any more.)
func keepNear(all []nearby) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "near"})
	conn.FlushTable(table)
	chain := conn.AddChain(&nftables.Chain{
		Table: table, Name: "leaving", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	for _, n := range all {
		family, source, destination, size := byte(unix.NFPROTO_IPV6), uint32(8), uint32(24), uint32(16)
		if n.public.Is4() {
			family, source, destination, size = unix.NFPROTO_IPV4, 12, 16, 4
		}
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: destination, Len: size},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: n.public.AsSlice()},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: source, Len: size},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: net.CIDRMask(n.external.Bits(), int(8*size)), Xor: make([]byte, size)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: n.external.Masked().Addr().AsSlice()},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("addresses that no internet carries: %w", err)
	}
	return nil
}
