package wstrust_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A canonical form repeats a namespace name on each element that uses it: six
// octets of a message that nobody has signed become a kilobyte. Not parallel: it
// counts what is allocated.
func TestCanonicalFormOfARequestIsBounded(t *testing.T) {
	space := ` xmlns:p="urn:` + strings.Repeat("x", 1000) + `"`
	many := strings.Repeat("<p:x/>", 900) // fewer than the parser refuses
	few := strings.Repeat("<p:x/>", 600)
	for name, attack := range map[string]func(w *world, l *leg){
		"children that are not known": func(_ *world, l *leg) { l.children += "<y>" + many + "</y>" },
		"AppliesTo": func(_ *world, l *leg) {
			l.children += `<w:AppliesTo xmlns:w="http://www.w3.org/ns/ws-policy">` + few + `</w:AppliesTo>`
		},
		"children without end": func(_ *world, l *leg) { l.children += "<y>" + strings.Repeat("<x/>", 200_000) + "</y>" },
		"a further leg":        func(w *world, l *leg) { *l = w.halfOpenLeg("a"); l.children = "<y>" + many + "</y>" },
	} {
		w := newWorld(t, nil)
		good := first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO)))
		l := good
		attack(w, &l)
		env := w.parse(strings.Replace(l.text(), "<s:Body>", "<s:Body"+space+">", 1))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := w.Step(t.Context(), env, wssec.Channel{Client: here})
		runtime.ReadMemStats(&after)
		var e *wstrust.Error
		if !errors.As(err, &e) || e.Code != wstrust.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d octets allocated for a message of %d", name, n, len(env.Doc.Source()))
		}
		w.empty()
		w.sendOK(good)
	}
}
