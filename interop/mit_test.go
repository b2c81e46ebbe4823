package interop

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// An initiator and an XML security library that share nothing with us: MIT's GSS-API makes the token, Go's standard
// library the message, xmlsec1 opens the reply.
func TestMITInitiatorAndXmlsecReadOurReply(t *testing.T) {
	need(t, "xmlsec1")
	k := startKDC(t)
	backend, _ := counting(t)
	g := serve(t, program(t), k, backend, false, "KtpSymmetric")
	tok := initiate(t, k)
	status, reply := post(t, g.url+"/KtpSymmetric", handmade(tok, doubleIt))
	if status != http.StatusOK {
		t.Fatalf("HTTP %d\n%s", status, reply)
	}
	if bytes.Contains(reply, []byte("doubledNumber")) {
		t.Errorf("the reply is in the clear: %s", reply)
	}
	if opened := openReply(t, tok.Key, reply); !strings.Contains(opened, "<doubledNumber>42</doubledNumber>") {
		t.Errorf("opened reply: %s", opened)
	}
}

func TestRequestsFromBeforeAKillAreRefused(t *testing.T) {
	k := startKDC(t)
	backend, calls := counting(t)
	g := serve(t, program(t), k, backend, false, "KtpSymmetric")
	answered, unseen := handmade(initiate(t, k), doubleIt), handmade(initiate(t, k), doubleIt)
	if status, reply := post(t, g.url+"/KtpSymmetric", answered); status != http.StatusOK {
		t.Fatalf("before: HTTP %d\n%s", status, reply)
	}
	g.restart(t)
	if status, reply := post(t, g.url+"/KtpSymmetric", answered); status != http.StatusInternalServerError || calls.Load() != 1 {
		t.Errorf("answered before the kill: HTTP %d, %d calls of the service\n%s", status, calls.Load(), reply)
	}
	if status, reply := post(t, g.url+"/KtpSymmetric", unseen); status != http.StatusOK {
		t.Errorf("made before the kill, presented for the first time: HTTP %d\n%s", status, reply)
	}
	if status, reply := post(t, g.url+"/KtpSymmetric", handmade(initiate(t, k), doubleIt)); status != http.StatusOK {
		t.Errorf("made after the kill: HTTP %d\n%s", status, reply)
	}
}
