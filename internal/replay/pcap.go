package replay

import (
	"bufio"
	"encoding/binary"
	"fmt"
)

// pcapReader reads the packets of a pcap file (draft-ietf-opsawg-pcap). It is here because the library that
// the tests write such files with has tables of 5 MiB, which the program would start with, whatever it does.
type pcapReader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	link  linkType
	unit  int64 // of the fractions of its seconds, in nanoseconds
	frame int   // bytes of the last frame, which was read without being taken from r
}

// linkType says what a frame begins with (the registry of that draft).
type linkType uint16

const (
	linkEthernet  linkType = 1
	linkRaw       linkType = 101
	linkLinuxSLL  linkType = 113
	linkIPv4      linkType = 228
	linkIPv6      linkType = 229
	linkLinuxSLL2 linkType = 276
	// Raw IP as some systems number it in files (libpcap, DLT_RAW).
	linkRawBSD     linkType = 12
	linkRawOpenBSD linkType = 14
)

// Magic numbers of files whose times have microseconds, and nanoseconds.
const (
	pcapMicroseconds = 0xa1b2c3d4
	pcapNanoseconds  = 0xa1b23c4d
)

const (
	pcapHeader = 24 // of the file
	pcapRecord = 16 // before each frame
)

// newPcapReader reads the header of a file.
func newPcapReader(r *bufio.Reader) (*pcapReader, error) {
	head, err := r.Peek(pcapHeader)
	if err != nil {
		return nil, cutOff(err)
	}
	p := &pcapReader{r: r}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(head) {
		case pcapMicroseconds:
			p.order, p.unit = order, 1000
		case pcapNanoseconds:
			p.order, p.unit = order, 1
		}
	}
	if p.order == nil {
		return nil, fmt.Errorf("it begins with the bytes % x", head[:4])
	}
	if major, minor := p.order.Uint16(head[4:]), p.order.Uint16(head[6:]); major != 2 || minor != 4 {
		return nil, fmt.Errorf("it is pcap of version %d.%d, and a replay reads 2.4", major, minor)
	}
	p.link = linkType(p.order.Uint32(head[20:])) // #nosec G115 -- what is above says how long frame check sequences are
	_, err = r.Discard(pcapHeader)
	return p, err
}

// next reads a packet into p, but for what decode sets, and returns its frame, which is good until the
// next call. io.EOF is the end of a whole file.
func (r *pcapReader) next(p *packet) (frame []byte, err error) {
	if _, err := r.r.Discard(r.frame); err != nil {
		return nil, cutOff(err)
	}
	r.frame = 0
	head, err := r.r.Peek(pcapRecord)
	if err != nil {
		if len(head) > 0 {
			err = cutOff(err)
		}
		return nil, err
	}
	captured, length := r.order.Uint32(head[8:]), r.order.Uint32(head[12:])
	switch {
	case captured > maxFrame:
		return nil, fmt.Errorf("%d bytes of a packet were captured, and the most that is read of one is %d", captured, maxFrame)
	case captured > length:
		return nil, fmt.Errorf("%d bytes of a packet were captured, which had %d", captured, length)
	}
	p.at, p.length = int64(r.order.Uint32(head))*1e9+int64(r.order.Uint32(head[4:]))*r.unit, length
	if _, err := r.r.Discard(pcapRecord); err != nil {
		return nil, err
	}
	if frame, err = r.r.Peek(int(captured)); err != nil {
		return nil, cutOff(err)
	}
	r.frame = int(captured)
	return frame, nil
}
