package config

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// Editors of Windows write byte order marks, UTF-16 and CRLF.
func TestTextOfReadsFilesOfWindowsEditors(t *testing.T) {
	wide := func(order binary.AppendByteOrder, text string) string {
		b := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	text := strings.ReplaceAll(strings.TrimPrefix(oneRoute, "\n"), "\n", "\r\n") + "principal-header: X-Wer-ä\r\n"
	for name, file := range map[string]string{
		"UTF-8 with a mark": "\ufeff" + text, "UTF-16LE": wide(binary.LittleEndian, text),
		"UTF-16BE": wide(binary.BigEndian, text),
	} {
		_, err := load(t, file, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(),
			`gate.yaml:4:1: principal-header: "X-Wer-ä" is not a header name, or one that HTTP needs`) ||
			strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := load(t, oneRoute+"state-dir: /var/lib/gr\xfcn\n", Flags{}, nil); err == nil ||
		!strings.Contains(err.Error(), "gate.yaml:5:23: is not UTF-8; save the file as UTF-8") {
		t.Errorf("Latin-1: %v", err)
	}
}

// A lost or surplus column is named as such, where it is.
func TestIndentationFaultNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"policy:\n\tpreset: Kerberos\n": "gate.yaml:6:1: a tab stands in the indentation; write " +
			"spaces",
		"policy:\n  preset: Kerberos\n\tlayout: lax\n":   "gate.yaml:7:1: a tab stands in the indentation",
		"policy:\n  preset: Kerberos\n  \tlayout: lax\n": "gate.yaml:7:3: a tab stands in the indentation",
		"policy:\n  preset: Kerberos\n   layout: lax\n": "gate.yaml:7:4: is indented more than the line before " +
			"it, which has its value; settings of one level begin in the same column",
		"policy:\n   preset: Kerberos\n  layout: lax\n": "gate.yaml:7:3: begins in a column in which no setting " +
			"above it begins; settings of one level",
		"policy:\n  preset: Kerberos\n layout: lax\n":     "gate.yaml:7:2: begins in a column",
		" allow-rc4: true\n":                              "gate.yaml:5:2: is indented more than the line before it",
		"routes:\n  - path: /a\n  backend: http://b\n":    "gate.yaml:7:3: begins in a column",
		"routes:\n  - path: /a\n     backend: http://b\n": "gate.yaml:7:6: is indented more than the line before it",
		"policy:\npreset: Kerberos\n": "gate.yaml:6:1: preset: unknown setting; it is a " +
			"setting of a policy: indent it under policy:",
		"routes:\n  - path: /a\n    listen: :1\n": "routes[0].listen: unknown setting; it is a setting of " +
			"the process: write it at the top level",
		"policy:\n  preset: Kerberos\n  tls-offloaded: true\n": "policy.tls-offloaded: unknown setting; it is a " +
			"setting of a route",
		"any-principal: true\n": "any-principal: unknown setting; it is a setting of a service: " +
			"write it in an entry of services:",
		"allowed-principals: [\"EXAMPLE\\user\"]\n": `write 'EXAMPLE\alice' in single quotes`,
		"state-dir: \"C:\\wssgate\"\n":              `in double quotes a backslash begins an escape`,
	} {
		_, err := load(t, strings.TrimPrefix(oneRoute, "\n")+"log-level: info\n"+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		}
	}
}
