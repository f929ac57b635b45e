package replay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// ngReader reads the packets of a pcapng file (draft-ietf-opsawg-pcapng). Readers in libraries keep
// names, comments and interfaces, as many as a file has. This one keeps of an interface what a packet
// needs, of a number of interfaces that is bounded, and skips everything else without holding it.
type ngReader struct {
	r          *bufio.Reader
	order      binary.ByteOrder
	interfaces []ngInterface
	foreign    bool   // the section is of an unknown version, and is skipped
	rest       uint32 // of the last block, which was read without being taken from r
	at         int64  // of the last packet
}

// ngInterface is what a section says of an interface.
type ngInterface struct {
	link linkType
	// snap is the most that was captured of a packet, 0 for no bound.
	snap uint32
	// second is how many units of its time make a second, and offset is added in seconds.
	second uint64
	offset int64
}

// Block types, and the options of an interface that say what its times mean.
const (
	ngSection        = 0x0a0d0d0a // the same in both byte orders
	ngInterfaceBlock = 1
	ngPacket         = 2 // obsolete
	ngSimplePacket   = 3
	ngEnhancedPacket = 6

	ngByteOrder = 0x1a2b3c4d

	ngOptionEnd        = 0
	ngOptionResolution = 9
	ngOptionOffset     = 14
)

const (
	// maxInterfaces is how many a section has at most.
	maxInterfaces = 1 << 12
	// maxDescription is how long the description of an interface is at most.
	maxDescription = 1 << 16
	// ngHead is what stands before a captured frame.
	ngHead = 28
)

// next reads a packet into p, but for what decode sets, and returns its frame, which is good until the
// next call, or as much of it as counts. io.EOF is the end of a whole file.
func (n *ngReader) next(p *packet) (frame []byte, link linkType, err error) {
	for {
		if err := n.leave(); err != nil {
			return nil, 0, err
		}
		head, err := n.r.Peek(12)
		switch {
		case len(head) == 12:
		case !errors.Is(err, io.EOF):
			return nil, 0, err
		case len(head) > 0:
			return nil, 0, io.ErrUnexpectedEOF
		default:
			return nil, 0, io.EOF
		}
		kind := binary.LittleEndian.Uint32(head)
		if kind == ngSection {
			if n.order = byteOrder(head[8:]); n.order == nil {
				return nil, 0, errors.New("a section says no byte order")
			}
		} else if n.order == nil {
			return nil, 0, errors.New("it does not begin with a section")
		}
		kind = n.order.Uint32(head)
		length := n.order.Uint32(head[4:])
		if length < 12 || length%4 != 0 {
			return nil, 0, fmt.Errorf("a block says that it has %d bytes, which no block has", length)
		}
		n.rest = length
		switch {
		case kind == ngSection:
			err = n.section(length)
		case n.foreign:
		case kind == ngInterfaceBlock:
			err = n.describe(length)
		case kind == ngPacket || kind == ngEnhancedPacket:
			return n.packet(p, kind, length)
		case kind == ngSimplePacket:
			return n.simplePacket(p, length)
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

func byteOrder(magic []byte) binary.ByteOrder {
	switch uint32(ngByteOrder) {
	case binary.LittleEndian.Uint32(magic):
		return binary.LittleEndian
	case binary.BigEndian.Uint32(magic):
		return binary.BigEndian
	}
	return nil
}

// leave skips what is left of the last block, whose length stands at its end once more.
func (n *ngReader) leave() error {
	if n.rest == 0 {
		return nil
	}
	for left := int64(n.rest) - 4; left > 0; {
		step, err := n.r.Discard(int(min(left, 1<<30)))
		if err != nil {
			return cutOff(err)
		}
		left -= int64(step)
	}
	end, err := n.r.Peek(4)
	if err != nil {
		return cutOff(err)
	}
	if again := n.order.Uint32(end); again != n.rest {
		return fmt.Errorf("a block begins with a length of %d bytes and ends with one of %d", n.rest, again)
	}
	n.rest = 0
	_, err = n.r.Discard(4)
	return err
}

// cutOff says that a file ends within a block.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// block returns the beginning of the block that is read, without its length at the end.
func (n *ngReader) block(size, length uint32) ([]byte, error) {
	if length < size+4 {
		return nil, fmt.Errorf("a block has %d bytes, and needs %d", length, size+4)
	}
	b, err := n.r.Peek(int(size))
	return b, cutOff(err)
}

// section begins one. Its interfaces are its own.
func (n *ngReader) section(length uint32) error {
	b, err := n.block(24, length)
	if err != nil {
		return err
	}
	major, minor := n.order.Uint16(b[12:]), n.order.Uint16(b[14:])
	n.interfaces, n.foreign = n.interfaces[:0], major != 1 || minor != 0 && minor != 2
	return nil
}

// describe reads the description of an interface.
func (n *ngReader) describe(length uint32) error {
	switch {
	case len(n.interfaces) >= maxInterfaces:
		return fmt.Errorf("a section has more than %d interfaces, which no capture has", maxInterfaces)
	case length > maxDescription:
		return fmt.Errorf("the description of an interface has %d bytes, and the most that is read of one is %d", length, maxDescription)
	}
	b, err := n.block(length-4, length)
	if err != nil {
		return err
	}
	if len(b) < 16 {
		return fmt.Errorf("the description of an interface has %d bytes, and needs 20", length)
	}
	i := ngInterface{link: linkType(n.order.Uint16(b[8:])), snap: n.order.Uint32(b[12:]), second: 1e6}
	for b = b[16:]; len(b) >= 4; {
		code, size := n.order.Uint16(b), int(n.order.Uint16(b[2:]))
		if code == ngOptionEnd {
			break
		}
		b = b[4:]
		if size > len(b) {
			return errors.New("an option of an interface is longer than its block")
		}
		switch {
		case code == ngOptionResolution && size == 1:
			if i.second = unitsOf(b[0]); i.second == 0 {
				return fmt.Errorf("the times of an interface have a resolution of 0x%02x, which is too high", b[0])
			}
		case code == ngOptionOffset && size == 8:
			i.offset = int64(n.order.Uint64(b)) // #nosec G115 -- it has a sign
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	n.interfaces = append(n.interfaces, i)
	return nil
}

// unitsOf returns how many units of a time make a second, 0 for too many: a resolution is a negative power of
// 10, or with its highest bit set of 2.
func unitsOf(resolution byte) uint64 {
	if power := resolution &^ 0x80; resolution&0x80 != 0 {
		return 1 << power // 0 from 64 on
	} else if power > 19 {
		return 0
	}
	units := uint64(1)
	for range resolution {
		units *= 10
	}
	return units
}

// nanoseconds makes nanoseconds since 1970 of a time. One that is beyond their range is wrong, and becomes some other one.
func (i *ngInterface) nanoseconds(t uint64) int64 {
	if i.second == 1e6 && i.offset == 0 {
		return int64(t * 1000) // #nosec G115 -- see above
	}
	high, low := bits.Mul64(t%i.second, 1e9)
	fraction, _ := bits.Div64(high, low, i.second)
	return (int64(t/i.second)+i.offset)*1e9 + int64(fraction) // #nosec G115 -- see above
}

// packet reads a block with a packet. Both kinds have everything that counts at one place.
func (n *ngReader) packet(p *packet, kind, length uint32) (frame []byte, link linkType, err error) {
	b, err := n.block(ngHead, length)
	if err != nil {
		return nil, 0, err
	}
	index := n.order.Uint32(b[8:])
	if kind == ngPacket {
		index = uint32(n.order.Uint16(b[8:]))
	}
	time := uint64(n.order.Uint32(b[12:]))<<32 | uint64(n.order.Uint32(b[16:]))
	captured := n.order.Uint32(b[20:])
	p.length = n.order.Uint32(b[24:])
	if uint64(index) >= uint64(len(n.interfaces)) {
		return nil, 0, noInterface(index)
	}
	i := &n.interfaces[index]
	n.at = i.nanoseconds(time)
	frame, err = n.frame(ngHead, captured, length)
	p.at = n.at
	return frame, i.link, err
}

// simplePacket reads a block that has a packet of the first interface without its time: that of the packet before stands in.
func (n *ngReader) simplePacket(p *packet, length uint32) (frame []byte, link linkType, err error) {
	b, err := n.block(12, length)
	if err != nil {
		return nil, 0, err
	}
	if len(n.interfaces) == 0 {
		return nil, 0, noInterface(0)
	}
	i := &n.interfaces[0]
	p.at, p.length = n.at, n.order.Uint32(b[8:])
	captured := p.length
	if i.snap != 0 {
		captured = min(captured, i.snap)
	}
	frame, err = n.frame(12, captured, length)
	return frame, i.link, err
}

// frame returns as much of a frame as is read of one.
func (n *ngReader) frame(head, captured, length uint32) ([]byte, error) {
	if uint64(head)+uint64(captured)+4 > uint64(length) {
		return nil, fmt.Errorf("a packet of %d bytes is in a block of %d", captured, length)
	}
	b, err := n.block(head+min(captured, readSize-ngHead), length)
	if err != nil {
		return nil, err
	}
	return b[head:], nil
}

func noInterface(index uint32) error {
	return fmt.Errorf("a packet is of interface %d, which no block before it describes", index)
}
