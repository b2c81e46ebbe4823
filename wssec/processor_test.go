package wssec_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyRejectsRepliesAndVerifyReplyRequests(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	msg, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.verify(t, reply); err == nil {
		t.Error("a reply was accepted as a request")
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, msg), sent, secure())
	refused(t, err, wssec.CodeUnsupportedToken)
	other := newPeers(t, symmetric(), nil)
	_, otherSent := other.request(t, plainOrder)
	_, err = ps.client.VerifyReply(context.Background(), parse(t, reply), otherSent, secure())
	refused(t, err, wssec.CodeTokenUnavailable)
	_, err = ps.client.VerifyReply(context.Background(), parse(t, []byte(plainOrder)), sent, secure())
	refused(t, err, wssec.CodeSecurityMissing)
}

// A client needs neither a verifier nor a replay cache; the error names what a
// service lacks.
func TestNewProcessorNeedsNoReplayCacheForAClient(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	client, err := wssec.NewProcessor(symmetric(), wssec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	msg, sent, err := client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
	if err != nil {
		t.Fatal(err)
	}
	req, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.VerifyReply(t.Context(), parse(t, reply), sent, secure()); err != nil {
		t.Error(err)
	}
	_, err = wssec.NewProcessor(symmetric(), wssec.Config{Verifier: ps.cfg.Verifier})
	if err == nil || !strings.Contains(err.Error(), "replay.NewMemory") {
		t.Errorf("a service without one: %v", err)
	}
	var _ wssec.ReplayCache = replay.NewMemory(replay.MemoryConfig{})
}

// A Processor without a replay cache accepts no request, also none that names a
// token which it knows.
func TestVerifyRejectsRequestsAtAClient(t *testing.T) {
	t.Parallel()
	policy := symmetric(tokenOnce)
	ps := newPeers(t, policy, nil)
	tokens := wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{})
	cfg := ps.cfg
	cfg.Tokens = tokens
	var err error
	if ps.service, err = wssec.NewProcessor(policy, cfg); err != nil {
		t.Fatal(err)
	}
	first, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, first); err != nil {
		t.Fatal(err)
	}
	client, err := wssec.NewProcessor(policy, wssec.Config{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	ps.token.Omit = true
	second, _ := ps.request(t, plainOrder)
	_, err = client.Verify(context.Background(), parse(t, second), secure())
	refused(t, err, wssec.CodeReplayUnavailable)
	fresh, _ := newPeers(t, policy, nil).request(t, plainOrder)
	_, err = client.Verify(context.Background(), parse(t, fresh), secure())
	refused(t, err, wssec.CodeFailedAuth)
}

// A fault in clear is still an error, and has code and reason of the fault.
func TestVerifyReplyReturnsAnUnprotectedFault(t *testing.T) {
	t.Parallel()
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		ps := newPeers(t, symmetric(), nil)
		_, sent := ps.request(t, plainOrder)
		sentFault := soap.Fault{Subcode: xmltext.Name{Space: wssec.NSWSSE, Local: "InvalidSecurity"},
			Reason: "An error was discovered"}
		_, err := ps.client.VerifyReply(t.Context(), parse(t, sentFault.AppendEnvelope(nil, v)), sent, secure())
		refused(t, err, wssec.CodeSecurityMissing)
		var clear *wssec.UnprotectedFault
		if !errors.As(err, &clear) || clear.Fault.Subcode.Local != "InvalidSecurity" ||
			clear.Fault.Reason != sentFault.Reason {
			t.Fatalf("%v: %v", v, err)
		}
		for _, want := range []string{"no wsse:Security header", "which nothing authenticates", "InvalidSecurity",
			"An error was discovered"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v has no %q", err, want)
			}
		}
		_, err = ps.client.VerifyReply(t.Context(), parse(t, []byte(plainOrder)), sent, secure())
		if errors.As(err, &clear) {
			t.Errorf("no fault, and yet: %v", err)
		}
		_, err = ps.service.Verify(t.Context(), parse(t, sentFault.AppendEnvelope(nil, v)), secure())
		if errors.As(err, &clear) {
			t.Errorf("of a request: %v", err)
		}
	}
}
