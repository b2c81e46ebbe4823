package vectors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"

	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// relay runs a vector of a request to a relay of Kerberos messages (MS-KKDCP),
// which reaches no KDC: what is accepted fails with relay-kdc.
func (a *archive) relay(ctx context.Context, o *Outcome) {
	var event kdcproxy.Event
	r, err := kdcproxy.New(kdcproxy.Config{
		Realms: []kdcproxy.Realm{{Name: "EXAMPLE.COM", KDCs: []string{"tcp/kdc.invalid"}}, {Name: "EMPTY.EXAMPLE.COM"}},
		LookUp: true,
		Report: func(e kdcproxy.Event) { event = e },
		Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no KDC in a vector") },
		LookupSRV: func(context.Context, string, string, string) (string, []*net.SRV, error) {
			return "", nil, errors.New("no DNS in a vector")
		},
	})
	if err != nil {
		o.Problem = err.Error()
		return
	}
	defer r.Close()
	req, err := a.request("")
	if err != nil {
		o.Problem = err.Error()
		return
	}
	w := httptest.NewRecorder()
	r.Proxy().ServeHTTP(w, req.WithContext(ctx))
	o.decide(a.Expect, &coded{string(event.Code), event.Err})
	if o.Problem == "" && w.Code != a.Status {
		o.Problem = fmt.Sprintf("status %d, expected %d", w.Code, a.Status)
	}
}
