package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/wssgate/wssgate/internal/browser"
)

type browserCmd struct {
	At        string   `default:"/wssgate" placeholder:"URL" help:"Where it is served: https://gw.example.com and the path of browser-client. A path alone is of the page's own origin."`
	Connect   []string `placeholder:"URL" help:"Relays and services that the page calls, as wss://gw.example.com/kerberos5."`
	Csp       bool     `xor:"one" help:"Print the Content-Security-Policy alone."`
	Integrity bool     `xor:"one" help:"Print the integrity of the module alone."`
}

// Help is shown below the flags' summary.
func (browserCmd) Help() string {
	return `Prints the Content-Security-Policy that a page needs, which a server sends with it, and the element that has
the integrity of the module. The module has that of all else. They are for the files of this binary: with another
version of it the element is another one.

	wssgate browser-client --at https://gw.example.com/wssgate \
	  --connect wss://gw.example.com/kerberos5 --connect https://gw.example.com`
}

// Run prints what a page writes about the browser client.
func (c *browserCmd) Run(s *streams) error {
	place := browser.Place{At: c.At, Connect: c.Connect}
	policy, err := place.Policy()
	if err != nil {
		return usageError{err}
	}
	if c.Csp {
		_, err = fmt.Fprintln(s.out, policy)
		return err
	}
	files, err := browser.Embedded()
	if err != nil {
		return fmt.Errorf("%w: %s", err, browser.Cure)
	}
	if c.Integrity {
		_, err = fmt.Fprintln(s.out, files.Named(files.Module).Integrity)
		return err
	}
	return printBrowserClient(s.out, policy, place.Script(files), files)
}

func printBrowserClient(out io.Writer, policy, script string, files *browser.Files) error {
	fmt.Fprintf(out, "Content-Security-Policy: %s\n\n%s\n\n", policy, script)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range files.List {
		fmt.Fprintf(w, "%s\t%d octets\t%s\n", f.Name, f.Size, f.Integrity)
	}
	return w.Flush()
}
