package wssec

import "sync"

// drafts are the parts of a Security header while they are written. The next message
// uses their memory. The Signature is overwritten before: where the message has it
// encrypted, its digests are of plaintexts.
type drafts struct{ head, signature, small []byte }

// maxDraft is the room of the largest that is kept: a Security header has 4 kB, and
// as much as its token takes.
const maxDraft = 32 << 10

var freeDrafts sync.Pool

func takeDrafts() *drafts {
	if d, ok := freeDrafts.Get().(*drafts); ok {
		return d
	}
	const usual = 4 << 10
	return &drafts{make([]byte, 0, usual), make([]byte, 0, usual), make([]byte, 0, usual)}
}

// take returns room for n octets, those of a part that stands in clear in the
// message.
func (d *drafts) take(n int) []byte {
	if d == nil || cap(d.small)-len(d.small) < n {
		return make([]byte, 0, n)
	}
	start := len(d.small)
	d.small = d.small[:start+n]
	return d.small[start:start:len(d.small)]
}

// room returns the memory for the header's content, nil without drafts.
func (d *drafts) room() []byte {
	if d == nil {
		return nil
	}
	return d.head[:0]
}

func (d *drafts) free() {
	clear(d.signature[:cap(d.signature)])
	d.small = d.small[:0]
	if cap(d.head) <= maxDraft && cap(d.signature) <= maxDraft {
		freeDrafts.Put(d)
	}
}
