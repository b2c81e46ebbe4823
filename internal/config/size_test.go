package config

import (
	"testing"
)

func TestSizeParsesItsText(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "7": 7, "1kB": 1000, "1KB": 1000, "2KiB": 2048, "20MB": 20e6,
		"32MiB": 32 << 20, "1 GiB": 1 << 30, "5B": 5} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v, want %d", text, s, err, want)
		}
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%q: String %q reads back as %d, %v", text, s, back, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5MB", "9999999999GiB", "MB", "1TB"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
