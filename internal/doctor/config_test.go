package doctor_test

import (
	"errors"
	"os"
	"testing"
)

// What serve would say, unless a check has said why already.
func TestCheckConfigReportsWhatServeRefuses(t *testing.T) {
	t.Parallel()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	c.cfg.Assemble = func() error { return c.cfg.Settings.Refuse(0, "service", "is odd", "make it even") }
	c.expectOf("config", "fail config serve: does not start: service is odd … make it even")
	os.Chmod(c.get("keytab"), 0o644)
	c.expectOf("config")
	c.cfg.Assemble = func() error { return errors.New("cannot") }
	c.expectOf("config", "fail config serve: does not start: cannot")
}
