package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

// FuzzRun replays whatever comes, damaged and hostile captures among it. Nothing panics, and every packet is
// in one place of the answer.
func FuzzRun(f *testing.F) {
	for _, link := range []layers.LinkType{layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2, layers.LinkTypeRaw} {
		var frames [][]byte
		for _, s := range some() {
			frames = append(frames, s.on(link))
		}
		f.Add(oldFormat(binary.LittleEndian, 0xa1b2c3d4, link, frames))
		f.Add(oldFormat(binary.BigEndian, 0xa1b23c4d, link, frames))
		f.Add(ngFormat(f, link, frames))
		f.Add(gzipped(f, ngFormat(f, link, frames)))
	}
	var all [][]byte
	for _, t := range talks() {
		for _, s := range t.steps {
			all = append(all, t.frame(s, 50000).on(layers.LinkTypeEthernet))
		}
	}
	f.Add(ngFormat(f, layers.LinkTypeEthernet, all))
	appliances := withReplicas(sources(f, true))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := replayed(context.Background(), bytes.NewReader(file), appliances, 8)
		if err != nil {
			return
		}
		total := func(more ...Tally) (sum Tally) {
			for _, m := range more {
				sum.Conversations += m.Conversations
				sum.Packets += m.Packets
				sum.Bytes += m.Bytes
			}
			return sum
		}
		sum := total(r.Through, r.Within, r.Unknown, r.NotIP, r.Control, r.Fragments, r.Malformed)
		for _, b := range r.Broken {
			sum = total(sum, b.Tally)
			var groups Tally
			for _, g := range b.Groups {
				groups = total(groups, g.Tally)
				g.Request()
			}
			if groups != b.Tally {
				t.Errorf("the groups of %s have %+v together, and all of it is %+v", b.Reason, groups, b.Tally)
			}
			if b.Because() == "" {
				t.Errorf("%s has no words", b.Reason)
			}
		}
		if sum.Packets != r.Packets || sum.Bytes != r.Bytes {
			t.Errorf("the parts have %d packets and %d bytes, and the whole %d and %d", sum.Packets, sum.Bytes, r.Packets, r.Bytes)
		}
	})
}
