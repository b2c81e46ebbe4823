package config

import (
	"strings"
	"testing"
)

func TestErrorMasksSecrets(t *testing.T) {
	_, err := load(t, "keytab: k\nbackend: ftp://gate:s3cret@b/\n", Flags{}, nil)
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}
