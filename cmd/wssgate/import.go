package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/internal/importer"
)

type importCmd struct {
	WSDL string `arg:"" name:"wsdl" help:"File or http(s) URL of the WSDL; '-' reads standard input."`

	Route   []string `placeholder:"PATH" env:"-" help:"Only the routes of these paths."`
	Partial bool     `env:"-" help:"Leave out what wssgate does not have, and print the rest with comments."`

	AllowImports []string `placeholder:"FOLDER|URL" env:"-" help:"Where imported WSDLs may stand beside the folder or origin of the WSDL."`

	Backend    string `placeholder:"URL" env:"-" help:"Service behind the gateway; without a path, with that of each route."`
	Address    string `placeholder:"URL" env:"-" help:"Public URL of the gateway, likewise; by default the addresses of the WSDL."`
	Keytab     string `placeholder:"FILE" env:"-" help:"Keytab of the service."`
	Service    string `placeholder:"PRINCIPAL" env:"-" help:"Service principal; by default that of the WSDL."`
	Addressing string `placeholder:"MODE" enum:",pass,terminate" default:"" env:"-" help:"Where WS-Addressing ends, on routes that have it: pass or terminate, the default."`

	Listen       string `placeholder:"HOST:PORT" env:"-" help:"Address to listen on without TLS; :8080 by default."`
	ListenTLS    string `name:"listen-tls" placeholder:"HOST:PORT" env:"-" help:"Address to listen on with TLS; :8443 by default."`
	TLSCert      string `name:"tls-cert" placeholder:"FILE" env:"-" help:"PEM certificate chain."`
	TLSKey       string `name:"tls-key" placeholder:"FILE" env:"-" help:"PEM private key."`
	TLSOffloaded bool   `name:"tls-offloaded" env:"-" help:"A proxy in front of wssgate ends TLS."`
}

// Help is shown below the flags' summary.
func (importCmd) Help() string {
	return "Prints a configuration file for serve, with a route for each port of the WSDL that has a policy " +
		"with Kerberos " +
		"or SPNEGO: WS-SecurityPolicy 1.1 to 1.3 in WS-Policy 1.2 or 1.5, as CXF, WCF and wssgate write them. Comments " +
		"say where the WSDL has each value; what no WSDL says is marked to be replaced. Assertions that wssgate does not " +
		"have, and those that contradict others, are named with file, line and column, and the exit status is 1, unless " +
		"--partial is given; it is 1 too if a document cannot be had or read, and 2 if the command line names a file, " +
		"folder or route that is not there. Imported WSDLs are read from the folder of the WSDL and those in it, or from " +
		"its origin if it is a URL; from elsewhere only with --allow-imports."
}

// Run prints the configuration.
func (c *importCmd) Run(ctx *runContext, s *streams) error {
	text, err := importer.Import(ctx, importer.Config{
		Source: c.WSDL, Stdin: s.in, Allow: c.AllowImports, Routes: c.Route, Partial: c.Partial,
		Backend: c.Backend, Address: c.Address, Keytab: c.Keytab, Service: c.Service, Addressing: c.Addressing,
		Listen: c.Listen, ListenTLS: c.ListenTLS, TLSCert: c.TLSCert, TLSKey: c.TLSKey, TLSOffloaded: c.TLSOffloaded,
	})
	if _, lacks := errors.AsType[*importer.Problem](err); lacks && !c.Partial {
		return importError{fmt.Errorf("%w\n--partial prints what is left without these, --route PATH the routes that you "+
			"name", err)}
	}
	if _, wrong := errors.AsType[*importer.ArgumentError](err); wrong {
		return usageError{err}
	}
	if err != nil {
		return importError{err}
	}
	_, err = s.out.Write(text)
	return err
}

// importError is an import that failed: status 1, also where the configuration
// that was made would be refused with 2.
type importError struct{ err error }

func (e importError) Error() string { return strings.TrimRight(e.err.Error(), "\n") }
func (e importError) Unwrap() error { return e.err }
func (e importError) ExitCode() int { return 1 }
