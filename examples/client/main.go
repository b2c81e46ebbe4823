// Command client calls a SOAP service that WS-Security protects with Kerberos:
// a service behind wssgate, a WCF service, or the example beside this one. It
// reads a plain SOAP message from standard input and writes the reply, verified
// and decrypted, to standard output.
//
//	kinit alice@EXAMPLE.COM
//	client -url http://gateway.example.com:8080/quotes -service soap/gateway.example.com <question.xml
//
// What a program has to do for a call is in [run] and [login]; the rest is
// flags. wssgate request is a client for the shell, and can do more.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/wssec"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	url := flags.String("url", "", "`address` of the service")
	service := flags.String("service", "", "Kerberos `principal` of the service")
	ccache := flags.String("ccache", os.Getenv("KRB5CCNAME"), "credential cache `file`, as kinit writes it")
	keytab := flags.String("keytab", "", "keytab `file` with a key of the client, instead of the credential cache")
	principal := flags.String("principal", "", "`principal` of the client; with -keytab")
	conf := flags.String("krb5-conf", cmp.Or(os.Getenv("KRB5_CONFIG"), "/etc/krb5.conf"), "`file` that names the KDCs")
	timeout := flags.Duration("timeout", 30*time.Second, "for all of it")
	_ = flags.Parse(args) // ends the program if it fails
	if *url == "" || *service == "" {
		return errors.New("-url and -service are required")
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()

	tickets, err := login(*principal, *keytab, *ccache, *conf)
	if err != nil {
		return err
	}
	defer tickets.Close()
	policy, _ := wssec.Preset("Kerberos")
	c, err := client.New(client.Config{URL: *url, Service: *service, Policy: policy, Tickets: tickets})
	if err != nil {
		return err
	}
	message, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	reply, err := c.Call(ctx, client.Request{Message: message})
	if err != nil {
		return err // a *client.Error: its Code says what has failed
	}
	_, err = out.Write(reply.Message)
	return err
}

// login returns the client's source of tickets. It asks no KDC before the first
// ticket is needed.
func login(principal, kt, ccache, conf string) (*kdc.Client, error) {
	krb5Conf, err := krb5conf.Read(conf)
	if err != nil {
		return nil, err
	}
	cfg := kdc.ClientConfig{Client: principal, Krb5Conf: krb5Conf}
	if kt == "" {
		cfg.CCache = cmp.Or(ccache, fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid()))
		return kdc.NewClient(cfg)
	}
	keys, err := keytab.Load(kt)
	if err != nil {
		return nil, err
	}
	cfg.Keytab = keys
	return kdc.NewClient(cfg)
}
