package wstrust_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Header blocks that clients send with their RST, or tools put beside them.
func TestNegotiationReadsTheHeadersOfPeers(t *testing.T) {
	t.Parallel()
	const from = `<a:From xmlns:a="` + nsWSA + `"><a:Address>http://client/</a:Address></a:From>`
	replyTo := func(ns, address, more string) string {
		return `<a:ReplyTo xmlns:a="` + ns + `"><a:Address>` + address + `</a:Address>` + more + `</a:ReplyTo>`
	}
	action := func(attributes, text string) func(*leg) {
		return func(l *leg) {
			l.header = `<Action ` + attributes + ` xmlns="` + nsWSA + `">` + strings.ReplaceAll(text, "ACTION", l.action) +
				`</Action>` +
				`<MessageID xmlns="` + nsWSA + `">urn:uuid:1</MessageID>`
			l.addr = ""
		}
	}
	header := func(text string) func(*leg) { return func(l *leg) { l.header = text } }
	for name, change := range map[string]func(*leg){
		"Action under the default namespace": action(`s:mustUnderstand="true"`, "ACTION"),
		"Action in lines":                    action("", "\n   ACTION\r\n"),
		"Action with a comment":              action("", "ACTION<!-- x -->"),
		"Action in a CDATA section":          action("", "<![CDATA[ACTION]]>"),
		"Action with an Id":                  action(`u:Id="_2" xmlns:u="`+wssec.NSWSU+`"`, "ACTION"),
		"Action for the ultimate receiver": action(`s:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver" `+
			`s:mustUnderstand="1"`, "ACTION"),
		"anonymous ReplyTo": header(replyTo(nsWSA, nsWSA+"/anonymous", "")),
		"anonymous ReplyTo with parameters": header(replyTo(nsWSA, "\n"+nsWSA+"/anonymous\n",
			`<a:ReferenceParameters><x xmlns="urn:x">1</x></a:ReferenceParameters><a:Metadata/>`)),
		"From and FaultTo": header(from + strings.ReplaceAll(replyTo(nsWSA, nsWSA+"/anonymous", ""), "ReplyTo", "FaultTo")),
		"blocks of Visual Studio and of WCF's tracing": header(
			`<VsDebuggerCausalityData xmlns="http://schemas.microsoft.com/vstudio/diagnostics/servicemodelsink">` +
				`uIDP</VsDebuggerCausalityData>` +
				`<ActivityId CorrelationId="1" ` +
				`xmlns="http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics">2</ActivityId>`),
		"ReplyTo of 2004": func(l *leg) {
			l.addr = soap.NSAddressing04
			l.header = replyTo(soap.NSAddressing04, soap.NSAddressing04+"/role/anonymous", "")
		},
	} {
		for _, v := range versions {
			w := newWorld(t, nil)
			l := first(v, w.token(w.mechanism(gss.MechanismSPNEGO)))
			change(&l)
			env := w.parse(l.text())
			if !w.Recognizes(env, "") {
				t.Errorf("%s: not recognized: %s", name, l.text())
				continue
			}
			leg, err := w.Step(t.Context(), env, wssec.Channel{Client: here})
			if err != nil || !leg.Established() {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An answer that is to go elsewhere is not sent: there is only the connection.
func TestNegotiationRefusesOtherReplyAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://client/callback", nsWSA + "/none", ""} {
		w := newWorld(t, nil)
		l := first(wstrust.V13, w.token(w.mechanism(gss.MechanismSPNEGO)))
		l.header = `<a:ReplyTo xmlns:a="` + nsWSA + `"><a:Address>` + address + `</a:Address></a:ReplyTo>`
		w.refused(l, here, wstrust.CodeInvalidRequest, invalidRequest, 1)
		w.empty()
	}
}

// WCF's client reads the subcode of a Sender fault without looking whether there
// is one, and fails otherwise than by the fault.
func TestSenderFaultsHaveASubcode(t *testing.T) {
	t.Parallel()
	for _, c := range wstrust.Codes() {
		f := wstrust.FaultFor(&wstrust.Error{Code: c.Code})
		if f.Code == soap.Sender && f.Subcode.Local == "" {
			t.Errorf("%s: %+v", c.Code, f)
		}
	}
}
