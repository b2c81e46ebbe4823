package wssec_test

import (
	"io/fs"
	"testing"

	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// FuzzVerify changes recorded requests that sign. What is accepted means what
// the recorded one means.
func FuzzVerify(f *testing.F) {
	type service struct {
		p    *wssec.Processor
		want string
	}
	var services []service
	dirs, err := fs.ReadDir(testvectors.Files, "transcripts")
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		c := loadTranscript(f, d.Name())
		m := c.first()
		if m.Expect != "ok" || c.Policy.Binding != wssec.SymmetricBinding {
			continue
		}
		msg := c.file(f, m.File)
		s := service{p: c.processor(f, m, anyReplay{})}
		if s.want, err = meaning(s.p, msg); err != nil {
			f.Fatal(d.Name(), err)
		}
		f.Add(uint8(len(services)), msg)
		services = append(services, s)
	}
	f.Fuzz(func(t *testing.T, which uint8, msg []byte) {
		s := services[int(which)%len(services)]
		got, err := meaning(s.p, msg)
		if err != nil {
			if wssec.FaultFor(err) == nil {
				t.Error("no fault for", err)
			}
			return
		}
		for _, other := range services { // recorded messages of other cases may share a policy and a keytab
			if got == other.want {
				return
			}
		}
		t.Errorf("accepted, and means\n%s", got)
	})
}
