package client_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
)

// Under one key a reply is that of its own request only: it comes once, relates
// to its request, and is none of ours.
func TestChannelTiesRepliesToTheirRequests(t *testing.T) {
	t.Parallel()
	const preset = "SspiNegotiated"
	s := newTrustService(t, preset)
	var sent, earlier []byte
	c := s.client(preset, func(cfg *client.Config) {
		cfg.Addressing = soap.NSAddressing
		cfg.Trace = func(m client.Traced) {
			if m.Sent && m.Kind == "message" {
				sent = m.Wire
			}
		}
	})
	call := func() error {
		_, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask), Action: "urn:ask"})
		return err
	}
	s.reply = func(kind string, r *soaphttp.Reply) {
		if kind == "message" {
			earlier = r.Message
		}
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	first := sent
	for words, attack := range map[string]func(){
		"message-replayed":   func() { s.reply = func(_ string, r *soaphttp.Reply) { r.Message = earlier } },
		"message-replayed: ": nil,
		"the reply relates to": func() {
			s.reply = nil
			s.answer = func(*soap.Envelope) []byte {
				return envelope(soap.V12,
					`<s:Header><w:RelatesTo xmlns:w="`+soap.NSAddressing+`">urn:uuid:another</w:RelatesTo></s:Header>`, "<a/>")
			}
		},
		"no signed " +
			"wsa:RelatesTo": func() {
			s.reply, s.answer = nil, func(*soap.Envelope) []byte {
				return envelope(soap.V12, "",
					"<a/>")
			}
		},
		"sent back":  func() { s.reply = func(_ string, r *soaphttp.Reply) { r.Message = sent } },
		"sent by us": func() { s.reply = func(_ string, r *soaphttp.Reply) { r.Message = first } },
	} {
		if attack == nil {
			continue
		}
		attack()
		err := call()
		if codeOf(err) != client.CodeUnverified || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
