package vectors

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wssgate/wssgate/testvectors"
)

// A checker of archives that cannot fail proves nothing either.
func TestRunNoticesWrongVectors(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct{ name, old, new, want string }{
		"an acceptance too many": {"cases/signature-body-changed", "expect: digest-invalid", "expect: ok",
			"verdict digest-invalid"},
		"a refusal too many": {"cases/valid-signed-soap11", "expect: ok", "expect: layout",
			"verdict ok, expected layout"},
		"another reason": {"cases/signature-body-changed", "expect: digest-invalid", "expect: layout",
			"verdict digest-invalid, expected layout"},
		"another plaintext": {"cases/valid-basic128-sbe-raw", "-- body.xml --", "-- other.xml --",
			"the Body is not that"},
		"another client":    {"cases/valid-signed-soap11", "client: alice", "client: bob", "the client is alice"},
		"another key":       {"cases/valid-signed-soap11", "key: ", "key: 00", "the key is not that of the case"},
		"an unknown line":   {"cases/valid-signed-soap11", "tls: ", "ttls: ", "unknown field"},
		"an unknown policy": {"cases/valid-signed-soap11", `"binding"`, `"bindung"`, "unknown field"},
		"a first message that is refused": {"cases/once-valid", "-- before.xml --\n", "-- before.xml --\n<",
			"verdict error, expected ok: before.xml"},
		"another form":        {"c14n/cdata", "<b>", "<c>", "canonical form"},
		"another digest":      {"c14n/cdata", "sha256: ", "sha256: 00", "the digests are not"},
		"another token's key": {"kerberos/ap-req-etype-18", "key: ", "key: 00", "the key is not that of the vector"},
		"another text":        {"kerberos/wrap-18-sealed", "\nper-message", "\nper message", "the text is another"},
		"not sealed":          {"kerberos/wrap-18-integrity", "sealed: false", "sealed: true", "not protected as"},
		"a negotiation's key": {"wstrust/negotiation-05-etype-18", "\nkey: ", "\nkey: 00",
			"the key of the context is not"},
		"a negotiation's hash": {"wstrust/negotiation-05-etype-18", "CombinedHash>", "CombinedHash>AAAA",
			"CombinedHash is not"},
		"another derived key":    {"derivedkeys/p_sha1", `"key": "`, `"key": "00`, "the key is"},
		"a list that is no list": {"derivedkeys/p_sha1", `"offset": 0`, `"offset": "0"`, "cannot unmarshal"},
	} {
		o := Run(t.Context(), changedArchive(t, tt.name, tt.old, tt.new), tt.name)[0]
		if !strings.Contains(o.Problem, tt.want) {
			t.Errorf("%s: %q", what, o.Problem)
		}
	}
}

// changedArchive returns a file system with one vector, edited once, and the
// keytab beside it.
func changedArchive(t *testing.T, name, old, new string) fs.FS {
	t.Helper()
	file := name + ".txtar"
	if path.Dir(name) == "derivedkeys" {
		file = name + ".json"
	}
	files := fstest.MapFS{}
	for _, f := range []string{file, path.Dir(name) + "/service.keytab"} {
		b, err := fs.ReadFile(testvectors.Files, f)
		if f == file && (err != nil || !bytes.Contains(b, []byte(old))) {
			t.Fatalf("%s has no %q: %v", f, old, err)
		}
		if f == file {
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
		}
		files[f] = &fstest.MapFile{Data: b}
	}
	return files
}
