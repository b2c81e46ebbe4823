package xmltext

import "testing"

func TestTextJoinsCharacterData(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]struct {
		text  string
		plain bool
		mixed bool
	}{
		"":                           {"", true, false},
		"abc":                        {"abc", true, true},
		" \n\t":                      {" \n\t", true, false},
		"a > b":                      {"a > b", true, true},
		"a&amp;b":                    {"a&b", false, true},
		"a\r\nb\rc&#13;\n":           {"a\nb\nc\r\n", false, true},
		"a<!-- x -->b":               {"ab", false, true},
		"a<![CDATA[<&amp;\r\n>]]>b":  {"a<&amp;\n>b", false, true},
		"a<?p x?>b":                  {"ab", false, true},
		"a<x>c</x>b":                 {"ab", false, true},
		"&lt;<x/>\r<y/>b":            {"<\nb", false, true},
		"<!-- c --> <x/> ":           {"  ", false, false},
		"<![CDATA[&]]><x/>":          {"&", false, true},
		" <x>c</x> ":                 {"  ", false, false},
		"<x>c</x>":                   {"", false, false},
		" <!-- x --><![CDATA[ ]]> ":  {"   ", false, false},
		"&#32;&#x9;":                 {" \t", false, false},
		"<x/>&#46;":                  {".", false, true},
		"<![CDATA[]]>":               {"", false, false},
		"\ufeff":                     {"\ufeff", true, true},
		"user<!-- -->@evil.example":  {"user@evil.example", false, true},
		"&#x1F600;\U0001F600&#8364;": {"😀😀€", false, true},
	} {
		n := mustScan(t, "<a>"+content+"</a>").Root()
		if got := n.Text(); got != want.text {
			t.Errorf("Text of %q = %q, want %q", content, got, want.text)
		}
		if plain, ok := n.PlainText(); ok != want.plain || ok && string(plain) != want.text {
			t.Errorf("PlainText of %q = %q %v", content, plain, ok)
		}
		if got := n.HasMixedText(); got != want.mixed {
			t.Errorf("HasMixedText of %q = %v", content, got)
		}
	}
	if text, ok := mustScan(t, "<a/>").Root().PlainText(); !ok || len(text) != 0 {
		t.Error("PlainText of an empty-element tag")
	}
}

func TestAppendEscapedReadsBack(t *testing.T) {
	t.Parallel()
	const in = "a&<>\"'\t\n\rä"
	if got := string(AppendEscapedText([]byte("."), in)); got != ".a&amp;&lt;&gt;\"'\t\n&#xD;ä" {
		t.Errorf("text %q", got)
	}
	if got := string(AppendEscapedAttr([]byte("."), in)); got != ".a&amp;&lt;>&quot;'&#x9;&#xA;&#xD;ä" {
		t.Errorf("attribute %q", got)
	}
}
