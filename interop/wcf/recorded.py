"""An initiator whose first token was recorded: it opens the answer with the
keytab instead of a Kerberos library.

Kerberos is that of ../transcripts/opener.py. So a reply that a server makes to
a recorded RST can be checked like a live one.
"""

import os, sys
from names import SPNEGO_EXCHANGE, VERSIONS, require
from negotiate import Negotiation
from spnego import STATES, only, negotiation_response
from wire import Answer, Message, Recorder, header, parts
from xmltree import Document, canonical_for_hash, local, q, standalone

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "transcripts"))
import opener  # noqa: E402

AP_REP_FRAME = bytes.fromhex("06092a864886f7120102020200")
MUTUAL_REQUIRED = 0x20  # in the first octet of ap-options


class RecordedKerberos:
    """The keys and numbers of a context whose AP-REQ is known."""

    def __init__(self, token, keytab):
        facts, self.session, self.subkey = opener.ap_req(token, keytab)
        self.mutual = bool(int(facts["ap_options"][2:4], 16) & MUTUAL_REQUIRED)
        self.acceptor_subkey = False
        authenticator = self.authenticator(token)
        self.times = [authenticator[n][1] for n in (5, 4)]
        self.context_key = self.subkey or self.session
        self.sequence = opener.integer(authenticator[7]) & 0xFFFFFFFF if 7 in authenticator else 0

    def authenticator(self, token):
        """The fields of the Authenticator, by their tags."""
        _, body, _ = opener.tlv(token)
        _, _, at = opener.tlv(body)
        request = opener.fields(opener.tlv(opener.tlv(body[at + 2 :])[1])[1])
        encrypted = opener.fields(request[4][1])
        plain = opener.kdecrypt(opener.integer(encrypted[0]), self.session[1], 11, encrypted[2][1])
        return opener.fields(opener.tlv(opener.tlv(plain)[1])[1])

    def ap_rep(self, token):
        frame = only(token, 0x60)
        require(frame.startswith(AP_REP_FRAME), "the last token is no AP-REP")
        reply = opener.fields(opener.tlv(only(frame[len(AP_REP_FRAME) :], 0x6F))[1])
        encrypted = opener.fields(reply[2][1])
        part = opener.fields(
            opener.tlv(opener.tlv(opener.kdecrypt(self.session[0], self.session[1], 12, encrypted[2][1]))[1])[1]
        )
        require([part[0][1], part[1][1]] == self.times, "the AP-REP answers another AP-REQ")
        self.sequence = opener.integer(part[3]) & 0xFFFFFFFF
        if 2 in part:
            key = opener.fields(part[2][1])
            self.context_key, self.acceptor_subkey = (opener.integer(key[0]), key[1][1]), True

    def unwrap(self, token):
        """The content of the acceptor's first per-message token, which has to
        be sealed.
        """
        key, info = opener.gss_unwrap(token, self.context_key)
        if "flags" not in info:
            return key  # RFC 4757, whose form opener checks
        want = 0x03 | 0x04 * self.acceptor_subkey
        require(info["flags"] == want, f"flags {info['flags']:#x} of the wrap token, not {want:#x}")
        require(int.from_bytes(token[8:16], "big") == self.sequence, "the wrap token has not the first sequence number")
        return key

    def key(self):
        return self.context_key[1], self.context_key[0]


class RecordedInitiator:
    """SPNEGO for a recorded first token whose first mechanism is Kerberos."""

    def __init__(self, token, keytab):
        mechs, inner = init(token)
        require(mechs[0] in ("2a864886f712010202", "2a864882f712010202"), f"the first mechanism is {mechs[0]}")
        self.mech, self.kerberos, self.done = mechs[0], RecordedKerberos(inner, keytab), False

    def next(self, token):
        f = negotiation_response(token)
        require(STATES.get(f.get("negState")) == "accept-completed", f"negState {f.get('negState')}")
        require(f.get("supportedMech", b"")[2:].hex() == self.mech, "supportedMech is not the first one of the list")
        require(
            ("responseToken" in f) == self.kerberos.mutual, "an AP-REP where none was asked for, or none where one was"
        )
        require("mechListMIC" not in f, "a mechListMIC that is not needed")
        if self.kerberos.mutual:
            self.kerberos.ap_rep(f["responseToken"])
        self.done = True


def init(token):
    """Mechanisms, as hexadecimal OIDs, and mechToken of a NegTokenInit."""
    frame = only(token, 0x60)
    _, _, at = opener.tlv(frame)
    fields = opener.fields(only(only(frame[at:], 0xA0), 0x30))
    return [oid.hex() for _, oid in opener.kids(fields[0][1])], fields[2][1]


class Nowhere:
    """In the place of a connection."""

    def __init__(self, url):
        self.url, self.recorder, self.cookies = url, Recorder(), False


def check(rst, reply, keytab):
    """Checks the octets of a reply to those of a recorded RST; keytab is a
    file. Returns the Context.
    """
    document = Document(rst)
    head, body = parts(document, namespace(document))
    request = body.children[0]
    version = next((v for v in VERSIONS.values() if v.trust in request.tag), None)
    require(version and local(request.tag) == "RequestSecurityToken", f"{request.tag} is no RST")
    exchange = request.one(q(version.trust, "BinaryExchange"))
    wsa = next(local_namespace(h.tag) for h in head.children if local(h.tag) == "Action")
    message = Message(header(head, wsa, "Action"), header(head, wsa, "To"), "", namespace(document), wsa)
    message.id = header(head, wsa, "MessageID")

    n = Negotiation(
        Nowhere(message.to), RecordedInitiator(exchange.octets(), opener.keytab(keytab)), version, message.soap, wsa
    )
    n.context, n.value_type = request.attrs["Context"], exchange.attrs.get("ValueType", SPNEGO_EXCHANGE)
    n.key_size = int(request.one(q(version.trust, "KeySize")).text)
    for c in request.children:
        if local(c.tag) == "AppliesTo":
            n.applies_to, n.policy = True, local_namespace(c.tag)
    n.hash(canonical_for_hash(standalone(document, request)))
    media = "text/xml" if "xmlsoap" in message.soap else "application/soap+xml"
    context = n.accept(message, Answer(200, media, reply, {"file": ""}))
    require(not isinstance(context, bytes), "the reply asks for another leg")
    return context


def namespace(document):
    return local_namespace(document.root.tag)


def local_namespace(tag):
    return tag[1:].partition("}")[0]
