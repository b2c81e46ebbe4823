package soap

// Namespaces of the two envelope versions.
const (
	NS11 = "http://schemas.xmlsoap.org/soap/envelope/"
	NS12 = "http://www.w3.org/2003/05/soap-envelope"
)

// Version is the SOAP version of an envelope, which the namespace of its root
// element determines. The zero value is no version.
type Version uint8

// The versions.
const (
	V11 Version = 1 + iota // SOAP 1.1
	V12                    // SOAP 1.2
)

// Namespace returns the namespace URI of the envelope, "" for the zero
// [Version].
func (v Version) Namespace() string {
	switch v {
	case V11:
		return NS11
	case V12:
		return NS12
	}
	return ""
}

// MediaType returns the HTTP media type without parameters: text/xml (SOAP 1.1
// §6) or application/soap+xml (SOAP 1.2 Part 2 §7.1.4).
func (v Version) MediaType() string {
	if v == V12 {
		return "application/soap+xml"
	}
	return "text/xml"
}

// ContentType returns the HTTP Content-Type of a message in UTF-8: that of
// [Version.MediaType] with a charset parameter.
func (v Version) ContentType() string { return v.MediaType() + "; charset=utf-8" }

// String returns "SOAP 1.1" or "SOAP 1.2".
func (v Version) String() string {
	switch v {
	case V11:
		return "SOAP 1.1"
	case V12:
		return "SOAP 1.2"
	}
	return "SOAP ?"
}

// versionOf returns the version of an envelope's namespace, 0 for an unknown
// one.
func versionOf(space string) Version {
	switch space {
	case NS11:
		return V11
	case NS12:
		return V12
	}
	return 0
}
