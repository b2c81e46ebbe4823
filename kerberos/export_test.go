package kerberos

// ParsePAC reads a PAC whatever its signature.
func ParsePAC(b []byte) (*PAC, error) {
	buffers, err := parsePACBuffers(b)
	if err != nil {
		return nil, err
	}
	return buffers.parse()
}
