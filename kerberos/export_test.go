package kerberos

// ParsePAC reads a PAC whatever its signature.
func ParsePAC(b []byte) (*PAC, error) {
	buffers, err := parsePACBuffers(b)
	if err != nil {
		return nil, err
	}
	return buffers.parse()
}

// TicketPAC gives the PAC of a token's ticket as it is, nil when the keytab does not open it.
func TicketPAC(kt *Keytab, token []byte) []byte {
	raw, err := unframe(token)
	if err != nil {
		return nil
	}
	r, err := parseAPReq(raw)
	if err != nil {
		return nil
	}
	service := string(r.sname.appendText(nil)) + "@" + string(r.realm)
	plain, _, err := kt.openTicket(nil, &r, service, false)
	if err != nil {
		return nil
	}
	t, err := parseEncTicketPart(plain)
	if err != nil {
		return nil
	}
	pac, _ := findPAC(t.authzData)
	return pac
}

// VerifyPAC checks the server signature of a PAC.
func VerifyPAC(b []byte, key Key) error {
	buffers, err := parsePACBuffers(b)
	if err != nil {
		return err
	}
	return buffers.verify(key)
}

// FindPAC gives the PAC in the content of AuthorizationData.
func FindPAC(authzData []byte) ([]byte, error) { return findPAC(authzData) }
