package interop

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// middleware is the variable that makes the test binary a server with our
// middleware, a process of its own: "ADDR KEYTAB".
const middleware = "WSSGATE_TEST_MIDDLEWARE"

func TestMain(m *testing.M) {
	if text := os.Getenv(middleware); text != "" {
		fmt.Fprintln(os.Stderr, serveMiddleware(text))
		os.Exit(1)
	}
	if text := os.Getenv(reverseProxy); text != "" {
		fmt.Fprintln(os.Stderr, serveReverseProxy(text))
		os.Exit(1)
	}
	code := m.Run()
	endKept()
	os.Exit(code)
}

func serveMiddleware(text string) error {
	defer runtime.KeepAlive(make([]byte, 64<<20)) // as wssgate has it, for a calmer collector
	var addr, file string
	fmt.Sscan(text, &addr, &file)
	keys, err := keytab.Load(file)
	if err != nil {
		return err
	}
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: keys})
	if err != nil {
		return err
	}
	auth, err := negotiate.New(negotiate.Config{Acceptor: acceptor})
	if err != nil {
		return err
	}
	return http.ListenAndServe(addr, auth.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := negotiate.FromRequestContext(r.Context())
		name, realm := client.Client()
		fmt.Fprintf(w, "page for %s@%s\n", name, realm)
	})))
}
