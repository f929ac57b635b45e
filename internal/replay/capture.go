package replay

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// capture reads the packets of a capture file: one of the two kinds, the other reader is nil.
type capture struct {
	ng  *ngReader
	old *pcapReader
}

// maxFrame is the most that is read of a packet, as in the tools that write captures.
const maxFrame = 1 << 18

const (
	readSize  = 1 << 18
	batchSize = 512
)

// open finds out which kind of file it is. Of gzip it takes one layer.
func open(r io.Reader) (*capture, error) {
	b := bufio.NewReaderSize(r, readSize)
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("it begins as a gzip file, and is none: %w", err)
		}
		b = bufio.NewReaderSize(z, readSize)
	}
	magic, err := b.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(magic) == 0:
		return nil, errors.New("it is empty")
	case string(magic) == "\x0a\x0d\x0d\x0a": // a section header block, the same in both byte orders
		if begin, err := b.Peek(24); err != nil {
			return nil, fmt.Errorf("it begins as a pcapng file, and is none: %w", cutOff(err))
		} else if byteOrder(begin[8:]) == nil {
			return nil, errors.New("it begins as a pcapng file, and is none: it says no byte order")
		}
		return &capture{ng: &ngReader{r: b}}, nil
	}
	old, err := newPcapReader(b)
	if err != nil {
		return nil, fmt.Errorf("it is neither pcap nor pcapng, nor gzip of either: %w", err)
	}
	if !readable(old.link) {
		return nil, fmt.Errorf("its frames are of link type %d; a replay reads Ethernet, Linux cooked and raw IP", old.link)
	}
	return &capture{old: old}, nil
}

// next reads a packet. io.EOF is the end of a whole file.
func (c *capture) next(p *packet) error {
	if c.old != nil {
		frame, err := c.old.next(p)
		if err != nil {
			return err
		}
		p.decode(c.old.link, frame)
		return nil
	}
	frame, link, err := c.ng.next(p)
	if err != nil {
		return err
	}
	if !readable(link) {
		p.kind = notIP
		return nil
	}
	p.decode(link, frame)
	return nil
}

// batch is a number of packets, and the error that ended them.
type batch struct {
	packets [batchSize]packet
	count   int
	err     error
}

// batches reads a capture ahead. Each batch goes back to free when it is done with; the reading ends at an error,
// which the last batch has, or when stop is closed.
func (c *capture) batches(stop <-chan struct{}) (full, free chan *batch) {
	const ahead = 8
	full, free = make(chan *batch, ahead), make(chan *batch, ahead)
	for range ahead {
		free <- new(batch)
	}
	go func() {
		for {
			var b *batch
			select {
			case b = <-free:
			case <-stop:
				return
			}
			for b.count, b.err = 0, nil; b.count < batchSize; b.count++ {
				if b.err = c.next(&b.packets[b.count]); b.err != nil {
					break
				}
			}
			last := b.err != nil // whoever gets the batch may empty it
			full <- b            // there is room for all that there are
			if last {
				return
			}
		}
	}()
	return full, free
}
