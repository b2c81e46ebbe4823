package doctor_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/wssgate/wssgate/replay"
)

// What listens where serve would: the gateway, with the certificate of the file
// or an older one, or something else.
func TestCheckListenFindsWhoListens(t *testing.T) {
	t.Parallel()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	c.certificate(9999*time.Hour, "gw.example.com")
	pair, err := tls.LoadX509KeyPair(c.get("tls-cert"), c.get("tls-key"))
	if err != nil {
		t.Fatal(err)
	}
	c.expectOf("listen")
	served := httptest.NewUnstartedServer(http.NotFoundHandler())
	served.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	served.Config.ErrorLog = log.New(io.Discard, "", 0)
	served.StartTLS()
	defer served.Close()
	_, port, _ := net.SplitHostPort(served.Listener.Addr().String())
	c.set("listen", "0.0.0.0:"+port)
	c.expectOf("listen", "warn listen … something listens there, and it is no gateway with this state-dir")
	journal, err := replay.OpenJournal(filepath.Join(c.cfg.StateDir, "replay"), replay.JournalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	c.expectOf("listen")
	c.certificate(9999*time.Hour, "gw.example.com")
	c.expectOf("listen", "warn listen … the certificate that is served is not that of … restart wssgate")
	c.set("certificates", "[{tls-cert: "+c.get("tls-cert")+", tls-key: "+c.get("tls-key")+"}]")
	further := c.get("tls-cert")
	c.certificate(9999*time.Hour, "gw.example.com")
	c.expectOf("listen", "warn listen … the certificate that is served is not that of "+c.get("tls-cert"))
	c.certificate(9999*time.Hour, "other.example.com")
	c.expectOf("listen", "warn listen … the certificate that is served is not that of "+c.get("tls-cert"),
		"warn listen … the certificate that is served is not that of "+further)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c.set("listen", plain.Listener.Addr().String())
	c.expectOf("listen", "fail listen … does not speak TLS")
	c.set("listen", "127.0.0.1:1")
	c.expectOf("listen", "warn listen … nothing listens there, and a process has the replay journal")
	c.set("replay-journal", "false")
	c.set("listen", "0.0.0.0:"+port)
	c.expectOf("listen")
}
