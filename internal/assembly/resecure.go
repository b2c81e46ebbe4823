package assembly

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/resecure"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// secureBackends makes the transports of routes whose backends are secured
// themselves. What they have in common is made for the first of them.
type secureBackends struct {
	cfg  *config.Config
	keys *Keyring
	log  *slog.Logger

	operator *Operator // is told of requests to KDCs; nil: nobody

	krb5Conf string
	kdc      kdc.Exchanger
	accounts map[[3]string]*kdc.Client // by principal, keytab, and what for
}

// secure sets the transport of route i, if its backend asks for protection. What
// the route has carries it.
func (s *secureBackends) secure(i int, route *gateway.Route, c *credential) error {
	r := &s.cfg.Routes[i]
	if r.BackendPolicy.IsZero() || route.Disabled {
		return nil
	}
	if err := s.prepare(); err != nil {
		return err
	}
	source, err := s.source(i, c)
	if err != nil {
		return err
	}
	route.Transport, err = resecure.New(resecure.Config{
		Backend: route.Backend, Service: r.BackendService, Policy: r.BackendPolicy.Messages(), Source: source,
		Base: route.Transport, Trust: trustVersion(r.BackendTrust), Addressing: addressingVersion(r.BackendAddressing),
		NoAuthenticator: !r.BackendAuthenticator, EndorsedRenewal: r.BackendEndorseRenewal,
		Timeout: r.BackendTimeout, MaxReply: int(s.cfg.MaxMessage), Reserve: gateway.Reserve,
	})
	if err != nil {
		return s.cfg.Refuse(i, "backend-policy", strings.TrimPrefix(err.Error(), "resecure: client: "), "")
	}
	warnOfLeg(s.cfg, r, s.log)
	return nil
}

// takesDelegation reports whether a route uses what its clients delegate.
func takesDelegation(r *config.Route) bool {
	return !r.BackendPolicy.IsZero() && r.BackendCredential == config.CredentialDelegated
}

func trustVersion(name string) wstrust.Version {
	if name == "1.3" {
		return wstrust.V13
	}
	return wstrust.Feb2005
}

func addressingVersion(name string) string {
	return map[string]string{"1.0": soap.NSAddressing, "2004/08": soap.NSAddressing04}[name]
}

// prepare makes what all routes share.
func (s *secureBackends) prepare() (err error) {
	if s.kdc != nil {
		return nil
	}
	if s.krb5Conf, err = ownKrb5Conf(s.cfg); err != nil {
		return err
	}
	s.accounts = map[[3]string]*kdc.Client{}
	s.kdc, err = kdc.NewTransport(kdc.TransportConfig{Krb5Conf: s.krb5Conf, AnyRealm: true})
	if err != nil {
		return s.cfg.Refuse(-1, "krb5-conf", err.Error(), "correct the file")
	}
	return nil
}

// ownKrb5Conf returns the text of the krb5.conf files by which wssgate itself
// finds KDCs.
func ownKrb5Conf(cfg *config.Config) (string, error) {
	return readKrb5Conf(cfg, "krb5-conf", cfg.Krb5Conf)
}

// readKrb5Conf returns the text of the krb5.conf files of a setting. Only files
// that the operator names have to be there.
func readKrb5Conf(cfg *config.Config, setting, value string) (string, error) {
	named := cmp.Or(value, os.Getenv("KRB5_CONFIG"))
	var all strings.Builder
	for path := range strings.SplitSeq(cmp.Or(named, "/etc/krb5.conf"), ":") {
		text, err := krb5conf.Read(path)
		if named == "" && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", cfg.Refuse(-1, setting, err.Error(), "name a krb5.conf that this process can read")
		}
		all.WriteString(text + "\n")
	}
	return all.String(), nil
}

// source returns as whom the backend of route i is called.
func (s *secureBackends) source(i int, c *credential) (resecure.Source, error) {
	kind := s.cfg.Routes[i].BackendCredential
	if kind == config.CredentialDelegated {
		return resecure.Delegated(resecure.DelegatedConfig{Krb5Conf: s.krb5Conf, KDC: s.watched(askedByDelegated)}), nil
	}
	account, err := s.account(i, c)
	switch {
	case err != nil:
		return nil, err
	case kind == config.CredentialProxy:
		return resecure.Proxy(account), nil
	case kind == config.CredentialSelf:
		return resecure.Self(account), nil
	}
	return resecure.Gateway(account), nil
}

// account returns the tickets of the principal that wssgate calls a backend as. It
// logs in with the first of them, and again when they end.
func (s *secureBackends) account(i int, c *credential) (*kdc.Client, error) {
	principal, path := s.cfg.CallsAs(&s.cfg.Routes[i])
	file := c.file
	if path != "" {
		var err error
		own := &credential{Service: config.Service{Keytab: path}, refuse: func(_, problem, cure string) error {
			return s.cfg.Refuse(i, "backend-keytab", problem, cure)
		}}
		if file, err = s.keys.open(own); err != nil {
			return nil, err
		}
	}
	by := askedByGateway
	if kind := s.cfg.Routes[i].BackendCredential; kind == config.CredentialProxy || kind == config.CredentialSelf {
		by = askedByS4U
	}
	key := [3]string{principal, file.id, by}
	if known := s.accounts[key]; known != nil {
		return known, nil
	}
	account, err := kdc.NewClient(kdc.ClientConfig{Client: principal, Keytab: file, Krb5Conf: s.krb5Conf,
		KDC: s.watched(by), Forwardable: true})
	if err != nil {
		return nil, s.cfg.Refuse(i, "backend-principal", strings.TrimPrefix(err.Error(), "kerberos: "),
			"write it as klist -ekt does, with its realm")
	}
	who := account.Client().String()
	if kt := file.Keytab(); len(kt.EntriesOf(who)) == 0 {
		return nil, s.cfg.Refuse(i, "backend-principal", "keytab "+file.Path()+" has no key of "+who+kt.Nearby(who),
			"export its key to this file, or name another backend-keytab")
	}
	s.accounts[key] = account
	return account, nil
}

// watched returns the KDCs for who asks them.
func (s *secureBackends) watched(by string) kdc.Exchanger { return watchedKDC{s.kdc, s.operator, by} }

// warnOfLeg warns of a backend whose replies anybody on the way can change or
// exchange.
func warnOfLeg(cfg *config.Config, r *config.Route, log *slog.Logger) {
	p := r.BackendPolicy.Messages()
	switch {
	case !strings.HasPrefix(r.Backend[0], "http:"):
	case p == nil:
		log.Warn("nothing protects what the backend of this route answers: whoever is in between can change it",
			"path", r.Name(), "backend-policy", r.BackendPolicy.String(), "cure", "call the backend by https")
	case p.ClientToken() != wssec.KerberosToken && r.BackendCredential == config.CredentialGateway &&
		r.BackendAddressing == "none" && !p.SignatureConfirmation:
		log.Warn("all clients share a security context with the backend, and nothing ties its replies to their requests: "+
			"whoever is in between can exchange them", "path", r.Name(), "backend-policy", r.BackendPolicy.String(),
			"cure", "set backend-addressing, where the backend signs its headers of WS-Addressing, or call it by https")
	}
}
