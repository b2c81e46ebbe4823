package vectors

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// changed returns the vectors with one file of a case edited.
func changed(t *testing.T, name, file, old, new string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(testvectors.Files, "transcripts", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "/"+name+"/") && !strings.HasSuffix(path, ".keytab") {
			return err
		}
		b, err := fs.ReadFile(testvectors.Files, path)
		if strings.HasSuffix(path, "/"+name+"/"+file) {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s has no %q", path, old)
			}
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
		}
		files[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A checker that cannot fail proves nothing.
func TestVerifyNoticesWrongCases(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, old, new, want string }{
		"another verdict": {"case.yaml", "expect: ok", "expect: digest-invalid",
			"verdict ok, expected digest-invalid"},
		"another plaintext": {"01-request.plain.xml", "25", "26", "the plaintext is not that of 01-request.plain.xml"},
		"another client": {"case.yaml", "alice@EXAMPLE.COM", "bob@EXAMPLE.COM",
			"principal alice@EXAMPLE.COM, expected bob@EXAMPLE.COM"},
		"a changed request": {"01-request.xml", "<ds:DigestValue>", "<ds:DigestValue>A", "expected ok"},
		"a changed reply": {"01-response.xml", "<ds:SignatureValue>", "<ds:SignatureValue>A",
			"01-response.xml: verdict"},
		"another time":   {"case.yaml", "captured: 2026", "captured: 2027", "expected ok"},
		"an unknown key": {"case.yaml", "tls: false", "ttls: false", "unknown field"},
		"a missing file": {"case.yaml", "file: 02-request.xml", "file: 03-request.xml", "03-request.xml"},
	}
	for name, tt := range tests {
		r := Verify(t.Context(), changed(t, "KtpSymmetric", tt.file, tt.old, tt.new), "KtpSymmetric")
		if all := strings.Join(r.Problems, "\n"); !strings.Contains(all, tt.want) {
			t.Errorf("%s: %s", name, all)
		}
	}
	if r := Verify(t.Context(), changed(t, "KtpSymmetric", "case.yaml", "x", "x"),
		"KtpSymmetric"); len(r.Problems) > 0 || r.Messages != 4 || r.Second.Agreed < 8 {
		t.Errorf("unchanged: %+v", r)
	}
}

// The keys of contexts are those that the messages hold, or the case is wrong.
func TestVerifyNoticesOtherContexts(t *testing.T) {
	t.Parallel()
	const spnego, conversation, other = "SpnegoSymmetric", "KtpSecureConversation",
		"is not the one that the messages hold"
	const extra = "  - {identifier: urn:x, namespace: " + wssec.NSWSC05 + ", key: AAAAAAAAAAAAAAAAAAAAAA==}\n"
	for what, tt := range map[string]struct{ name, file, old, new, want string }{
		"another key":          {spnego, "case.yaml", `key: "`, `key: "AAAA`, other},
		"another computed key": {conversation, "case.yaml", `key: "`, `key: "AAAA`, other},
		"another Identifier":   {spnego, "case.yaml", `"uuid:`, `"uuid:0`, "is not among the contexts of the case"},
		"a context too many": {spnego, "case.yaml", "contexts:\n", "contexts:\n" + extra,
			"no message holds the key of urn:x"},
		"a key in no base64":  {spnego, "case.yaml", `key: "`, `key: "?`, "is not base64"},
		"another negotiation": {spnego, "01-response.xml", "Value>", "Value>AAAA", "01-response.xml: verdict"},
		"another policy": {conversation, "case.yaml", "under: bootstrap", "under: policy",
			"01-request.xml: verdict"},
		"a message as a fault": {spnego, "case.yaml", "expect: negotiation", "expect: fault",
			"01-request.xml: verdict"},
		"a protected message": {spnego, "case.yaml", "02-request.xml\n    expect: ok\n    plain: 02-request.plain.xml",
			"02-request.xml\n    expect: negotiation", "02-request.xml: verdict"},
		"a token of another id": {spnego, "02-request.xml", "<wsc:Identifier>", "<wsc:Identifier>x",
			"verdict security-context-unknown"},
	} {
		r := Verify(t.Context(), changed(t, tt.name, tt.file, tt.old, tt.new), tt.name)
		if all := strings.Join(r.Problems, "\n"); !strings.Contains(all, tt.want) {
			t.Errorf("%s: %s", what, all)
		}
	}
}

// The expectations of all vectors hold here.
func TestVectorsAreAsTheySay(t *testing.T) {
	t.Parallel()
	names, err := Names(testvectors.Files)
	if err != nil || len(names) < 1000 {
		t.Fatalf("%d vectors, %v", len(names), err)
	}
	for _, name := range names {
		for _, o := range Run(t.Context(), testvectors.Files, name) {
			if o.Problem != "" {
				t.Errorf("%s: %s", o.Name, o.Problem)
			}
		}
	}
}
