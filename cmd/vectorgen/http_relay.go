package main

import (
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// relayed are requests to a relay of Kerberos messages (MS-KKDCP 2.2 and 3.2).
func relayed(s *set) {
	add := func(name, expect, comment string, status int, head string, body []byte) {
		lines := []line{{"kind", "relay"}, {"status", status}}
		sections := []section{{"request", []byte(head)}}
		if len(body) > 0 {
			sections = append(sections, section{"octets", body})
		}
		s.add("relay", "http/relay-"+name+".txtar", expect, comment, "http relay", lines, sections)
	}
	post := "POST /KdcProxy HTTP/1.1\nHost: gw.example.com\nContent-Type: application/kerberos\n"
	example := asReq("EXAMPLE.COM")
	add("as-req", "relay-kdc", "An AS-REQ for a realm that is relayed, and no KDC answers: it was not refused.", 503, post,
		proxyMessage(example, "EXAMPLE.COM"))
	add("domain-case", "relay-kdc", "The target-domain is compared without case.", 503, post,
		proxyMessage(example, "example.com"))
	add("get", "relay-http", "GET in the place of POST.", 405, strings.Replace(post, "POST", "GET", 1), nil)
	add("chunked", "relay-http", "Without Content-Length.", 411, post+"Transfer-Encoding: chunked\n", []byte("0\r\n\r\n"))
	add("cut", "relay-http", "The body ends before its Content-Length.", 400, post+"Content-Length: 1000\n",
		proxyMessage(example, "EXAMPLE.COM"))
	add("origin", "relay-origin", "A page of an origin that is not listed.", 403,
		post+"Origin: https://evil.example.net\n",
		proxyMessage(example, "EXAMPLE.COM"))
	const most = 128 << 10
	add("size-over", "relay-too-large", "131,073 octets: one over.", 413,
		post+"Content-Length: "+strconv.Itoa(most+1)+"\n",
		[]byte("x\n"))
	add("size-edge", "relay-malformed", "131,072 octets are read, and these are no message.", 400, post,
		[]byte(strings.Repeat("x", most-1)+"\n"))
	add("no-message", "relay-malformed", "No KDC-PROXY-MESSAGE.", 400, post, []byte("kerberos\n"))
	add("as-rep", "relay-malformed", "An AS-REP: a relay takes requests alone.", 400, post,
		proxyMessage(append([]byte{0x6b}, example[1:]...), "EXAMPLE.COM"))
	add("trailing", "relay-malformed", "An octet behind the AS-REQ.", 400, post,
		proxyMessage(append(example, 0), "EXAMPLE.COM"))
	add("length", "relay-malformed", "The length before the message is not that of the message (RFC 4120 §7.2.2).", 400,
		post, wrapProxy(append([]byte{0, 0, 1, 0}, example...), "EXAMPLE.COM"))
	add("realm", "relay-realm", "A realm that is not relayed.", 503, post,
		proxyMessage(asReq("OTHER.EXAMPLE.COM"), "OTHER.EXAMPLE.COM"))
	add("domain", "relay-domain", "The target-domain is another realm than that of the request.", 400, post,
		proxyMessage(example, "OTHER.EXAMPLE.COM"))
	add("no-server", "relay-no-server", "A realm that is relayed, and of which no KDC is known.", 503, post,
		proxyMessage(asReq("EMPTY.EXAMPLE.COM"), "EMPTY.EXAMPLE.COM"))
}

// proxyMessage is a KDC-PROXY-MESSAGE with a request.
func proxyMessage(request []byte, domain string) []byte {
	n := len(request)
	return wrapProxy(append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, request...), domain)
}

func wrapProxy(message []byte, domain string) []byte {
	return built(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			field(b, 0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(message) })
			field(b, 1, generalString(domain))
		})
	})
}

// asReq is an AS-REQ of alice for her ticket-granting ticket, without
// pre-authentication (RFC 4120 §5.4.1).
func asReq(realm string) []byte {
	integer := func(n int64) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddASN1Int64(n) }
	}
	name := func(kind int64, parts ...string) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				field(b, 0, integer(kind))
				field(b, 1, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, p := range parts {
							generalString(p)(b)
						}
					})
				})
			})
		}
	}
	body := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			field(b, 0, func(b *cryptobyte.Builder) { b.AddASN1BitString([]byte{0x40, 0, 0, 0}) })
			field(b, 1, name(1, client))
			field(b, 2, generalString(realm))
			field(b, 3, name(2, "krbtgt", realm))
			field(b, 5, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte("20260303100000Z")) })
			})
			field(b, 7, integer(4711))
			field(b, 8, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { integer(18)(b) })
			})
		})
	}
	return built(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(10|0x60), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				field(b, 1, integer(5))
				field(b, 2, integer(10))
				field(b, 4, body)
			})
		})
	})
}

// field is an element with an explicit tag.
func field(b *cryptobyte.Builder, n uint8, inner func(*cryptobyte.Builder)) {
	b.AddASN1(asn1.Tag(n).ContextSpecific().Constructed(), inner)
}

func generalString(s string) func(*cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(27), func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	}
}

func built(f func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	octets, err := b.Bytes()
	check(err)
	return octets
}
