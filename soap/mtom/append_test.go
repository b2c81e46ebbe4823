package mtom

import (
	"bytes"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// files is an envelope with base64 that becomes parts, and what does not.
func files(v soap.Version) string {
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return string(base64.AppendEncode(nil, b))
	}
	return envelope(v, "<f>"+text(5000)+"</f><f>"+text(MinPart)+"</f><f>"+text(MinPart+1)+"</f><f>"+
		text(MinPart+2)+"</f>"+
		"<small>"+text(MinPart-3)+"</small><broken>"+text(3000)+"\n"+text(3000)+"</broken>"+
		"<space> "+text(3000)+"</space>"+
		"<comment>"+text(3000)+"<!-- --></comment><mixed>"+text(3000)+"<g/></mixed><bits>"+strings.Repeat("AAAA", 1000)+
		"AB==</bits>"+
		"<pad>"+strings.Repeat("AAAA", 1000)+"AA==AAAA</pad><cdata><![CDATA["+text(3000)+"]]></cdata><empty/>")
}

func TestAppendWritesWhatInlineReads(t *testing.T) {
	for _, f := range []Form{{soap.V11, ""}, {soap.V12, ""}, {soap.V12, `urn:a;"b\`}} {
		want := files(f.Version)
		held := 0
		body, contentType, err := Append([]byte("before"), []byte("<?xml version='1.0'?>"+want), f, xmltext.Options{
			Reserve: counting(&held)})
		if err != nil || !bytes.HasPrefix(body, []byte("before")) || held < len(body)-6 || held > len(body)+100 {
			t.Fatalf("%d octets, %d reserved, error %v", len(body), held, err)
		}
		if n := bytes.Count(body, []byte("application/octet-stream")); n != 4 {
			t.Errorf("%d attachments", n)
		}
		typ, err := ParseType(contentType)
		if err != nil || typ.Version != f.Version {
			t.Fatalf("%s: %+v, error %v", contentType, typ, err)
		}
		got, err := Inline(body[6:], typ, xmltext.Options{})
		if err != nil || string(got) != want {
			t.Errorf("is read back differently; error %v", err)
		}
	}
}

func TestAppendRefusesAnEnvelopeWithAnInclude(t *testing.T) {
	held := 0
	_, _, err := Append(nil, []byte(envelope(soap.V11, includeTag("cid:a"))), Form{Version: soap.V11},
		xmltext.Options{Reserve: counting(&held)})
	if codeOf(err) != CodeInclude || held != 0 {
		t.Errorf("error %v, %d octets reserved", err, held)
	}
}

func TestAppendRefusesAnActionWithLineEnds(t *testing.T) {
	f := Form{Version: soap.V12, Action: "urn:a\r\nX: y"}
	body, contentType, err := Append(nil, []byte(envelope(soap.V12, "")), f, xmltext.Options{})
	if codeOf(err) != CodePackage {
		t.Errorf("returns %q, %s, error %v", body, contentType, err)
	}
}

func TestAppendWritesNoMoreThanMaxParts(t *testing.T) {
	text := string(base64.AppendEncode(nil, make([]byte, MinPart)))
	in := envelope(soap.V11, strings.Repeat("<f>"+text+"</f>", MaxParts+10))
	body, contentType, err := Append(nil, []byte(in), Form{Version: soap.V11}, xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	typ, err := ParseType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Inline(body, typ, xmltext.Options{}); err != nil || string(got) != in {
		t.Errorf("is read back differently; error %v", err)
	}
}

// WCF's reader takes a package whose start-info is the type of the part with the
// envelope, octet for octet, and parts that are binary (dotnet/wcf, XmlMtomReader);
// Basic Profile 2.0 has the action in both, see
// https://github.com/javaee/metro-jax-ws/issues/670.
func TestAppendWritesTheTypeOfTheEnvelopeAsStartInfo(t *testing.T) {
	for _, f := range []Form{{soap.V11, "urn:a"}, {soap.V12, ""}, {soap.V12, `urn:a;"b\`}} {
		body, contentType, err := Append(nil, []byte(files(f.Version)), f, xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, outer, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(bytes.NewReader(body), outer["boundary"])
		root, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		mediaType, inner, err := mime.ParseMediaType(root.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/xop+xml" || inner["charset"] != "UTF-8" ||
			inner["type"] != outer["start-info"] || root.Header.Get("Content-ID") != outer["start"] {
			t.Errorf("%s\n%v: error %v", contentType, root.Header, err)
		}
		for range 4 {
			part, err := parts.NextRawPart()
			if err != nil || part.Header.Get("Content-Transfer-Encoding") != "binary" {
				t.Fatalf("%+v, error %v", part, err)
			}
		}
	}
}
