package explain_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/testvectors"
)

// staxConversation inspects what CXF's streaming client has negotiated:
// 01-request.xml and so on.
func staxConversation(t *testing.T, files ...string) (out []string) {
	t.Helper()
	c := transcript{Name: "KtpSymmetric", Keytab: "../svc.keytab", Captured: time.Date(2026, 11, 22, 4, 15, 33, 0, time.UTC)}
	x := c.inspector(t, explain.Config{})
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join("testdata", "SpnegoSymmetric-stax", file))
		if err != nil {
			t.Fatal(err)
		}
		trees, err := x.Inspect(t.Context(), b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		out = append(out, text(trees))
	}
	return out
}

// CXF's streaming client names a context by "#uuid:…", which is no Id: the key
// is that of the context all the same.
func TestAContextNamedLikeAnIdIsFound(t *testing.T) {
	out := staxConversation(t, "01-request.xml", "01-response.xml", "02-request.xml")[2]
	for _, want := range []string{"hmac-sha1 with the context uuid:c06f44ce-b0f5-4098-9836-320552e47ec5", "the SignatureValue is right",
		"sha1, digest right", "holds {http://www.example.org/schema/DoubleIt}DoubleIt"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Messages of a negotiated context, and those that negotiate it, are judged by
// no policy for Kerberos tokens and none is offered, whether the context is
// known or not.
func TestContextsAreNotJudgedByKerberosPolicies(t *testing.T) {
	for i, out := range append(staxConversation(t, "01-request.xml", "01-response.xml", "02-request.xml"), staxConversation(t, "02-request.xml")...) {
		if !strings.Contains(out, "verdict") || !strings.Contains(out, "not judged") || strings.Contains(out, "\n  policy") || strings.Contains(out, "refused") {
			t.Errorf("message %d:\n%s", i+1, out)
		}
	}
}

// A Signature may be in what could not be opened. Then no part is said to be
// neither signed nor encrypted.
func TestWhatIsClosedMayHideASignature(t *testing.T) {
	seen := 0
	for _, c := range transcripts(t) {
		files, err := fs.Glob(testvectors.Files, "transcripts/"+c.Name+"/*-re*.xml")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, ".plain.xml") {
				continue
			}
			trees, err := explain.New(explain.Config{}).Inspect(t.Context(), read(t, file))
			if err != nil {
				continue
			}
			out := text(trees)
			hidden := strings.Contains(out, "EncryptedData ") && !strings.Contains(out, "    Signature ")
			if hidden && (strings.Contains(out, "neither signed") || !strings.Contains(out, "unknown: inside what could not be opened")) {
				t.Errorf("%s\n%s", file, out)
			}
			if hidden {
				seen++
			}
		}
	}
	if seen < 4 {
		t.Errorf("%d messages have an encrypted Signature", seen)
	}
}

// A policy that serve would refuse is not offered: here for a message whose
// Body is encrypted and not signed.
func TestNoPolicyIsOfferedThatServeRefuses(t *testing.T) {
	for _, c := range transcripts(t) {
		if c.Name != "KtpSymmetric" {
			continue
		}
		b := string(c.read(t, "01-request.xml"))
		from := strings.LastIndex(b, "<ds:Reference ")
		to := strings.LastIndex(b, "</ds:Reference>") + len("</ds:Reference>")
		trees, err := c.inspector(t, explain.Config{}).Inspect(t.Context(), []byte(b[:from]+b[to:]))
		out := text(trees)
		if err == nil || !strings.Contains(out, "none that serve takes is like this message: signed-parts: ") || strings.Contains(out, "binding:") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
