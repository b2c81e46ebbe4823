package gss

import (
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// A PACRule is what an acceptor does with the PAC of a ticket (MS-PAC), the
// privilege attribute certificate in which an Active Directory, Samba, FreeIPA
// or MIT (1.20 or later) KDC states the client's account and groups.
type PACRule string

const (
	PACIgnore      PACRule = ""             // ignores it
	PACWhenPresent PACRule = "when-present" // verifies and reads it; an invalid one refuses the ticket
	PACRequired    PACRule = "required"     // refuses a ticket without one, too
)

// checkPAC verifies and reads the ticket's PAC by the rule.
func (s *acceptance) checkPAC() error {
	raw, err := pac.Find(s.ticket.AuthzData)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if raw == nil {
		if s.cfg.PAC == PACRequired {
			return kerberos.Errorf(kerberos.CodePACMissing, "ticket of %s has no PAC, and one is required", s.clientText())
		}
		return nil
	}
	buffers, err := pac.ParseBuffers(raw)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if err := buffers.Verify(s.entry.Key); err != nil {
		return err
	}
	pac, err := buffers.Parse()
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if err := s.checkPACClient(pac); err != nil {
		return err
	}
	s.withhold(pac)
	s.noteDenied(pac)
	s.pac = pac
	return nil
}

func (s *acceptance) clientText() string {
	text := append(s.ticket.CName.AppendText(make([]byte, 0, 128)), '@')
	return string(kerberos.AppendEscaped(text, s.ticket.CRealm))
}

// checkPACClient checks that a PAC belongs to its ticket: same client, same
// authentication (MS-PAC 2.7).
func (s *acceptance) checkPACClient(pac *pac.PAC) error {
	if !pac.AuthTime.Truncate(time.Second).Equal(s.ticket.AuthTime) {
		return kerberos.Errorf(kerberos.CodePACClient, "ticket of %s is of an authentication at %s, its PAC of one at %s",
			s.clientText(), kerberos.FormatTime(s.ticket.AuthTime), kerberos.FormatTime(pac.AuthTime))
	}
	name := string(s.ticket.CName.AppendText(nil))
	if pac.ClientName == name {
		return nil
	}
	// Windows does not escape names: an enterprise name has a plain @ in the
	// PAC.
	if parts := s.ticket.CName.Components(); len(parts) == 1 && parts[0] == pac.ClientName &&
		!strings.ContainsAny(pac.ClientName, `/\`) {
		return nil
	}
	return kerberos.Errorf(kerberos.CodePACClient, "ticket is of %s, its PAC of %q", s.clientText(), pac.ClientName)
}
