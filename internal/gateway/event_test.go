package gateway_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A prefix in content that no digest covers is accepted, and the event says so.
func TestEventNamesUncoveredPrefixes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, content := range []string{`<q:Ask xmlns:q="urn:q" xmlns:t="urn:t" ` +
		`xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="t:Order"/>`, payload} {
		msg, _ := w.protect(soap.V11, content)
		if r := w.post(soap.V11, bytes.NewReader(msg)); r.StatusCode != 200 {
			t.Fatal(r.StatusCode)
		}
		w.code(i + 1)
		told, _ := w.events.all()[i]["accepted"].(map[string]any)
		if (told != nil) != (i == 0) || i == 0 &&
			(told["code"] != "content-prefix" || !strings.Contains(told["error"].(string), "XMLSchema-instance}type")) {
			t.Errorf("%s: %v", content, told)
		}
	}
}

// The event has everything that an operator asks for, once.
func TestEventDescribesTheExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.PolicyName = "Kerberos" })
	msg, _ := w.protect(soap.V11, payload)
	r := w.post(soap.V11, bytes.NewReader(msg), `SOAPAction: "urn:ask"`)
	ev := w.event(1)
	for key, want := range map[string]any{
		"msg": "exchange", "level": "INFO", "code": "ok", "status": 200.0, "route": "/svc", "policy": "Kerberos",
		"principal": "alice@EXAMPLE.COM", "service": service + "@EXAMPLE.COM", "bytes_in": float64(len(msg)),
		"bytes_out": float64(len(r.body)), "backend_status": 200.0,
		"method": "POST", "action": "urn:ask", "operation": "{urn:q}Ask",
	} {
		if ev[key] != want {
			t.Errorf("%s is %v, want %v", key, ev[key], want)
		}
	}
	stages, _ := ev["stages_ns"].(map[string]any)
	for _, s := range []string{"read", "verify", "ticket", "backend", "protect", "write"} {
		if d, ok := stages[s].(float64); !ok || d <= 0 {
			t.Errorf("stage %s took %v", s, stages[s])
		}
	}
	if n := len(w.events.all()); n != 1 {
		t.Errorf("%d events", n)
	}
	if text := strings.ToLower(strings.Join(strings.Fields(toJSON(t, ev)), " ")); strings.Contains(text, "worth") {
		t.Errorf("the event has the message's content: %s", text)
	}
}
