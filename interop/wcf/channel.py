"""Requests under a security context: application messages, RST/SCT, renewal and
Cancel.
"""

import base64, os, uuid
from keys import computed_key
from names import FEB2005, SOAP12, SUITES, WSA10, WSSE, WSU, require
from negotiate import issued_token, strict
from protect import Endorsement, check_transport_reply, endorse, protect, unprotect
from wire import Message, check_reply, fault_in, header, told
from xmltree import local, q

DOUBLE_IT = "http://www.example.org/schema/DoubleIt"


class Channel:
    """A client's channel: messages to http's URL, protected under context.
    over_transport: the context's token endorses, TLS protects; options are
    those of endorse.
    """

    def __init__(
        self, http, context, suite=SUITES["Basic256"], soap=SOAP12, wsa=WSA10, over_transport=False, **options
    ):
        self.http, self.context, self.suite, self.soap, self.wsa = http, context, suite, soap, wsa
        self.over_transport, self.options = over_transport, options

    def request(self, action, body, endorsement=None):
        """Sends body and returns the verified reply. Raises a Fault that came
        in its place.
        """
        facts, plain = {}, []
        message, octets = self.protected(action, body, endorsement, facts, plain)
        return self.exchange(message, octets, facts, plain)

    def protected(self, action, body, endorsement=None, facts=None, plain=None):
        """A message and its octets under protection."""
        message = Message(action, self.http.url, body, self.soap, self.wsa)
        if self.over_transport:
            return message, endorse(message, self.context, self.suite, facts, endorsement=endorsement, **self.options)
        return message, protect(
            message, self.context, self.suite, entry=facts, plain=plain, endorsement=endorsement
        )

    def exchange(self, message, octets, facts=(), plain=()):
        answer = self.http.post(octets, message.action)
        self.http.last.update(dict(facts))
        for p in plain:
            self.http.recorder.plain(self.http.last, p)
        document, _, _ = check_reply(answer, message, protected=not self.over_transport)
        if self.over_transport:
            return check_transport_reply(document, self.soap)
        opened = unprotect(answer.octets, self.context, self.suite, self.soap, self.wsa)
        answer.entry.update(opened.facts)
        self.http.recorder.plain(answer.entry, opened.document.c14n(opened.body))
        fault = fault_in(opened.document, opened.body)
        if fault:
            raise told(fault, answer, header(opened.head, self.wsa, "Action"), True)
        require(answer.status == 200, f"HTTP {answer.status} without a fault")
        return opened

    def double(self, n):
        """The application's request; its answer has to be right."""
        body = f'<di:DoubleIt xmlns:di="{DOUBLE_IT}"><numberToDouble>{n}</numberToDouble></di:DoubleIt>'
        reply = self.request(DOUBLE_IT + "/DoubleIt", body).payload()
        require(reply.tag == q(DOUBLE_IT, "DoubleItResponse"), f"{reply.tag} as the application's answer")
        require(
            reply.one("doubledNumber").text == str(2 * n), f"the double of {n} is {reply.one('doubledNumber').text}"
        )


def trust(version, kind, children):
    """A RequestSecurityToken in WCF's form for a secured channel, without a
    Context.
    """
    t = version.t
    return (
        f"<{t}:RequestSecurityToken "
        f'xmlns:{t}="{version.trust}">{children[0]}<{t}:RequestType>{version.trust}/{kind}</{t}:RequestType>'
        f"{''.join(children[1:])}</{t}:RequestSecurityToken>"
    )


def target(version, name, context):
    c, instance = version.c, ""
    if context.instance:
        instance = f' {c}:Instance="{context.instance}" xmlns:{c}="{version.sc}"'
    return (
        f'<{version.t}:{name}><o:SecurityTokenReference xmlns:o="{WSSE}">'
        f'<o:Reference URI="{context.identifier}" ValueType="{version.sct}"{instance}>'
        f"</o:Reference></o:SecurityTokenReference></{version.t}:{name}>"
    )


def entropy(version, size):
    octets, t = os.urandom(size), version.t
    return octets, (
        f'<{t}:Entropy><{t}:BinarySecret u:Id="uuid-{uuid.uuid4()}-2" Type="{version.trust}/Nonce" xmlns:u="{WSU}">'
        f"{base64.b64encode(octets).decode()}</{t}:BinarySecret></{t}:Entropy>"
    )


def issue(channel, version=FEB2005):
    """RST/SCT over channel: the Context whose key both entropies make."""
    return ask(channel, version, "Issue", "/SCT")


def renew(channel, version=FEB2005):
    """RST/SCT/Renew under the channel's own context: the same Identifier,
    another Instance and key.
    """
    return ask(channel, version, "Renew", "/SCT/Renew", channel.context)


def renew_endorsed(bootstrap, old, version=FEB2005, endorsement=None):
    """RST/SCT/Renew as WCF sends it: over the channel that issues contexts, in a
    message that the old context endorses.
    """
    return ask(bootstrap, version, "Renew", "/SCT/Renew", old, endorsement or Endorsement(old))


def request(channel, version, kind, old=None):
    """An RST that asks for a key, and our half of its entropy."""
    bits, t = channel.suite.key_size, version.t
    mine, element = entropy(version, bits // 8)
    renewed = target(version, "RenewTarget", old) if old else ""
    return mine, trust(
        version,
        kind,
        [f"<{t}:TokenType>{version.sct}</{t}:TokenType>", element, f"<{t}:KeySize>{bits}</{t}:KeySize>", renewed],
    )


def ask(channel, version, kind, action, old=None, endorsement=None):
    mine, body = request(channel, version, kind, old)
    reply = channel.request(version.trust + "/RST" + action, body, endorsement)
    document, rstr = response(channel, version, reply, "/RSTR" + action)
    context = read_issued(document, rstr, version, mine, channel, bool(old))
    if old:
        require(
            context.identifier == old.identifier and context.instance != old.instance and context.key != old.key,
            "a renewed context",
        )
    channel.http.recorder.facts.setdefault("contexts", []).append(
        {
            "identifier": context.identifier,
            "instance": context.instance,
            "key": context.key.hex(),
            "from": "secure-conversation",
            "requestor-entropy": mine.hex(),
            "issuer-entropy": context.issuer_entropy.hex(),
        }
    )
    return context


def response(channel, version, opened, action):
    """The one RSTR of a reply: bare in 2005, in a collection in 1.3."""

    def name(n):
        return q(version.trust, n)

    got = header(opened.head, channel.wsa, "Action")
    require(got == version.trust + action, f"Action {got} instead of {action}")
    rstr = opened.payload()
    strict(opened.document, rstr)
    if version is not FEB2005:
        require(rstr.tag == name("RequestSecurityTokenResponseCollection"), f"{rstr.tag} instead of a collection")
        require(len(rstr.children) == 1, "more than one RSTR in the collection")
        rstr = rstr.children[0]
    require(rstr.tag == name("RequestSecurityTokenResponse"), f"{rstr.tag} instead of an RSTR")
    return opened.document, rstr


def read_issued(document, rstr, version, mine, channel, renewed):
    bits = channel.suite.key_size

    def name(n):
        return q(version.trust, n)

    want = [
        "TokenType",
        "RequestedSecurityToken",
        "RequestedAttachedReference",
        "RequestedUnattachedReference",
        "RequestedProofToken",
        "Entropy",
        "Lifetime",
        "KeySize",
    ]
    got = [local(c.tag) for c in rstr.children]
    require(sorted(got) == sorted(want), f"the RSTR holds {got}, not {want}")
    require(rstr.one(name("TokenType")).text == version.sct, "TokenType")
    require(rstr.one(name("KeySize")).text == str(bits), "KeySize")
    computed = rstr.one(name("RequestedProofToken")).one(name("ComputedKey")).text
    require(computed == version.trust + "/CK/PSHA1", f"ComputedKey {computed}")
    secret = rstr.one(name("Entropy")).one(name("BinarySecret"))
    require(secret.attrs.get("Type") == version.trust + "/Nonce", f"BinarySecret {secret.attrs}")
    theirs = secret.octets()
    require(len(theirs) * 8 == bits and theirs != mine, f"an issuer's entropy of {len(theirs)} octets")
    context = issued_token(version, document, rstr, channel.http.cookies, renewed)
    context.key, context.issuer_entropy = computed_key(mine, theirs, bits), theirs
    return context


def cancel(channel, version=FEB2005):
    """Cancels the channel's own context."""
    body = trust(version, "Cancel", ["", target(version, "CancelTarget", channel.context)])
    reply = channel.request(version.trust + "/RST/SCT/Cancel", body)
    _, rstr = response(channel, version, reply, "/RSTR/SCT/Cancel")
    require([local(c.tag) for c in rstr.children] == ["RequestedTokenCancelled"], "the answer to Cancel")
    require(not rstr.children[0].children, "RequestedTokenCancelled is not empty")
