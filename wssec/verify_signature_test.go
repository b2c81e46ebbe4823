package wssec_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

func TestAlgorithmsComeFromThePolicy(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	for _, other := range []wssec.Policy{
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite, p.KeyFit = wssec.Basic128GCM, wssec.FitWhole }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic128Sha256 }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.TripleDes }),
		symmetric(func(p *wssec.Policy) { p.SignatureMethod = wssec.HMACSHA256 }),
	} {
		peer := newPeers(t, other, nil)
		ps.client = peer.client
		msg, _ := ps.request(t, plainOrder)
		_, err := ps.verify(t, msg)
		refused(t, err, wssec.CodeUnsupportedAlg)
	}
}

func TestProtectionOrderIsThePolicys(t *testing.T) {
	signFirst := newPeers(t, symmetric(), nil)
	encryptFirst := newPeers(t, symmetric(func(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign }), nil)
	a, _ := signFirst.request(t, plainOrder)
	b, _ := encryptFirst.request(t, plainOrder)
	signFirst.service, encryptFirst.service = encryptFirst.service, signFirst.service
	for _, x := range []struct {
		ps  *peers
		msg []byte
	}{{signFirst, a}, {encryptFirst, b}} {
		p := *x.ps
		if _, err := p.verify(t, x.msg); err == nil {
			t.Fatal("the other order was accepted")
		}
	}
}

func TestAReplayedMessageIsRefused(t *testing.T) {
	store := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.TokenOnce = true }), store)
	first, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, first); err != nil {
		t.Fatal(err)
	}
	_, err := ps.verify(t, first)
	refused(t, err, wssec.CodeFailedAuth) // the authenticator
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) || coded.ErrorCode() == string(wssec.CodeFailedAuth) {
		t.Errorf("the log does not see the Kerberos cause: %v", err)
	}

	ps.token.Omit = true
	later, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, later); err != nil {
		t.Fatal("token named by its hash:", err)
	}
	_, err = ps.verify(t, later)
	refused(t, err, wssec.CodeMessageReplayed)
}

func TestOnlyTheKeyHolderSigns(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	ps.token.Key = wssec.NewKey(make([]byte, 32))
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, msg)
	refused(t, err, wssec.CodeSignatureInvalid)
}
