package kdc

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

const (
	passwordPort    = "464"
	passwordConnect = 2 * time.Second // to connect to one password server
)

// PasswordServers returns the servers of the password protocol (RFC 3244) of a
// realm, in the order in which they are asked: the kpasswd_server entries of
// krb5.conf, else the hosts of its admin_server entries, else those of service
// records _kpasswd, as for [Transport.KDCs]. So are the errors.
func (k *Transport) PasswordServers(ctx context.Context, realm string) ([]Address, error) {
	for _, entry := range []string{"kpasswd_server", "admin_server"} {
		list, err := passwordServers(k.conf, realm, entry)
		if len(list) > 0 || err != nil {
			return list, err
		}
	}
	if err := k.mayLookUp(realm, "kpasswd_server"); err != nil {
		return nil, err
	}
	return k.lookup(ctx, "kpasswd", realm)
}

// passwordServers parses the entries of a realm. The port of an admin_server is
// that of another protocol.
func passwordServers(conf *krb5conf.Config, realm, entry string) (list []Address, err error) {
	for _, text := range conf.Values("realms", realm, entry) {
		if isProxy(text) {
			continue
		}
		a, why := parseKDCEntry(text, passwordPort)
		if why != "" {
			return nil, kerberos.Errorf(kerberos.CodeRealm, "%s = %.100q of realm %s %s", entry, text, realm, why)
		}
		if entry == "admin_server" {
			a.Address = withPort(a.Address, passwordPort)
		}
		list = append(list, a)
	}
	return list[:min(len(list), krb5conf.MaxKDCs)], nil
}

// AskPassword sends a request of the password protocol (RFC 3244) to a password
// server of the realm and returns the reply. It tries one server after the
// other, by TCP before UDP, until one takes a connection. Once the request has
// been sent it is sent to no other and not again: a password that was changed
// would be changed twice, or the second reply say that the old one is wrong.
// Errors are those of [Transport.PasswordServers], a [*kerberos.Error] with
// [kerberos.CodeKDC], or ctx's.
func (k *Transport) AskPassword(ctx context.Context, realm string, request []byte) (Answer, error) {
	if err := checkSize(request); err != nil {
		return Answer{}, err
	}
	list, err := k.PasswordServers(ctx, realm)
	if err != nil {
		return Answer{}, err
	}
	var failed kdcFailures
	for _, a := range passwordAttempts(list, len(request)) {
		reply, sent, err := k.changePassword(ctx, a, request)
		switch {
		case err == nil:
			return Answer{reply, a}, nil
		case ctx.Err() != nil && !sent:
			return Answer{}, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("%s: %w", a, err))
		if sent {
			return Answer{From: a}, &kerberos.Error{Code: kerberos.CodeKDC, Err: failed,
				Detail: "the password server has the request and does not answer; the password may have been changed"}
		}
	}
	e := kerberos.Errorf(kerberos.CodeKDC,
		"no password server of realm %s takes a connection; do firewalls let port 464 through, TCP and UDP?", realm)
	e.Err = failed
	return Answer{}, e
}

// passwordAttempts returns the addresses to ask, each server by TCP and then by
// UDP.
func passwordAttempts(list []Address, size int) (attempts []Address) {
	for _, a := range list {
		for _, network := range []string{"tcp", "udp"} {
			one := Address{network, a.Address}
			if a.Network != "" && a.Network != network || network == "udp" && size > maxUDPRequest ||
				slices.Contains(attempts, one) {
				continue
			}
			attempts = append(attempts, one)
		}
	}
	return attempts
}

// changePassword asks one server. It reports whether the request may have
// reached it.
func (k *Transport) changePassword(
	ctx context.Context, a Address, request []byte,
) (reply []byte, sent bool, err error) {
	connecting, cancel := context.WithTimeout(ctx, min(passwordConnect, k.cfg.Timeout))
	defer cancel()
	conn, err := k.dial(connecting, a)
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	ctx, end := context.WithTimeout(ctx, k.cfg.Timeout)
	defer end()
	reply, err = converse(ctx, conn, a.Network, request, isPasswordReply)
	return reply, true, err
}

// isPasswordReply reports whether b has the form of a reply of the password
// protocol (RFC 3244 2): its own length, a version, and an AP-REP with a
// KRB-PRIV, or a KRB-ERROR. Some servers send the KRB-ERROR alone.
func isPasswordReply(b []byte) bool {
	if isElement(b, der.TagApplication(30)) {
		return true
	}
	if len(b) < 6 || int(binary.BigEndian.Uint16(b)) != len(b) {
		return false
	}
	if version := binary.BigEndian.Uint16(b[2:]); version != 1 && version != 0xff80 {
		return false
	}
	n, rest := int(binary.BigEndian.Uint16(b[4:])), b[6:]
	switch {
	case n == 0:
		return isElement(rest, der.TagApplication(30))
	case n > len(rest):
		return false
	}
	return isElement(rest[:n], der.TagApplication(15)) && isElement(rest[n:], der.TagApplication(21))
}
