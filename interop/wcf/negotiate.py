"""The negotiation: RST, RSTR legs and the final collection, with every check of
a WCF client.
"""

import base64, hmac, uuid
from keys import combined_hash
from names import BASE64, DNSE, FEB2005, GSS_WRAP, SOAP12, SPNEGO_EXCHANGE, WSA10, WSP, WSSE, WSU, XENC, require
from protect import check_transport_reply, security, timestamp
from wire import Message, check_reply, no_security, now, time_of
from xmltree import Document, canonical_for_hash, local, q, standalone


class Context:
    """A security context: what its SecurityContextToken stands for. xml is the
    token as it was issued; instance that of a key that was renewed, or "".
    """

    def __init__(self, version, identifier, id, xml, key, expires, instance=""):
        self.version, self.identifier, self.id, self.xml, self.key, self.expires = (
            version,
            identifier,
            id,
            xml,
            key,
            expires,
        )
        self.instance = instance

    def reference(self):
        """The attributes of a Reference to the token where it does not stand
        itself.
        """
        instance = {q(self.version.sc, "Instance"): self.instance} if self.instance else {}
        return {"URI": self.identifier, "ValueType": self.version.sct, **instance}


class Negotiation:
    """One negotiation over http. Attributes may be changed before run; to hold
    a leg, use request and accept.
    """

    def __init__(self, http, initiator, version=FEB2005, soap=SOAP12, wsa=WSA10, key_size=256):
        self.http, self.initiator, self.version, self.soap, self.wsa = http, initiator, version, soap, wsa
        self.context = f"uuid-{uuid.uuid4()}-1"
        self.key_size, self.value_type, self.token_type = key_size, SPNEGO_EXCHANGE, version.sct
        self.default_size = key_size  # that of the suite
        self.applies_to, self.policy = False, WSP
        self.stamped = False  # a Timestamp goes with each leg, over TLS
        self.spaces = ""  # between the elements of the RST
        self.tamper = lambda octets: octets  # what an attacker makes of a request
        self.hashed, self.files, self.legs = [], [], 0

    # Requests

    def exchange(self, token):
        t = self.version.t
        return (
            f'<{t}:BinaryExchange ValueType="{self.value_type}" EncodingType="{BASE64}">'
            f"{base64.b64encode(token).decode()}</{t}:BinaryExchange>"
        )

    def rst(self, token):
        """RequestSecurityToken: TokenType, RequestType, AppliesTo?, KeySize,
        BinaryExchange.
        """
        t, v = self.version.t, self.version
        children = [
            f"<{t}:TokenType>{self.token_type}</{t}:TokenType>",
            f"<{t}:RequestType>{v.trust}/Issue</{t}:RequestType>",
        ]
        if self.applies_to:
            children.append(
                f'<wsp:AppliesTo xmlns:wsp="{self.policy}"><a:EndpointReference>'
                f"<a:Address>{self.http.url}</a:Address>"
                "</a:EndpointReference></wsp:AppliesTo>"
            )
        if self.key_size is not None:
            children.append(f"<{t}:KeySize>{self.key_size}</{t}:KeySize>")
        children.append(self.exchange(token))
        content = self.spaces + self.spaces.join(children) + self.spaces
        return (
            f'<{t}:RequestSecurityToken Context="{self.context}" '
            f'xmlns:{t}="{v.trust}">{content}</{t}:RequestSecurityToken>'
        )

    def rstr(self, token):
        t = self.version.t
        return (
            f'<{t}:RequestSecurityTokenResponse Context="{self.context}" xmlns:{t}="{self.version.trust}">'
            f"{self.exchange(token)}</{t}:RequestSecurityTokenResponse>"
        )

    def request(self, token):
        """The next leg's message: an RST first, then RSTRs."""
        self.legs += 1
        body, action = (self.rst(token), "/RST/Issue") if self.legs == 1 else (self.rstr(token), "/RSTR/Issue")
        return Message(self.version.trust + action, self.http.url, body, self.soap, self.wsa)

    def send(self, message):
        """Sends one leg and adds it to the hash. Returns the answer, unread."""
        octets = message.plain(security(timestamp("uuid-timestamp")) if self.stamped else "")
        document = Document(octets)
        sent = document.root.children[-1].children[0]
        self.hash(canonical_for_hash(standalone(document, sent)))
        answer = self.http.post(self.tamper(octets), message.action)
        self.http.last["leg"] = f"{local(sent.tag)} {self.legs}"
        return answer

    def hash(self, octets):
        self.hashed.append(octets)
        self.files.append(self.http.recorder.hash_input(octets))

    # Replies

    def run(self):
        """Negotiates to the end and returns the Context."""
        token = self.initiator.first()
        while True:
            message = self.request(token)
            result = self.accept(message, self.send(message))
            if isinstance(result, Context):
                return result
            token = result

    def accept(self, message, answer):
        """Reads an answer: returns the next token, or the Context that was
        issued.
        """
        document, head, body = check_reply(answer, message)
        if self.stamped:
            check_transport_reply(document, self.soap)
        else:
            no_security(head)
        require(len(body.children) == 1, f"{len(body.children)} elements in Body")
        reply = body.children[0]
        action = [c.text for c in head.all(q(self.wsa, "Action"))]
        if local(reply.tag) == "RequestSecurityTokenResponse":
            require(action == [self.version.trust + "/RSTR/Issue"], f"Action {action} of an RSTR")
            return self.intermediate(document, reply)
        require(action == [self.version.trust + self.version.final], f"Action {action} of the collection")
        return self.final(document, reply, answer)

    def intermediate(self, document, rstr):
        strict(document, rstr)
        self.check_rstr(rstr)
        require(
            [local(c.tag) for c in rstr.children] == ["BinaryExchange"],
            "an intermediate RSTR holds more than a BinaryExchange",
        )
        self.hash(canonical_for_hash(standalone(document, rstr)))
        token = self.initiator.next(self.blob(rstr.children[0]))
        require(token is not None, "the initiator is done but the negotiation is not")
        return token

    def check_rstr(self, rstr):
        require(rstr.tag == self.name("RequestSecurityTokenResponse"), f"{rstr.tag} in the reply")
        require(rstr.attrs == {"Context": self.context}, f"attributes {rstr.attrs} of an RSTR")

    def name(self, n):
        return q(self.version.trust, n)

    def blob(self, exchange):
        require(exchange.tag == self.name("BinaryExchange"), exchange.tag)
        require(
            exchange.attrs == {"ValueType": self.value_type, "EncodingType": BASE64},
            f"attributes {exchange.attrs} of BinaryExchange",
        )
        return exchange.octets()

    def final(self, document, collection, answer):
        """The collection of two RSTRs: the token, and the Authenticator."""
        require(collection.tag == self.name("RequestSecurityTokenResponseCollection"), f"{collection.tag} in the reply")
        strict(document, collection)
        require(len(collection.children) == 2, f"{len(collection.children)} RSTRs in the collection, not 2")
        first, second = collection.children
        self.check_rstr(first)
        self.check_rstr(second)
        self.order(first)

        last = [self.blob(e) for e in first.all(self.name("BinaryExchange"))]
        left = [self.initiator.next(token) for token in last]
        require(left in ([], [None]) and self.initiator.done, "the last SPNEGO token does not complete the negotiation")
        context, wrapped = self.token(document, first)
        context.key = self.initiator.kerberos.unwrap(wrapped)
        asked = self.key_size or self.default_size
        size = first.one(self.name("KeySize")).text

        without = [self.name("RequestedSecurityToken"), self.name("RequestedProofToken")]
        self.hash(canonical_for_hash(standalone(document, first), without))
        require(
            [c.tag for c in second.children] == [self.name("Authenticator")],
            "the second RSTR holds no Authenticator alone",
        )
        got = second.children[0].one(self.name("CombinedHash")).octets()
        want, h = combined_hash(context.key, self.hashed)
        self.record(answer, context, h, want, wrapped)
        require(hmac.compare_digest(got, want), "CombinedHash is not that of this conversation")
        require(
            size == str(asked) and len(context.key) * 8 == asked,
            f"KeySize {size} and a key of {len(context.key)} octets for {asked}",
        )
        return context

    def order(self, rstr):
        """The children of the first RSTR, in WCF's order and no others."""
        want = (
            ["TokenType", "RequestedSecurityToken"]
            + ["AppliesTo"] * self.applies_to
            + [
                "RequestedAttachedReference",
                "RequestedUnattachedReference",
                "RequestedProofToken",
                "Lifetime",
                "KeySize",
            ]
        )
        got = [local(c.tag) for c in rstr.children]
        want += ["BinaryExchange"] * (not self.initiator.done or "BinaryExchange" in got)
        require(got == want, f"the RSTR holds {got}, not {want}")
        if self.applies_to:
            (found,) = [c for c in rstr.children if local(c.tag) == "AppliesTo"]
            require(found.tag == q(self.policy, "AppliesTo"), found.tag)
            address = found.one(q(self.wsa, "EndpointReference")).one(q(self.wsa, "Address"))
            require(address.text == self.http.url, f"AppliesTo {address.text}")

    def token(self, document, rstr):
        """The Context without its key, and the wrapped key."""
        kind = rstr.one(self.name("TokenType")).text
        require(kind == self.version.sct, f"TokenType {kind}")
        context = issued_token(self.version, document, rstr, self.http.cookies)
        method, wrapped = proof(rstr.one(self.name("RequestedProofToken")))
        require(method == GSS_WRAP, f"EncryptionMethod {method}")
        return context, wrapped

    def record(self, answer, context, h, combined, wrapped):
        key, enctype = self.initiator.kerberos.key()
        self.http.recorder.facts.setdefault("contexts", []).append(
            {
                "identifier": context.identifier,
                "key": context.key.hex(),
                "from": "spnego",
                "issued-in": answer.entry["file"],
                "context-attribute": self.context,
                "hash-inputs": self.files,
                "hash": h.hex(),
                "combined-hash": combined.hex(),
                "wrapped-key": wrapped.hex(),
                "gss-key": key.hex(),
                "gss-enctype": enctype,
            }
        )


def issued_token(version, document, rstr, cookies=False, renewed=False):
    """The Context, without its key, of an RSTR that issues a
    SecurityContextToken: token, references and Lifetime. cookies: the service
    keeps its state in the token, where WCF reads it, behind all else.
    """

    def name(n):
        return q(version.trust, n)

    sct = rstr.one(name("RequestedSecurityToken")).one(q(version.sc, "SecurityContextToken"))
    require(list(sct.attrs) == [q(WSU, "Id")], f"attributes {list(sct.attrs)} of the SecurityContextToken")
    want = ["Identifier", "Instance"] if renewed else ["Identifier"]
    require(
        [c.tag for c in sct.children] == [q(version.sc, n) for n in want] + [q(DNSE, "Cookie")] * cookies,
        f"the SecurityContextToken holds not {want + ['Cookie'] * cookies} alone",
    )
    require(not cookies or sct.children[-1].octets(), "an empty Cookie")
    lifetime = rstr.one(name("Lifetime"))
    require([c.tag for c in lifetime.children] == [q(WSU, "Created"), q(WSU, "Expires")], "Lifetime")
    created, expires = (time_of(c.text) for c in lifetime.children)
    require(created < expires and abs((created - now()).total_seconds()) < 300, f"Lifetime {created} to {expires}")
    context = Context(
        version,
        sct.children[0].text,
        sct.id,
        standalone(document, sct).decode(),
        None,
        expires,
        sct.children[1].text if renewed else "",
    )
    attached = {"URI": "#" + sct.id, "ValueType": version.sct}
    for element, want in (
        ("RequestedAttachedReference", attached),
        ("RequestedUnattachedReference", context.reference()),
    ):
        ref = rstr.one(name(element)).one(q(WSSE, "SecurityTokenReference")).one(q(WSSE, "Reference"))
        require(ref.attrs == want, f"{element}: {ref.attrs}, not {want}")
    return context


def proof(requested):
    """EncryptionMethod and content of the EncryptedKey that holds the proof
    key, which has nothing else.
    """
    key = requested.one(q(XENC, "EncryptedKey"))
    require(not key.attrs, f"attributes {key.attrs} of EncryptedKey")
    require(
        [local(c.tag) for c in key.children] == ["EncryptionMethod", "CipherData"], "EncryptedKey holds something else"
    )
    method, data = key.children
    require(list(method.attrs) == ["Algorithm"] and not method.children, "EncryptionMethod")
    return method.attrs["Algorithm"], data.one(q(XENC, "CipherValue")).octets()


def strict(document, element):
    """What the strictest reader known, Data8's, needs: no white space
    between elements, and start and end tags, never an empty-element tag.
    """
    for node in element.walk():
        require(not node.self_closed, f"{local(node.tag)} is an empty-element tag: {document.outer(node)!r}")
        require(not node.spaces, f"white space between the elements of {local(node.tag)}")
