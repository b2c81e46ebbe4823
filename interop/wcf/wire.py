"""Messages on the wire: the Envelope as WCF writes it, HTTP, SOAP faults, and
the record that is kept of all.
"""

import datetime, hashlib, http.client, json, os, ssl, urllib.parse, uuid
from names import ANONYMOUS, SOAP11, SOAP12, WSA10, WSSE, WSU, Failure, require
from xmltree import Document, escape, local, q


class Recorder:
    """Writes a conversation into a directory: see README.md for the form.
    Without one it writes nothing.
    """

    def __init__(self, directory=None):
        self.directory, self.n, self.hashes, self.facts = directory, 0, 0, {"messages": []}
        if directory:
            os.makedirs(directory, exist_ok=True)

    def file(self, name, content):
        if self.directory:
            with open(os.path.join(self.directory, name), "wb") as f:
                f.write(content)
        return name

    def message(self, kind, head, octets):
        """Keeps a message and returns the entry that facts about it go to."""
        self.n += kind == "request"
        base = f"{self.n:02d}-{kind}"
        self.file(base + ".headers", ("\n".join(head) + "\n").encode())
        entry = {"file": self.file(base + ".xml", octets)}
        self.facts["messages"].append(entry)
        return entry

    def hash_input(self, octets):
        self.hashes += 1
        return self.file(f"hash-{self.hashes:02d}.xml", octets)

    def plain(self, entry, octets):
        entry["plain"] = self.file(entry["file"].replace(".xml", ".plain.xml"), octets)

    def close(self, **facts):
        self.facts.update(facts)
        self.file("transcript.json", json.dumps(self.facts, indent=1).encode() + b"\n")


class Fault(Exception):
    """A SOAP fault: code and subcode as "{namespace}local"."""

    def __init__(self, code, subcode, reason, document):
        super().__init__(f"fault {local(code)}/{subcode}: {reason}")
        self.code, self.subcode, self.reason, self.document = code, subcode, reason, document


class Answer:
    """What came back over HTTP."""

    def __init__(self, status, content_type, octets, entry):
        self.status, self.content_type, self.octets, self.entry = status, content_type, octets, entry


class Http:
    """Posts messages to one URL. source is the client's own address, for
    conversations of two clients. cookies: tokens hold the service's state.
    """

    def __init__(self, url, cafile=None, recorder=None, source=None, soap=SOAP12, cookies=False):
        self.url, self.recorder, self.soap, self.cookies = url, recorder or Recorder(), soap, cookies
        u = urllib.parse.urlsplit(url)
        self.path, self.certificate = u.path or "/", None
        kw = {"timeout": 60}
        if source:
            kw["source_address"] = (source, 0)
        if u.scheme == "https":
            self.connection = http.client.HTTPSConnection(
                u.hostname, u.port, context=ssl.create_default_context(cafile=cafile), **kw
            )
            self.connection.connect()
            self.certificate = self.connection.sock.getpeercert(binary_form=True)
        else:
            self.connection = http.client.HTTPConnection(u.hostname, u.port, **kw)

    def bindings(self):
        """tls-server-end-point (RFC 5929) for a certificate that is signed with
        SHA-256; None without TLS.
        """
        if self.certificate:
            return b"tls-server-end-point:" + hashlib.sha256(self.certificate).digest()
        return None

    def post(self, octets, action):
        if self.soap == SOAP12:
            headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        else:
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        head = [f"POST {self.path} HTTP/1.1"] + [f"{k}: {v}" for k, v in headers.items()]
        self.last = self.recorder.message("request", head, octets)
        self.connection.request("POST", self.path, octets, headers)
        r = self.connection.getresponse()
        body = r.read()
        entry = self.recorder.message(
            "response", [f"HTTP/1.1 {r.status} {r.reason}"] + [f"{k}: {v}" for k, v in r.getheaders()], body
        )
        return Answer(r.status, r.headers.get("Content-Type", ""), body, entry)


class Message:
    """A request before protection."""

    def __init__(self, action, to, body, soap=SOAP12, wsa=WSA10):
        self.action, self.to, self.body, self.soap, self.wsa = action, to, body, soap, wsa
        self.id = "urn:uuid:" + str(uuid.uuid4())

    def headers(self):
        """WS-Addressing headers in WCF's order: name, attributes, content."""
        understand = ' s:mustUnderstand="1"'
        return [
            ("Action", understand, escape(self.action)),
            ("MessageID", "", self.id),
            ("ReplyTo", "", f"<a:Address>{ANONYMOUS[self.wsa]}</a:Address>"),
            ("To", understand, escape(self.to)),
        ]

    def envelope(self, headers, body, body_attributes=""):
        return (
            f'<s:Envelope xmlns:s="{self.soap}" xmlns:a="{self.wsa}" xmlns:u="{WSU}"><s:Header>{headers}</s:Header>'
            f"<s:Body{body_attributes}>{body}</s:Body></s:Envelope>"
        ).encode()

    def plain(self, security=""):
        """The message without protection, as the legs of a negotiation are
        sent; security is a Security header to go with it.
        """
        headers = "".join(f"<a:{n}{attrs}>{content}</a:{n}>" for n, attrs, content in self.headers())
        return self.envelope(headers + security, self.body)


AT = None  # the time, for replies to recorded messages


def now():
    return AT or datetime.datetime.now(datetime.timezone.utc)


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03d}Z"


def time_of(text):
    """A time in the form in which WCF writes it."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError as e:
        raise Failure(f"time: {e}")


def parts(document, soap):
    """Header and Body of an Envelope."""
    root = document.root
    require(root.tag == q(soap, "Envelope"), f"{root.tag} instead of an Envelope of the request's SOAP version")
    names = [c.tag for c in root.children]
    require(names in ([q(soap, "Header"), q(soap, "Body")], [q(soap, "Body")]), f"the Envelope holds {names}")
    return (root.children[0] if len(names) == 2 else None), root.children[-1]


def header(head, wsa, name):
    """The text of the WS-Addressing header, of which there may be one."""
    found = head.all(q(wsa, name)) if head else []
    require(len(found) <= 1, f"{len(found)} headers {name}")
    return found[0].text.strip() if found else None


def fault_in(document, body):
    """The Fault in Body, or None."""
    for f in body.children:
        if f.tag == q(SOAP12, "Fault"):
            code = f.one(q(SOAP12, "Code"))
            sub = code.all(q(SOAP12, "Subcode"))
            subcode = qname(document, sub[0].one(q(SOAP12, "Value"))) if sub else ""
            return Fault(
                qname(document, code.one(q(SOAP12, "Value"))),
                subcode,
                f.one(q(SOAP12, "Reason")).children[0].text,
                document,
            )
        if f.tag == q(SOAP11, "Fault"):
            code = qname(document, f.one("faultcode"))
            return Fault(code, code, f.one("faultstring").text, document)
    return None


def qname(document, node):
    prefix, _, name = node.text.strip().rpartition(":")
    return q(document.element(node).nsmap.get(prefix or None, ""), name)


def check_reply(answer, request, protected=False):
    """Parses the reply to request and checks what WCF's dispatcher does; raises
    a Fault that stands in it in clear. With protected, an encrypted Body may be
    one too. Returns document, Header and Body.
    """
    media = {SOAP12: "application/soap+xml", SOAP11: "text/xml"}[request.soap]
    require(
        answer.content_type.split(";")[0].strip() == media,
        f"HTTP {answer.status} {answer.content_type}: {answer.octets[:300]!r}",
    )
    document = Document(answer.octets)
    head, body = parts(document, request.soap)
    related = header(head, request.wsa, "RelatesTo")
    fault = fault_in(document, body)
    if fault:
        raise told(fault, answer, header(head, request.wsa, "Action"), related == request.id)
    require(
        answer.status == 200 or protected and answer.status == FAULT_STATUS, f"HTTP {answer.status} without a fault"
    )
    require(related == request.id, f"RelatesTo {related} instead of {request.id}")
    return document, head, body


# WCF reads a fault under this status alone, whatever the version of SOAP.
FAULT_STATUS = 500


def told(fault, answer, action, related):
    """fault, with what stands beside it in the message."""
    require(answer.status == FAULT_STATUS, f"a fault with HTTP {answer.status}")
    fault.action, fault.related = action, related
    answer.entry["fault"] = str(fault)
    return fault


def no_security(head):
    require(head is None or not head.all(q(WSSE, "Security")), "a Security header in a message of the negotiation")
