package soap_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func withBlocks(t *testing.T, v soap.Version, blocks string) *soap.Envelope {
	t.Helper()
	env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+v.Namespace()+`" xmlns:w="`+soap.NSAddressing+`" xmlns:o="`+
		soap.NSAddressing04+`"><s:Header>`+blocks+`</s:Header><s:Body/></s:Envelope>`), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestAddressingReadsProperties(t *testing.T) {
	t.Parallel()
	env := withBlocks(t, soap.V12, `<w:To> urn:<!-- x -->to </w:To><w:Action s:mustUnderstand="1">urn:&#97;ct</w:Action>`+
		`<x:To xmlns:x="urn:x">urn:other</x:To><w:Unknown/><w:RelatesTo>urn:1</w:RelatesTo><w:RelatesTo>urn:2</w:RelatesTo>`+
		`<w:MessageID s:role="`+soap.RoleNext+`"><![CDATA[urn:<id>]]></w:MessageID>`+
		`<w:ReplyTo><w:Address>urn:reply</w:Address><w:ReferenceParameters><w:Address>urn:no</w:Address>`+
		`</w:ReferenceParameters></w:ReplyTo><w:FaultTo s:role="urn:ours"><w:Address>urn:fault</w:Address></w:FaultTo>`+
		`<w:From s:role="urn:others"><w:Address>urn:from</w:Address></w:From>`)
	a, err := env.Addressing("urn:ours")
	if err != nil {
		t.Fatal(err)
	}
	reply, _ := a.EndpointAddress(a.ReplyTo)
	fault, _ := a.EndpointAddress(a.FaultTo)
	from, _ := a.EndpointAddress(a.From)
	got := []string{a.Namespace, a.Text(a.To), a.Text(a.Action), a.Text(a.MessageID), reply, fault, from}
	want := []string{soap.NSAddressing, "urn:to", "urn:act", "urn:<id>", "urn:reply", "urn:fault", ""}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(a.RelatesTo) != 2 {
		t.Errorf("%q, %d RelatesTo; want %q", got, len(a.RelatesTo), want)
	}
	if a, _ := env.Addressing(); !a.FaultTo.IsZero() {
		t.Error("a block for another role is a property")
	}
	if a, err := withBlocks(t, soap.V11, "").Addressing(); err != nil || a.Namespace != "" {
		t.Errorf("without: %+v, %v", a, err)
	}
}

// Each error has the fault of its version, in SOAP 1.1 by the most specific name
// and with the property in a header block, in SOAP 1.2 with it in the detail.
func TestAddressingRefusesWhatIsAmbiguous(t *testing.T) {
	t.Parallel()
	long, many := strings.Repeat("m", 8<<10+1), strings.Repeat(`<w:RelatesTo>a</w:RelatesTo>`, 65)
	for blocks, want := range map[string]string{
		`<w:To>a</w:To><w:To>a</w:To>`:               "InvalidCardinality To",
		`<w:To>a</w:To><o:Action>a</o:Action>`:       "InvalidAddressingHeader Action",
		`<o:RelatesTo>a</o:RelatesTo><w:To>a</w:To>`: "InvalidMessageInformationHeader To",
		many:                           "InvalidCardinality RelatesTo",
		`<o:To>a</o:To><o:To>a</o:To>`: "InvalidMessageInformationHeader To",
		`<w:MessageID>` + long + `</w:MessageID>`:            "InvalidAddressingHeader MessageID",
		`<w:MessageID><!--` + long + `-->m</w:MessageID>`:    "InvalidAddressingHeader MessageID",
		`<w:Action><x/></w:Action>`:                          "InvalidAddressingHeader Action",
		`<w:From/>`:                                          "MissingAddressInEPR From",
		`<w:ReplyTo><o:Address>a</o:Address></w:ReplyTo>`:    "MissingAddressInEPR ReplyTo",
		`<w:FaultTo><w:Address/><w:Address/></w:FaultTo>`:    "InvalidEPR FaultTo",
		`<w:FaultTo><w:Address><x/></w:Address></w:FaultTo>`: "InvalidAddressingHeader Address",
	} {
		for _, v := range []soap.Version{soap.V11, soap.V12} {
			_, err := withBlocks(t, v, blocks).Addressing()
			var e *soap.AddressingError
			if !errors.As(err, &e) {
				t.Errorf("%.80s: %v", blocks, err)
				continue
			}
			message := e.SOAPFault(v).AppendEnvelope(nil, v)
			env, err := soap.Parse(message, xmltext.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f, _ := env.Fault()
			name := f.Subcode.Local
			if f.Subsubcode.Local != "" {
				name = f.Subsubcode.Local
			}
			if got := name + " " + e.Property; got != want || f.Subcode.Space != e.Namespace || f.Code != soap.Sender {
				t.Errorf("%.80s: %s, %+v", blocks, got, f)
			}
			named := strings.Contains(string(message), `ProblemHeaderQName xmlns:wsa="`+soap.NSAddressing+`">wsa:`+
				e.Property+`<`)
			if named != (e.Namespace == soap.NSAddressing) || env.Header.IsZero() == (named && v == soap.V11) {
				t.Errorf("%.80s: %s", blocks, message)
			}
		}
	}
}

func TestReplyActionFollowsTheDefaultOfWSDL(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]string{
		"http://example.org/Quotes/AskRequest": "http://example.org/Quotes/AskResponse",
		"urn:ask":                              "urn:askResponse",
		"http://example.org/Quotes/Request":    "http://example.org/Quotes/Response",
	} {
		if got := soap.ReplyAction(request); got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
}

func TestFaultActionIsThatOfTheVersion(t *testing.T) {
	t.Parallel()
	wsa := &soap.Fault{Subcode: xmltext.Name{Space: soap.NSAddressing, Local: "DestinationUnreachable"}}
	for _, tt := range []struct {
		space string
		fault *soap.Fault
		want  string
	}{
		{soap.NSAddressing, &soap.Fault{}, soap.NSAddressing + "/soap/fault"}, {soap.NSAddressing, wsa,
			soap.NSAddressing + "/fault"},
		{soap.NSAddressing04, &soap.Fault{}, soap.NSAddressing04 + "/fault"}, {soap.NSAddressing04, wsa,
			soap.NSAddressing04 + "/fault"},
	} {
		if got := soap.FaultAction(tt.space, tt.fault); got != tt.want {
			t.Errorf("%s", got)
		}
	}
}

// Nobody understands a mandatory header block by its namespace alone.
func TestIsAddressingHeaderKnowsNames(t *testing.T) {
	for name, want := range map[xmltext.Name]bool{
		{Space: soap.NSAddressing, Local: "ReplyTo"}:       true,
		{Space: soap.NSAddressing04, Local: "RelatesTo"}:   true,
		{Space: soap.NSAddressing, Local: "FaultDetail"}:   true,
		{Space: soap.NSAddressing04, Local: "FaultDetail"}: false,
		{Space: soap.NSAddressing, Local: "replyTo"}:       false,
		{Space: soap.NSAddressing, Local: "Address"}:       false,
		{Space: "urn:x", Local: "ReplyTo"}:                 false,
	} {
		if got := soap.IsAddressingHeader(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever is read, its error is answered by a fault that can be read, and texts
// come back from a reply as they were.
func FuzzAddressing(f *testing.F) {
	for _, blocks := range []string{
		`<w:To>urn:a</w:To><w:MessageID>a&#13;]]&gt;<![CDATA[<&>]]></w:MessageID>`, `<w:To/><o:To/>`, `<w:To/><w:To/>`,
		`<w:ReplyTo><w:Address> urn:a <!-- b --></w:Address></w:ReplyTo><w:FaultTo/>`,
		`<w:Action s:role="` + soap.RoleNext + `">urn:<x/></w:Action>`, `<w:From><o:Address/><w:Address/></w:From>`,
	} {
		f.Add(blocks, true)
		f.Add(blocks, false)
	}
	f.Fuzz(func(t *testing.T, blocks string, v12 bool) {
		v := soap.V11
		if v12 {
			v = soap.V12
		}
		env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+v.Namespace()+`" xmlns:w="`+soap.NSAddressing+`" xmlns:o="`+
			soap.NSAddressing04+`"><s:Header>`+blocks+`</s:Header><s:Body/></s:Envelope>`), xmltext.Options{})
		if err != nil {
			return
		}
		a, err := env.Addressing("urn:ours")
		fault := &soap.Fault{}
		if invalid, ok := errors.AsType[*soap.AddressingError](err); ok {
			fault = invalid.SOAPFault(v)
		} else if err != nil {
			t.Fatalf("%T: %v", err, err)
		}
		id := a.Text(a.MessageID)
		fault.Header = append(fault.Header, `<w:RelatesTo xmlns:w="`+soap.NSAddressing+`">`...)
		fault.Header = append(xmltext.AppendEscapedText(fault.Header, id), `</w:RelatesTo>`...)
		reply, err := soap.Parse(fault.AppendEnvelope(nil, v), xmltext.Options{})
		if err != nil {
			t.Fatalf("fault for %q: %v", blocks, err)
		}
		if back, _ := reply.Addressing(); len(back.RelatesTo) != 1 || back.RelatesTo[0].Text() != id {
			t.Errorf("%q comes back as %q", id, reply.Header.Text())
		}
	})
}
