package assembly

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// adminClients asks those who reach the operator's listener who they are, by HTTP
// Negotiate. Nil asks nobody.
type adminClients struct {
	file  *keytab.File
	auth  *negotiate.Authenticator
	rules *access.Rules
	log   *slog.Logger
}

// openAdminClients returns the adminClients of a configuration.
func openAdminClients(cfg *config.Config, log *slog.Logger) (c *adminClients, err error) {
	if !cfg.HasAdmin() || cfg.AdminKeytab == "" {
		return nil, nil
	}
	refuse := func(problem, cure string) error { return cfg.Refuse(-1, "admin-keytab", problem, cure) }
	c = &adminClients{log: log}
	fc := keytab.FileConfig{Keep: cfg.KeepOldKeys, Notify: c.changed}
	if fc.Keep == 0 {
		fc.Keep = -1 // none
	}
	if c.file, err = keytab.OpenFile(cfg.AdminKeytab, fc); err != nil {
		return nil, refuse(err.Error(), cureReadable)
	}
	services := httpServices(c.file.Keytab())
	if len(services) == 0 {
		return nil, refuse("has no key of HTTP/HOST",
			"export the key of HTTP/ and the name by which browsers ask, as HTTP/gw1.example.com")
	}
	if c.rules, err = access.New(access.Lists{AllowedPrincipals: cfg.AdminAllowedPrincipals}); err != nil {
		return nil, cfg.Refuse(-1, "admin-allowed-principals", err.Error(), "write it as alice@EXAMPLE.COM")
	}
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: c.file, Services: services, MaxSkew: cfg.ClockSkew,
		ReplayWindow: cfg.ClockSkew, BindingRule: gss.BindingsOff})
	if err == nil {
		c.auth, err = negotiate.New(negotiate.Config{Acceptor: acceptor, Authorize: c.authorize, Scope: "admin",
			BindingRule: gss.BindingsOff})
	}
	if err != nil {
		return nil, refuse(err.Error(), "export a key of AES for HTTP/HOST")
	}
	return c, nil
}

// httpServices returns the principals of a keytab that browsers ask tickets for.
func httpServices(kt *keytab.Keytab) (list []string) {
	for _, p := range kt.Principals() {
		if len(p.Components) == 2 && p.Components[0] == "HTTP" {
			list = append(list, p.String())
		}
	}
	return list
}

// authorize refuses who is not listed.
func (c *adminClients) authorize(_ *http.Request, i *negotiate.Identity) error {
	name, realm := i.Client()
	d := c.rules.Decide(name, realm, nil)
	if d.Admitted {
		return nil
	}
	c.log.Warn("refused at the operator's listener", "principal", name+"@"+realm, "error", d.Why,
		"cure", "list the principal in admin-allowed-principals, if it may see and steer the gateway")
	return errors.New(d.Why)
}

// protect returns a handler that lets in who is listed.
func (c *adminClients) protect() func(http.Handler) http.Handler {
	if c == nil {
		return nil
	}
	return c.auth.Handler
}

// changed logs what has become of the file.
func (c *adminClients) changed(e keytab.Event) {
	if e.Err != nil {
		c.log.Error("admin-keytab is not loaded; the keys in use stay", "admin-keytab", c.file.Path(),
			"error", e.Err.Error())
	}
}

// watch follows the file until ctx ends or stop is called.
func (c *adminClients) watch(ctx context.Context) (stop func()) {
	if c == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { c.file.Watch(ctx) })
	return func() {
		cancel()
		watching.Wait()
	}
}
