package location_test

import (
	"testing"

	"github.com/wssgate/wssgate/internal/location"
)

// What has counted before is remembered, once.
func TestCurrentRemembersEarlierLocations(t *testing.T) {
	t.Parallel()
	c := location.NewCurrent(locations(t, "cookie:a"))
	c.Store(locations(t, "cookie:b"))
	c.Store(locations(t, "cookie:a", "query:t"))
	if now, ever := c.Load().String(), c.Ever().String(); now != "cookie:a, query:t" ||
		ever != "cookie:a, cookie:b, query:t" {
		t.Errorf("now %s; ever %s", now, ever)
	}
	var none *location.Current
	if len(none.Load()) != 0 || len(none.Ever()) != 0 {
		t.Error("a nil Current has locations")
	}
}
