// Command wssgate is a gateway for SOAP services: it takes messages that
// WS-Security protects with Kerberos, verifies and decrypts them, passes them
// to a plain SOAP service, and protects the reply with the same key.
//
//	wssgate serve    run the gateway
//	wssgate check    what serve would refuse of a file
//	wssgate kdcproxy relay requests to KDCs, without any service
//	wssgate import   a configuration from a WSDL
//	wssgate doctor   what is wrong around the gateway, and the cure
//	wssgate request  call a protected service
//	wssgate demo     one protected call, with everything it needs in one process
//	wssgate verify   run the test vectors
//	wssgate inspect  explain a token, a key file or a SOAP message
//	wssgate jwks     the keys that backends verify assertions by
//	wssgate browser-client
//	                 policy and integrity for a page that uses it
//	wssgate errors   every error code: cause, cure, fault
//	wssgate man      man pages, that of the configuration file too
//	wssgate completion
//	                 completion of the command line for a shell
//	wssgate version  what this binary was built from
//	wssgate help     what a command is for, and its flags
//
// Results go to standard output; the log of serve and error messages go to
// standard error. Once serve has read its configuration, what ends it is a line
// of the log like all else. The exit status is 0 for success, 1 for a failure,
// 2 for a command line or configuration that was refused; request has more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// memProfileRate is how many octets are allocated for each sample in the profile of
// the heap. With the runtime's 512 kB the samples were a hundredth of a small
// exchange's time.
const memProfileRate = 4 << 20

func main() {
	runtime.MemProfileRate = memProfileRate
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	report(os.Stderr, err)
	os.Exit(exitCode(err))
}

// report writes an error, each of its lines with the program's name before it,
// unless the log has it already.
func report(w io.Writer, err error) {
	var said loggedError
	if err == nil || errors.As(err, &said) {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(w, "wssgate: %s\n", line)
	}
}
