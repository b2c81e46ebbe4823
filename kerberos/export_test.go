package kerberos

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"slices"
	"strings"
)

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
	plain, _, err := kt.OpenTicket(nil, service, r.ticket.etype, r.ticket.kvno, r.ticket.cipher, false)
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

// LongLengths writes a GSS-API token, a token of a negotiation or a Kerberos message with each of its lengths in n octets,
// except those of elements with certain tags.
func LongLengths(b []byte, n int, except ...byte) (long []byte) {
	for len(b) > 0 {
		tag := b[0]
		content, rest, why := cut(b, tag)
		if why != "" {
			panic(why)
		}
		switch inner, after, why := cut(content, tagOID); {
		case tag == tagApplication(0) && why == "" && string(inner) != oidSPNEGO: // a token identifier, which is no element
			oid := LongLengths(content[:len(content)-len(after)], n, except...)
			content = slices.Concat(oid, after[:2], LongLengths(after[2:], n, except...))
		case tag&0x20 != 0:
			content = LongLengths(content, n, except...)
		case tag == tagOctetString:
			if frame, rest, why := cut(content, tagApplication(0)); why == "" && len(rest) == 0 && len(frame) > 0 && frame[0] == tagOID {
				content = LongLengths(content, n, except...)
			}
		}
		if slices.Contains(except, tag) {
			long, b = append(long, b[:len(b)-len(rest)]...), rest
			continue
		}
		long = append(long, tag, 0x80|byte(n))
		long = append(long, make([]byte, max(n-8, 0))...)
		size := binary.BigEndian.AppendUint64(nil, uint64(len(content)))
		long = append(append(long, size[max(8-n, 0):]...), content...)
		b = rest
	}
	return long
}

// DumpKrb5Conf has a line for each relation, and one for each section if wanted, sorted: names in hexadecimal.
func DumpKrb5Conf(c *Krb5Conf, sections bool) string {
	var lines []string
	var walk func(n *confNode, path string)
	walk = func(n *confNode, path string) {
		values := map[string][]string{}
		for _, child := range n.children {
			name := path + hex.EncodeToString([]byte(child.name))
			if !child.section {
				values[name] = append(values[name], hex.EncodeToString([]byte(child.value)))
				continue
			}
			if sections {
				lines = append(lines, "S "+name+"\n")
			}
			walk(child, name+"/")
		}
		for name, list := range values {
			lines = append(lines, "R "+name+" "+strings.Join(list, ",")+"\n")
		}
	}
	walk(&c.root, "")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// ParseKDCEntry gives host and port of a kdc entry, or why it is none.
func ParseKDCEntry(entry string) (host, port, why string) {
	a, why := parseKDCEntry(entry)
	host, port, _ = net.SplitHostPort(a.Address)
	return host, port, why
}
