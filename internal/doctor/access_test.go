package doctor_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/doctor"
)

// What serve warns of at start doctor finds too, and with a ticket that the KDC
// writes no groups.
func TestCheckAccessFindsWhatCannotMatch(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.expectOf("access")
	if l := lines(c.run(), "access"); len(l) != 0 {
		t.Errorf("without lists: %+v", l)
	}
	c.set("allowed-principals", "[alice@example.com, bob@EXAMPLE.COM]")
	c.expectOf("access", "warn access route /: allowed-principals: alice@example.com: its realm differs from "+
		"EXAMPLE.COM, the service's, by case; write the realm as the KDC has it")
	c.set("allowed-principals", "[bob@EXAMPLE.COM]")
	c.set("denied-groups", "[S-1-5-21-1-2-3-666]")
	c.expectOf("access", "warn access "+soap+"@EXAMPLE.COM: route / lists groups, and a ticket of "+soap+
		"@EXAMPLE.COM names none: such clients are refused; … --ccache")
}

// Without a ticket nothing is said of groups.
func TestCheckAccessNeedsATicketForGroups(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 6 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.set("allowed-groups", "[S-1-5-21-1-2-3-513]")
	if l := lines(c.run(), "access"); len(l) != 1 || l[0].Status != doctor.Skip ||
		!strings.Contains(l[0].Found, "no ticket") {
		t.Errorf("%+v", l)
	}
}
