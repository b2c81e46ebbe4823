"""A small acceptor for --self-test: python-gssapi's acceptor (MIT's SPNEGO)
behind an HTTP server, with the same protect and unprotect as the client. It
shows that the client gets through a right conversation and notices a wrong one;
it proves nothing about the form on the wire, since both sides come from here.
"""

import base64, datetime, http.server, os, re, threading, uuid
import gssapi
from channel import DOUBLE_IT
from keys import combined_hash, computed_key
from names import BASE64, FEB2005, GSS_WRAP, SOAP12, SUITES, TRUST13, WSA10, WSSE, WSU, XENC
from negotiate import Context
from protect import protect, reference, unprotect
from wire import header, now, parts, stamp
from xmltree import Document, canonical_for_hash, local, q, standalone


class Reply:
    """A reply before protection; the headers differ from a request's."""

    def __init__(self, action, related, body):
        self.action, self.related, self.body = action, related, body

    def headers(self):
        return [("Action", ' s:mustUnderstand="1"', self.action), ("RelatesTo", "", self.related)]

    def envelope(self, headers, body, body_attributes=""):
        return (
            f'<s:Envelope xmlns:s="{SOAP12}" xmlns:a="{WSA10}" xmlns:u="{WSU}"><s:Header>{headers}</s:Header>'
            f"<s:Body{body_attributes}>{body}</s:Body></s:Envelope>"
        ).encode()

    def plain(self):
        return self.envelope("".join(f"<a:{n}{a}>{c}</a:{n}>" for n, a, c in self.headers()), self.body)


class Acceptor:
    """The state of the fake: half-open negotiations and contexts. faulty names
    a mistake to make.
    """

    def __init__(self, faulty=""):
        self.faulty, self.halfopen, self.contexts = faulty, {}, {}
        self.credentials = gssapi.Credentials(usage="accept", mechs=[gssapi.OID.from_int_seq("1.3.6.1.5.5.2")])
        gssapi.raw.set_neg_mechs(self.credentials, [gssapi.MechType.kerberos])

    def answer(self, octets):
        document = Document(octets)
        head, body = parts(document, SOAP12)
        message = header(head, WSA10, "MessageID")
        if head.all(q(WSSE, "Security")):
            return self.protected(document, octets, message)
        return self.leg(document, body.children[0], message)

    def leg(self, document, request, message):
        version = FEB2005 if FEB2005.trust in request.tag else TRUST13
        context, t = request.attrs["Context"], version.t
        if local(request.tag) == "RequestSecurityToken":
            state = self.halfopen[context] = (gssapi.SecurityContext(usage="accept", creds=self.credentials), [])
        else:
            state = self.halfopen[context]
        gss, hashed = state
        hashed.append(canonical_for_hash(standalone(document, request)))
        exchange = request.one(q(version.trust, "BinaryExchange"))
        token = gss.step(exchange.octets())
        blob = (
            (
                f'<{t}:BinaryExchange ValueType="{exchange.attrs["ValueType"]}" EncodingType="{BASE64}">'
                f"{base64.b64encode(token).decode()}</{t}:BinaryExchange>"
            )
            if token
            else ""
        )

        def rstr(content):
            return (
                f'<{t}:RequestSecurityTokenResponse Context="{context}" '
                f'xmlns:{t}="{version.trust}">{content}</{t}:RequestSecurityTokenResponse>'
            )

        if not gss.complete:
            out = rstr(blob)
            hashed.append(canonical_for_hash(out.encode()))
            return Reply(version.trust + "/RSTR/Issue", message, out).plain()
        return self.last(version, message, gss, hashed, rstr, blob)

    def last(self, version, message, gss, hashed, rstr, blob):
        t, key = version.t, os.urandom(32)
        if self.faulty == "sequence":
            gss.get_signature(b"takes a number")
        wrapped = gss.wrap(key, self.faulty != "unsealed").message
        proof = (
            f'<{t}:RequestedProofToken><e:EncryptedKey xmlns:e="{XENC}">'
            f'<e:EncryptionMethod Algorithm="{GSS_WRAP}"></e:EncryptionMethod>'
            f"<e:CipherData><e:CipherValue>{base64.b64encode(wrapped).decode()}</e:CipherValue></e:CipherData>"
            f"</e:EncryptedKey></{t}:RequestedProofToken>"
        )
        first = rstr(self.token(version, key, proof) + blob)
        without = [q(version.trust, "RequestedSecurityToken"), q(version.trust, "RequestedProofToken")]
        hashed.append(canonical_for_hash(first.encode(), without))
        combined, _ = combined_hash(key, hashed[:-1] if self.faulty == "hash" else hashed)
        second = rstr(
            f"<{t}:Authenticator><{t}:CombinedHash>{base64.b64encode(combined).decode()}</{t}:CombinedHash>"
            f"</{t}:Authenticator>"
        )
        both = first + ("" if self.faulty == "no-authenticator" else second)
        body = (
            f"<{t}:RequestSecurityTokenResponseCollection "
            f'xmlns:{t}="{version.trust}">{both}</{t}:RequestSecurityTokenResponseCollection>'
        )
        if self.faulty == "empty-element":
            body = body.replace("></e:EncryptionMethod>", "/>")
        return Reply(version.trust + version.final, message, body).plain()

    def token(self, version, key, proof, entropy=""):
        """TokenType to KeySize of an RSTR that issues a context with key."""
        t, c, identifier, id = version.t, version.c, f"urn:uuid:{uuid.uuid4()}", f"uuid-{uuid.uuid4()}-5"
        self.contexts[identifier] = Context(version, identifier, id, None, key, None)
        cookie = '<x:Cookie xmlns:x="urn:x">AA==</x:Cookie>' if self.faulty == "cookie" else ""
        expires = stamp(now() + datetime.timedelta(hours=10))
        return (
            f"<{t}:TokenType>{version.sct}</{t}:TokenType><{t}:RequestedSecurityToken>"
            f'<{c}:SecurityContextToken u:Id="{id}" xmlns:{c}="{version.sc}" xmlns:u="{WSU}">'
            f"<{c}:Identifier>{identifier}</{c}:Identifier>{cookie}"
            f"</{c}:SecurityContextToken></{t}:RequestedSecurityToken>"
            f"<{t}:RequestedAttachedReference>{reference('#' + id, version.sct)}</{t}:RequestedAttachedReference>"
            f"<{t}:RequestedUnattachedReference>{reference(identifier, version.sct)}"
            f"</{t}:RequestedUnattachedReference>{proof}{entropy}"
            f'<{t}:Lifetime><u:Created xmlns:u="{WSU}">{stamp(now())}</u:Created>'
            f'<u:Expires xmlns:u="{WSU}">{expires}</u:Expires></{t}:Lifetime>'
            f"<{t}:KeySize>256</{t}:KeySize>"
        )

    def protected(self, document, octets, message):
        found = re.search(rb"Identifier>([^<]+)<", octets).group(1).decode()
        context = self.contexts[found]
        token = next(n for n in document.nodes if local(n.tag) == "SecurityContextToken")
        context.id = token.id
        suite = SUITES["Basic256"]
        request = unprotect(octets, context, suite, SOAP12, WSA10, with_token=True)
        payload, action = request.payload(), header(request.head, WSA10, "Action")
        if local(payload.tag) == "DoubleIt":
            n = 2 * int(payload.one("numberToDouble").text)
            body = (
                f'<di:DoubleItResponse xmlns:di="{DOUBLE_IT}"><doubledNumber>{n}</doubledNumber>'
                f"</di:DoubleItResponse>"
            )
            action += "Response"
        else:
            body = self.operation(context, payload)
            action = action.replace("/RST/", "/RSTR/")
        out = protect(
            Reply(action, message, body),
            context,
            suite,
            with_token=False,
            signed=(lambda b: b.replace("doubled", "Doubled")) if self.faulty == "body" else None,
        )
        return out

    def operation(self, context, rst):
        v, t = context.version, context.version.t
        if local(rst.children[0].tag) == "TokenType":
            theirs = rst.one(q(v.trust, "Entropy")).one(q(v.trust, "BinarySecret")).octets()
            mine = os.urandom(32)
            key = computed_key(theirs, mine, 256)
            content = self.token(
                v,
                key,
                f"<{t}:RequestedProofToken><{t}:ComputedKey>{v.trust}/CK/PSHA1</{t}:ComputedKey>"
                f"</{t}:RequestedProofToken>",
                f"<{t}:Entropy>"
                f'<{t}:BinarySecret Type="{v.trust}/Nonce">{base64.b64encode(mine).decode()}</{t}:BinarySecret>'
                f"</{t}:Entropy>",
            )
        else:
            del self.contexts[context.identifier]
            content = f"<{t}:RequestedTokenCancelled></{t}:RequestedTokenCancelled>"
        rstr = f'<{t}:RequestSecurityTokenResponse xmlns:{t}="{v.trust}">{content}</{t}:RequestSecurityTokenResponse>'
        if v is TRUST13:
            rstr = (
                f"<{t}:RequestSecurityTokenResponseCollection "
                f'xmlns:{t}="{v.trust}">{rstr}</{t}:RequestSecurityTokenResponseCollection>'
            )
        return rstr


class Server(http.server.ThreadingHTTPServer):
    """Serves an Acceptor on a free port of the loopback interface."""

    def __init__(self, acceptor):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                out = acceptor.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/svc"
