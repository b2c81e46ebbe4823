package explain_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// staxConversation inspects what CXF's streaming client has negotiated:
// 01-request.xml and so on.
func staxConversation(t *testing.T, files ...string) (out []string) {
	t.Helper()
	c := findTranscript(t, "SpnegoSymmetric-stax")
	x := c.inspector(t, explain.Config{})
	for _, file := range files {
		trees, err := x.Inspect(t.Context(), c.read(t, file))
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
	t.Parallel()
	out := staxConversation(t, "01-request.xml", "01-response.xml", "02-request.xml")[2]
	for _, want := range []string{"hmac-sha1 with the context uuid:c06f44ce-b0f5-4098-9836-320552e47ec5",
		"the SignatureValue is right",
		"sha1, digest right", "holds {http://www.example.org/schema/DoubleIt}DoubleIt"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A negotiation is verified as a route does that has some. Messages of a
// context are verified under it once it is known, and else have no verdict.
func TestMessagesOfAContextAreVerifiedOnceItIsKnown(t *testing.T) {
	t.Parallel()
	known := staxConversation(t, "01-request.xml", "01-response.xml", "02-request.xml")
	for i, want := range []string{"accepted \\(by a route that negotiates", "none \\(an answer", "accepted"} {
		if !regexp.MustCompile(`(?m)^  verdict +` + want).MatchString(known[i]) {
			t.Errorf("message %d: no %s\n%s", i+1, want, known[i])
		}
	}
	if !strings.Contains(known[2], "| protection-token: spnego-context") {
		t.Errorf("no policy:\n%s", known[2])
	}
	unknown := staxConversation(t, "02-request.xml")[0]
	if !regexp.MustCompile(`(?m)^  verdict +none `).MatchString(unknown) || strings.Contains(unknown, "\n  policy") {
		t.Errorf("a context that is not known:\n%s", unknown)
	}
}

// The service's answer in a negotiation has no Security header, and is no refused
// request for that under a policy that negotiates.
func TestAnswersOfANegotiationAreNotRefusedUnderAPolicy(t *testing.T) {
	t.Parallel()
	c := findTranscript(t, "SpnegoSymmetric-stax")
	for preset, want := range map[string]string{"SspiNegotiated": "none", "wsHttpBinding": "none",
		"Kerberos": "refused:"} {
		policy, _ := wssec.Preset(preset)
		trees, err := c.inspector(t, explain.Config{Policy: &policy}).Inspect(t.Context(), c.read(t, "01-response.xml"))
		if (err == nil) != (want == "none") || !regexp.MustCompile(`(?m)^  verdict +`+want).MatchString(text(trees)) {
			t.Errorf("%s: %v\n%s", preset, err, text(trees))
		}
	}
}

// A Signature may be in what could not be opened. Then no part is said to be
// neither signed nor encrypted.
func TestWhatIsClosedMayHideASignature(t *testing.T) {
	t.Parallel()
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
			if hidden && (strings.Contains(out, "neither signed") ||
				!strings.Contains(out, "unknown: inside what could not be opened")) {
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
	t.Parallel()
	c := findTranscript(t, "KtpSymmetric")
	b := string(c.read(t, "01-request.xml"))
	from := strings.LastIndex(b, "<ds:Reference ")
	to := strings.LastIndex(b, "</ds:Reference>") + len("</ds:Reference>")
	trees, err := c.inspector(t, explain.Config{}).Inspect(t.Context(), []byte(b[:from]+b[to:]))
	out := text(trees)
	if err == nil || !strings.Contains(out, "none that serve takes is like this message: signed-parts: ") ||
		strings.Contains(out, "binding:") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The key of a context that is issued under a bootstrap policy follows from the
// entropy of both sides, which the messages of the bootstrap hold.
func TestTheKeyOfAConversationFollowsFromItsBootstrap(t *testing.T) {
	t.Parallel()
	c := findTranscript(t, "KtpSecureConversation")
	inspect := func(files ...string) (last string) {
		x := c.inspector(t, explain.Config{})
		for _, file := range files {
			trees, err := x.Inspect(t.Context(), c.read(t, file))
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			last = text(trees)
		}
		return last
	}
	out := inspect("01-request.xml", "01-response.xml", "02-request.xml")
	for _, want := range []string{"| protection-token: secure-conversation\n", "| bootstrap:\n",
		"|   protection-token: kerberos\n", "the SignatureValue is right"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	overTLS := findTranscript(t, "KtpSecureConversationTransport")
	trees, err := overTLS.inspector(t, explain.Config{}).Inspect(t.Context(), overTLS.read(t, "01-response.xml"))
	answer := strings.Join(strings.Fields(text(trees)), " ")
	if !strings.Contains(answer, "inspect the request for the context in the same run") {
		t.Errorf("an answer without its request: %v\n%s", err, answer)
	}
}
