package demo

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// The page asks for an exchange when it has the answer, which may be before the
// exchange is kept.
func TestAfterHasTheExchangeThatWasAnswered(t *testing.T) {
	t.Parallel()
	answered, end := make(chan struct{}), make(chan struct{})
	gateway := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		close(answered)
		<-end
	})
	e := &exchanges{gateway: gateway, service: &Quotes{}, events: newEventLog()}
	go e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/price/ACME", nil))
	<-answered
	got := make(chan []exchange)
	go func() { got <- e.after(0) }()
	select {
	case <-got:
		t.Error("not waited for")
	default:
	}
	close(end)
	if list := <-got; len(list) != 1 || list[0].Response.Line != "401 Unauthorized" {
		t.Errorf("%+v", list)
	}
}
