package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A setting is what the receiver of a request is told beside its policy.
type setting map[string]any

// usualHead are the lines of a request, but Content-Length.
func usualHead(v12 bool) string {
	if v12 {
		return "POST /orders HTTP/1.1\nHost: gw.example.com\n" +
			"Content-Type: application/soap+xml; charset=utf-8; action=\"urn:example:orders/order\"\n"
	}
	return "POST /orders HTTP/1.1\nHost: gw.example.com\nContent-Type: text/xml; charset=utf-8\n" +
		"SOAPAction: \"urn:example:orders/order\"\n"
}

// An exchange is a request by HTTP, and what a receiver has to make of it.
type exchange struct {
	name, expect, comment string
	status                int
	kind                  change
	changes               []change
	head                  func(string) string // of the usual lines
	octets                func(string) []byte // of the message; nil: the message
	route                 setting
	extra                 []line
	before                *exchange
	issues                *policy // the policy of the message bootstraps this one
}

// changed replaces in the lines of a request; it is a mistake if there is
// nothing to replace.
func changed(old, new string) func(string) string {
	return func(head string) string {
		if !strings.Contains(head, old) {
			panic("a request has no " + old)
		}
		return strings.Replace(head, old, new, 1)
	}
}

// more adds lines to those of a request.
func more(lines string) func(string) string { return func(head string) string { return head + lines } }

// exchangeFile adds the vector.
func (s *set) exchangeFile(e exchange) {
	m, sections := s.exchangeSections(e.name, "", &e)
	if e.before != nil {
		_, first := s.exchangeSections(e.name+" before", "before.", e.before)
		sections = append(first, sections...)
	}
	lines := []line{{"kind", "http"}}
	if e.status != 0 {
		lines = append(lines, line{"status", e.status})
	}
	if e.route != nil {
		lines = append(lines, line{"route", e.route})
	}
	lines = append(append(lines, m.lines()...), e.extra...)
	if e.issues != nil && m.sc == nil {
		i := slices.IndexFunc(lines, func(l line) bool { return l.key == "policy" })
		lines = append(lines, line{"bootstrap", lines[i].value})
		lines[i].value = e.issues
	}
	if e.expect == "ok" && e.status != 200 && m.plain != "" && e.octets == nil {
		sections = append(sections, section{"body.xml", []byte(m.plain + "\n")})
	}
	flags := "http"
	if e.expect == "ok" {
		flags = "valid http"
	}
	s.add("http", "http/"+e.name+".txtar", e.expect, e.comment, flags, lines, sections)
}

// exchangeSections are the lines of a request and its message.
func (s *set) exchangeSections(name, prefix string, e *exchange) (*message, []section) {
	m := s.on("http "+name, e.kind, e.changes...)
	s.rnd.seed("build http " + name)
	m.build()
	head, packed := usualHead(m.soap12), []byte(nil)
	if m.mime != nil {
		contentType, body := m.mime(m.envelope)
		head = "POST /orders HTTP/1.1\nHost: gw.example.com\nContent-Type: " + contentType + "\n"
		m.extra = append(m.extra, line{"content-type", contentType})
		packed = body
	}
	if e.head != nil {
		head = e.head(head)
	}
	list := []section{{prefix + "request", []byte(head)}}
	switch {
	case e.octets != nil:
		if octets := e.octets(m.envelope); octets != nil {
			list = append(list, section{prefix + "octets", octets})
		}
	case packed != nil:
		list = append(list, section{prefix + "message.mime", packed})
	default:
		list = append(list, section{prefix + "message.xml", []byte(m.envelope)})
	}
	return m, list
}

// exchanges are the first step of a receiver: HTTP, before any XML is read
// (SOAP 1.1 §6, SOAP 1.2 Part 2 §7, RFC 9110), and what it checks of a client
// that is authenticated, with what it checks of WS-Addressing.
func exchanges(s *set) {
	for _, v := range []bool{false, true} {
		tag, set12 := "-soap11", func(m *message) { m.soap12 = v }
		if v {
			tag = "-soap12"
		}
		add := func(e exchange) {
			e.name += tag
			if e.kind == nil {
				e.kind = signed
			}
			e.changes = append([]change{set12}, e.changes...)
			s.exchangeFile(e)
		}
		mediaTypes(add, v)
		requests(add, v)
		sizes(add)
		clients(add)
		addressing(add, v)
		headerBlocks(add, v)
	}
}

// mediaTypes are refusals of Content-Type, SOAPAction and codings.
func mediaTypes(add func(exchange), v12 bool) {
	media, other := "text/xml", "application/soap+xml"
	if v12 {
		media, other = other, media
	}
	one := func(name, expect, comment string, status int, head func(string) string) {
		add(exchange{name: name, expect: expect, comment: comment, status: status, head: head})
	}
	one("accepted", "ok", "A signed message by POST, with the media type of its version.", 202, nil)
	one("type-case", "ok", "A media type is compared without case (RFC 9110 §8.3.1).", 202,
		changed(media, strings.ToUpper(media)))
	one("type-none", "media-type", "Without Content-Type (SOAP 1.1 §6.1, SOAP 1.2 Part 2 §7.1.4).", 415,
		func(head string) string { return withoutField(head, "Content-Type") })
	one("type-other", "media-type", "A media type that is no message's.", 415, changed(media, "application/json"))
	one("type-xml", "media-type", "application/xml is the media type of neither version.", 415,
		changed(media, "application/xml"))
	one("type-version", "soap-version-mismatch", "The media type of the other version (SOAP 1.2 Part 2 §7.1.4).", 415,
		changed(media, other))
	one("type-two", "media-type", "Two fields Content-Type: two readers may take one each.", 415,
		more("Content-Type: "+media+"\n"))
	one("type-parameter-two", "media-type", "The parameter charset twice, with two values.", 415,
		changed("charset=utf-8", "charset=utf-8; charset=utf-16"))
	one("type-parameter-cut", "media-type", "A parameter that is not closed.", 415,
		changed("charset=utf-8", `charset="utf-8`))
	one("charset-upper", "ok", "The name of an encoding is compared without case.", 202,
		changed("charset=utf-8", "charset=UTF-8"))
	one("charset-none", "ok", "Without charset: the message says, or it is UTF-8.", 202, changed("; charset=utf-8", ""))
	one("charset-unknown", "xml-encoding", "An encoding that is not read.", 415,
		changed("charset=utf-8", "charset=ebcdic-cp-us"))
	one("charset-other", "xml-encoding", "UTF-16 is claimed, and UTF-8 sent.", 415,
		changed("charset=utf-8", "charset=utf-16"))
	one("coding-gzip", "content-encoding", "A compressed body: its length says nothing of what it becomes.", 415,
		more("Content-Encoding: gzip\n"))
	one("coding-identity", "ok", "The coding identity is none (RFC 9110 §12.5.3).", 202,
		more("Content-Encoding: identity\n"))
	one("coding-two", "content-encoding", "Two codings.", 415, more("Content-Encoding: identity, deflate\n"))
	add(exchange{name: "multipart", expect: "multipart", comment: "A package of MTOM, where the receiver takes none.",
		status: 415, changes: []change{attached(1, nil)}, route: setting{"mtom": "refuse"}})
	add(exchange{name: "mtom", expect: "ok", comment: "A package of MTOM with one part.", status: 202,
		changes: []change{attached(1, nil)}})
	add(exchange{name: "multipart-start-info", expect: "mtom-package", status: 400,
		comment: "The parameter start-info of a package is not the type of its first part (XOP 1.0 §4.1).",
		changes: []change{attached(1, nil)}, head: changed(`start-info="`+media+`"`, `start-info="`+other+`"`)})
	for size, expect := range map[int]string{8192: "ok", 8193: "media-type"} {
		status := map[string]int{"ok": 202, "media-type": 415}[expect]
		one(fmt.Sprintf("type-%d", size), expect, fmt.Sprintf("A Content-Type of %d octets; 8,192 are the most.", size),
			status, func(head string) string {
				_, value, _ := strings.Cut(head, "Content-Type: ")
				value, _, _ = strings.Cut(value, "\n")
				return strings.Replace(head, value, value+"; x="+strings.Repeat("x", size-len(value)-len("; x=")), 1)
			})
	}
	action := "SOAPAction: \"urn:example:orders/delete\"\n"
	if v12 {
		one("action-header", "ok", "SOAP 1.2 has its action in Content-Type: SOAPAction is a field like others.", 202,
			more(action))
		one("action-line", "media-type", "An action that hides a line end in the encoding of RFC 2231.", 415,
			changed(`action="urn:example:orders/order"`, "action*=utf-8''urn%0d%0aX-Principal:%20mallory"))
		one("action-none", "ok", "The parameter action is optional (SOAP 1.2 Part 2 §6.5).", 202,
			changed(`; action="urn:example:orders/order"`, ""))
		return
	}
	one("action-two", "media-type", "Two values of SOAPAction: two readers may take one each.", 415, more(action))
	one("action-twice", "ok", "The same SOAPAction twice.", 202, more("SOAPAction: \"urn:example:orders/order\"\n"))
	one("action-empty", "ok", "An empty SOAPAction means the URI of the request (SOAP 1.1 §6.1.1).", 202,
		changed("urn:example:orders/order", ""))
	one("action-unquoted", "ok", "A SOAPAction without quotes, as many clients send it.", 202,
		changed(`"urn:example:orders/order"`, "urn:example:orders/order"))
}

// withoutField leaves a field out.
func withoutField(head, name string) string {
	var kept strings.Builder
	for l := range strings.Lines(head) {
		if !strings.HasPrefix(l, name+":") {
			kept.WriteString(l)
		}
	}
	return kept.String()
}

// requests are refusals of a request by its first line, and of bodies that are
// no message.
func requests(add func(exchange), v12 bool) {
	one := func(name, expect, comment string, status int, old, new string) {
		add(exchange{name: name, expect: expect, comment: comment, status: status, head: changed(old, new)})
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "HEAD", "TRACE"} {
		one("method-"+lower(method), "method-not-allowed", "A message comes by POST (SOAP 1.1 §6, SOAP 1.2 Part 2 §7.4).",
			405, "POST ", method+" ")
	}
	add(exchange{name: "method-get", expect: "method-not-allowed", comment: "GET without a message.", status: 405,
		head:   func(string) string { return "GET /orders HTTP/1.1\nHost: gw.example.com\n" },
		octets: func(string) []byte { return nil }})
	one("path-other", "no-route", "A path that no service has.", 404, "/orders", "/other")
	one("path-below", "no-route", "A path below that of the service.", 404, "/orders", "/orders/1")
	one("path-slash", "no-route", "The path with a slash behind it is another one.", 404, "/orders", "/orders/")
	one("path-query", "ok", "A query does not change the path.", 202, "/orders", "/orders?x=1")
	one("path-case", "no-route", "A path is compared with case.", 404, "/orders", "/Orders")
	one("path-dots", "no-route", "A path of a service is not put together of others.", 404, "/orders", "/x/../orders")
	add(exchange{name: "body-cut", expect: "request-cut", comment: "The body ends before its Content-Length.", status: 400,
		head: more("Content-Length: 100000\n")})
	add(exchange{name: "body-none", expect: "xml-syntax", comment: "A body of no octets.", status: faultStatus(v12),
		head: more("Content-Length: 0\n"), octets: func(string) []byte { return nil }})
	add(exchange{name: "body-text", expect: "xml-syntax", comment: "A body that is no XML.", status: faultStatus(v12),
		octets: func(string) []byte { return []byte("order 25\n") }})
	add(exchange{name: "body-two", expect: "xml-syntax", comment: "A message behind the message.",
		status: faultStatus(v12), octets: func(env string) []byte { return []byte(env + env) }})
	add(exchange{name: "body-chunked", expect: "ok", comment: "A body in chunks (RFC 9112 §7.1).", status: 202,
		head: more("Transfer-Encoding: chunked\n"), octets: chunks})
	add(exchange{name: "disabled", expect: "service-disabled", comment: "A service that is switched off.", status: 500,
		route: setting{"disabled": true}})
}

// faultStatus is that of a fault of the client's (SOAP 1.1 §6.2). Of SOAP 1.2
// there is none: Part 2 §7.5.2.2 has 400, and WCF, CXF and others send 500 and
// read no other.
func faultStatus(v12 bool) int {
	if v12 {
		return 0
	}
	return 500
}

// chunks is a body in two chunks.
func chunks(env string) []byte {
	half := len(env) / 2
	var b strings.Builder
	for _, part := range []string{env[:half], env[half:]} {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	return []byte(b.String() + "0\r\n\r\n")
}

// sizes are bodies at the limit and one over, by Content-Length and without.
func sizes(add func(exchange)) {
	for _, over := range []int{0, 1} {
		for _, chunked := range []bool{false, true} {
			e := exchange{name: "size-edge", expect: "ok", status: 202, kind: signed,
				comment: "A body of as many octets as the receiver takes."}
			if over > 0 {
				e.name, e.expect, e.status, e.comment = "size-over", "request-too-large", 413,
					"A body of one octet more than the receiver takes."
			}
			if chunked {
				e.name, e.comment = e.name+"-chunked", e.comment+" It comes in chunks, without Content-Length."
				e.head, e.octets = more("Transfer-Encoding: chunked\n"), chunks
			}
			e.changes = []change{exactly(8192 + over)}
			e.route = setting{"max-message": 8192}
			add(e)
		}
	}
}

// exactly fills a message to a size.
func exactly(size int) change {
	return rewrite("envelope", func(env string) string {
		const open, end = `<f:f xmlns:f="urn:f">`, `</f:f>`
		fill := strings.Repeat(" ", size-len(env)-len(open+end))
		return strings.Replace(env, "</s:Header>", open+fill+end+"</s:Header>", 1)
	})
}

// clients are what a receiver decides about a client that is authenticated, of
// whose ticket nothing is wrong.
func clients(add func(exchange)) {
	ticket := func(change func(*krbtest.TicketOptions)) change {
		return func(m *message) { change(&m.ap.Ticket) }
	}
	one := func(name, expect, comment string, route setting, changes ...change) {
		status := 500
		if expect == "ok" {
			status = 202
		}
		add(exchange{name: "client-" + name, expect: expect, comment: comment, status: status, route: route,
			changes: changes})
	}
	one("allowed", "ok", "A client that is listed.", setting{"allowed-principals": []string{client + "@" + realm}})
	one("not-listed", "not-authorized", "A client that is not listed.",
		setting{"allowed-principals": []string{"bob@" + realm}})
	one("case", "not-authorized", "Names of principals are compared with case (RFC 4120 §6.2).",
		setting{"allowed-principals": []string{"Alice@" + realm}})
	one("realm", "not-authorized", "A client of a realm that is not listed.",
		setting{"allowed-realms": []string{"OTHER.EXAMPLE.COM"}})
	one("denied", "denied", "A client that is refused by name, though its realm is admitted.",
		setting{"allowed-realms": []string{realm}, "denied-principals": []string{client + "@" + realm}})
	one("denied-realm", "denied", "A client of a realm that is refused.", setting{"denied-realms": []string{realm}})
	one("name-comma", "not-authorized", "A name with a comma, which would be two values of an HTTP field.", nil,
		ticket(func(t *krbtest.TicketOptions) { t.ClientName = []string{"alice,admin"} }),
		func(m *message) { m.ap.ClientName = []string{"alice,admin"} })
	groups := func(ids ...uint32) change {
		return func(m *message) {
			logon := krbtest.PACLogon{Name: client, UserID: 1105, PrimaryGroup: 513}
			for _, id := range ids {
				logon.Groups = append(logon.Groups, krbtest.PACGroup{ID: id})
			}
			m.ap.Ticket.PAC = &krbtest.PACOptions{Logon: &logon}
			m.extra = append(m.extra, line{"pac", "when-present"})
		}
	}
	const orders, guests = "S-1-5-21-1-2-3-1234", "S-1-5-21-1-2-3-514"
	one("group", "ok", "A client in a group that is listed (MS-PAC §2.5).", setting{"allowed-groups": []string{orders}},
		groups(1234))
	one("group-not", "not-in-group", "A client in none of the groups that are listed.",
		setting{"allowed-groups": []string{orders}}, groups(1235))
	one("group-none", "not-in-group", "A ticket that names no groups.", setting{"allowed-groups": []string{orders}},
		header("pac", "when-present"))
	one("group-denied", "denied", "A client in a group that is refused.", setting{"denied-groups": []string{guests}},
		groups(1234, 514))
}

// wsaBlock is a signed header block of WS-Addressing.
func wsaBlock(space, local, content string) change {
	return func(m *message) {
		id := fmt.Sprintf("wsa-%d", len(m.blocks)+1)
		m.blocks = append(m.blocks, block{id: id, sign: true, text: `<wsa:` + local + ` xmlns:wsa="` + space +
			`" xmlns:wsu="` + nsWSU + `" wsu:Id="` + id + `">` + content + `</wsa:` + local + `>`})
		m.p.SignedParts = &parts{Body: true, Headers: []string{"{" + nsWSA + "}*", "{" + nsWSA04 + "}*"}}
	}
}

// addressing are what a receiver makes of WS-Addressing (1.0 Core §3, 1.0 SOAP
// Binding §6).
func addressing(add func(exchange), v12 bool) {
	const here, anonymous = "http://gw.example.com/orders", nsWSA + "/anonymous"
	one := func(name, expect, comment string, route setting, changes ...change) {
		status := faultStatus(v12)
		if expect == "ok" {
			status = 202
		}
		add(exchange{name: "addressing-" + name, expect: expect, comment: comment, status: status, route: route,
			changes: changes})
	}
	address := func(a string) string { return `<wsa:Address>` + a + `</wsa:Address>` }
	own := setting{"addresses": []string{here}}
	one("to", "ok", "A signed wsa:To with the address of the service.", own, wsaBlock(nsWSA, "To", here))
	one("to-host-case", "ok", "Scheme and host of an address are compared without case (RFC 3986 §6.2.2.1).", own,
		wsaBlock(nsWSA, "To", "HTTP://GW.example.com/orders"))
	one("to-other", "wrong-address", "A wsa:To with another address: the message was led here.", own,
		wsaBlock(nsWSA, "To", "http://gw.example.com/others"))
	one("to-required", "wrong-address", "No wsa:To, where it is required.",
		setting{"addresses": []string{here}, "wsa-to": "required"})
	one("to-two", "addressing-invalid", "Two wsa:To (1.0 Core §3.2).", nil, wsaBlock(nsWSA, "To", here),
		wsaBlock(nsWSA, "To", here))
	one("versions", "addressing-invalid", "Blocks of both versions.", nil, wsaBlock(nsWSA, "MessageID", "urn:uuid:1"),
		wsaBlock(nsWSA04, "To", here))
	one("no-address", "addressing-invalid", "An endpoint reference without Address (1.0 Core §2.1).", nil,
		wsaBlock(nsWSA, "ReplyTo", "<wsa:Metadata></wsa:Metadata>"))
	one("to-8192", "ok", "A wsa:To of 8,192 octets: the most.", nil,
		wsaBlock(nsWSA, "To", "urn:x:"+strings.Repeat("a", 8192-6)))
	one("to-8193", "addressing-invalid", "A wsa:To of 8,193 octets.", nil,
		wsaBlock(nsWSA, "To", "urn:x:"+strings.Repeat("a", 8193-6)))
	for n, expect := range map[int]string{64: "ok", 65: "addressing-invalid"} {
		one(fmt.Sprintf("relates-%d", n), expect, fmt.Sprintf("%d wsa:RelatesTo; 64 are the most.", n), nil,
			edit("envelope", "</s:Header>", strings.Repeat(`<wsa:RelatesTo xmlns:wsa="`+nsWSA+`">urn:uuid:1</wsa:RelatesTo>`,
				n)+"</s:Header>"))
	}
	one("no-action", "addressing-invalid", "No wsa:Action, where WS-Addressing ends (1.0 Core §3.1).",
		setting{"addressing": "terminate"}, wsaBlock(nsWSA, "MessageID", "urn:uuid:1"))
	one("reply-anonymous", "ok", "The reply is wanted by the same connection.", nil,
		wsaBlock(nsWSA, "ReplyTo", address(anonymous)))
	one("reply-none", "ok", "No reply is wanted.", nil, wsaBlock(nsWSA, "ReplyTo", address(nsWSA+"/none")))
	one("reply-elsewhere", "reply-to-elsewhere", "The reply is wanted elsewhere (1.0 SOAP Binding §6.4.1.7).", nil,
		wsaBlock(nsWSA, "ReplyTo", address("http://client.example.com/")))
	one("fault-elsewhere", "reply-to-elsewhere", "Faults are wanted elsewhere.", nil,
		wsaBlock(nsWSA, "FaultTo", address("http://client.example.com/")))
	one("from-elsewhere", "reply-to-elsewhere", "Without ReplyTo a reply goes to From (August 2004 §3).", nil,
		wsaBlock(nsWSA04, "From", address("http://client.example.com/")))
	one("action", "ok", "wsa:Action is the action of HTTP.", nil, wsaBlock(nsWSA, "Action", "urn:example:orders/order"))
	one("action-other", "action-mismatch", "wsa:Action, which is signed, is not the action of HTTP, which is not.", nil,
		wsaBlock(nsWSA, "Action", "urn:example:orders/delete"))
	one("action-case", "action-mismatch", "Actions are compared with case.", nil,
		wsaBlock(nsWSA, "Action", "urn:example:orders/Order"))
}

// headerBlocks are what a receiver does with header blocks that nothing
// protects, and with those that are for others (SOAP 1.1 §4.2, SOAP 1.2 §5.2).
func headerBlocks(add func(exchange), v12 bool) {
	block := func(attributes string) change {
		return edit("envelope", "</s:Header>", `<x:x xmlns:x="urn:example:x"`+attributes+`></x:x></s:Header>`)
	}
	one := func(name, expect, comment string, route setting, attributes string) {
		status := map[string]int{"ok": 202, "header-refused": 500,
			"header-not-understood": 500}[expect]
		if status == 0 {
			status = faultStatus(v12)
		}
		add(exchange{name: "block-" + name, expect: expect, comment: comment, status: status, route: route,
			changes: []change{block(attributes)}})
	}
	must, elsewhere := ` s:mustUnderstand="1"`, " "+actorAttr(v12)+`="urn:example:elsewhere"`
	refuse := setting{"other-headers": "refuse"}
	one("dropped", "ok", "A header block that nothing protects is left out.", nil, "")
	one("refused", "header-refused", "A header block that nothing protects, where those are refused.", refuse, "")
	one("mandatory", "header-not-understood", "A mandatory header block that would be left out.", nil, must)
	one("mandatory-next", "header-not-understood", "A mandatory header block for next that is not understood.", nil,
		must+" "+nextActor(v12))
	one("understood", "ok", "A mandatory header block that the backend understands.",
		setting{"other-headers": "pass", "understood-headers": []string{"{urn:example:x}x"}}, must)
	one("actor", "actor-not-forwarded", "A mandatory header block for another actor, to which nothing is passed on.", nil,
		must+elsewhere)
	one("actor-passed", "ok", "The same, where the actor is behind the receiver.",
		setting{"forward-actors": []string{"urn:example:elsewhere"}}, must+elsewhere)
	one("actor-optional", "ok", "A header block for another actor that is not mandatory is left out.", nil, elsewhere)
}
