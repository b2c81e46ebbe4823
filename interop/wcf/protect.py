"""Message protection under a security context, in WCF's default form:
Timestamp, Body and WS-Addressing headers signed, then Body and Signature
encrypted, each with a key of its own that is derived from the context's.

protect and unprotect are two sides of the same form; unprotect also checks what
WCF checks of a reply.
"""

import base64, datetime, hashlib, hmac, os
from keys import decrypt, derived_key, encrypt
from names import DS, EXC_C14N, WSSE, WSU, XENC, require
from wire import header, now, parts, stamp, time_of
from xmltree import Document, local, q

ELEMENT, CONTENT = XENC + "Element", XENC + "Content"


def reference(uri, value_type):
    """A SecurityTokenReference as WCF writes it with BSP attributes."""
    return (
        f'<o:SecurityTokenReference xmlns:o="{WSSE}"><o:Reference ValueType="{value_type}" URI="{uri}"></o:Reference>'
        "</o:SecurityTokenReference>"
    )


class DerivedKey:
    """A DerivedKeyToken to be written."""

    def __init__(self, context, id, uri, length):
        self.nonce = os.urandom(16)
        self.key = derived_key(context.key, self.nonce, 0, length)
        c, v = context.version.c, context.version
        # WCF leaves out Length where it is the default, 32, and then Offset too.
        size = "" if length == 32 else f"<{c}:Offset>0</{c}:Offset><{c}:Length>{length}</{c}:Length>"
        self.xml = (
            f'<{c}:DerivedKeyToken u:Id="{id}" xmlns:{c}="{v.sc}">{reference(uri, v.sct)}{size}'
            f"<{c}:Nonce>{base64.b64encode(self.nonce).decode()}</{c}:Nonce></{c}:DerivedKeyToken>"
        )
        self.reference = reference("#" + id, v.dk)
        self.facts = {"nonce": self.nonce.hex(), "offset": 0, "length": length, "key": self.key.hex()}


last = [now() - datetime.timedelta(seconds=1)]  # when the last Timestamp was written


def timestamp(id, lifetime=300):
    """A Timestamp. No two have one time: where the signature covers little
    else, a server that remembers signatures takes the second message of a
    millisecond for a replay.
    """
    last[0] = at = max(now(), last[0] + datetime.timedelta(milliseconds=1))
    return (
        f'<u:Timestamp u:Id="{id}"><u:Created>{stamp(at)}</u:Created>'
        f"<u:Expires>{stamp(at + datetime.timedelta(seconds=lifetime))}</u:Expires></u:Timestamp>"
    )


def security(content):
    return f'<o:Security s:mustUnderstand="1" xmlns:o="{WSSE}">{content}</o:Security>'


def signature(draft, ids, suite, key, key_reference, own_id=""):
    """A ds:Signature over the elements of the document draft that ids name."""
    document = Document(draft)
    refs = "".join(
        f'<Reference URI="#{id}"><Transforms><Transform Algorithm="{EXC_C14N}"></Transform></Transforms>'
        f'<DigestMethod Algorithm="{suite.digest_uri}"></DigestMethod>'
        f"<DigestValue>{digest(suite, document.c14n(document.ids[id]))}</DigestValue></Reference>"
        for id in ids
    )
    info = (
        f'<SignedInfo xmlns="{DS}"><CanonicalizationMethod Algorithm="{EXC_C14N}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{suite.hmac_uri}"></SignatureMethod>{refs}</SignedInfo>'
    )
    alone = Document(info.encode())
    value = hmac.new(key, alone.c14n(alone.root), suite.digest).digest()
    attribute = f'Id="{own_id}" ' if own_id else ""
    return (
        f'<Signature {attribute}xmlns="{DS}">{info.replace(f" xmlns={chr(34)}{DS}{chr(34)}", "", 1)}'
        f"<SignatureValue>{base64.b64encode(value).decode()}</SignatureValue><KeyInfo>{key_reference}</KeyInfo>"
        f"</Signature>"
    )


def digest(suite, octets):
    return base64.b64encode(hashlib.new(suite.digest, octets).digest()).decode()


def encrypted(id, kind, suite, key, key_reference, plaintext):
    value = base64.b64encode(encrypt(key, plaintext.encode())).decode()
    return (
        f'<e:EncryptedData Id="{id}" Type="{kind}" xmlns:e="{XENC}">'
        f'<e:EncryptionMethod Algorithm="{suite.cipher}"></e:EncryptionMethod>'
        f'<KeyInfo xmlns="{DS}">{key_reference}</KeyInfo><e:CipherData><e:CipherValue>{value}</e:CipherValue>'
        f"</e:CipherData></e:EncryptedData>"
    )


class Endorsement:
    """An endorsing supporting token (WS-SecurityPolicy 8.3): the Signature of a
    message, or its Timestamp over transport, is signed once more by context.
    covered names another element in its place, and without signs there is no
    Signature at all, both for attacks.
    """

    def __init__(self, context, covered=None, signs=True):
        self.context, self.covered, self.signs = context, covered, signs

    def write(self, draft, id, suite, derived=True):
        """The tokens, and the Signature over the element of the draft with the
        Id.
        """
        key, ref, tokens = self.context.key, reference("#" + self.context.id, self.context.version.sct), ""
        if derived:
            sign = DerivedKey(self.context, "uuid-endorse", "#" + self.context.id, suite.signature_key)
            key, ref, tokens = sign.key, sign.reference, sign.xml
        return self.context.xml + tokens, signature(draft, [id], suite, key, ref) if self.signs else ""


def protect(message, context, suite, with_token=True, entry=None, signed=None, plain=None, endorsement=None):
    """The octets of message under context. Without with_token the
    DerivedKeyTokens name the context by its Identifier, as a reply's do. signed
    changes the draft's octets between signing and encryption, for attacks;
    facts about keys go to entry.
    """
    uri = "#" + context.id if with_token else context.identifier
    sign = DerivedKey(context, "uuid-sign", uri, suite.signature_key)
    enc = DerivedKey(context, "uuid-encrypt", uri, suite.encryption_key)
    headers = message.headers()
    ids = [f"_{i + 2}" for i in range(len(headers))]
    addressing = "".join(
        f'<a:{n}{attrs} u:Id="{id}">{content}</a:{n}>' for id, (n, attrs, content) in zip(ids, headers)
    )
    stamped = timestamp("uuid-timestamp")

    draft = message.envelope(addressing + security(stamped), message.body, ' u:Id="_0"')
    own_id = "uuid-signature" if endorsement else ""
    sig = signature(draft, ["_0", *ids, "uuid-timestamp"], suite, sign.key, sign.reference, own_id)
    endorsing, second = "", ""
    if endorsement:
        covered = (draft, endorsement.covered) if endorsement.covered else (sig.encode(), own_id)
        endorsing, second = endorsement.write(*covered, suite)
    if plain is not None:
        document = Document(draft)
        plain.append(document.c14n(document.ids["_0"]))
    body = (signed or (lambda b: b))(message.body)

    secrets = {"_sig": sig, **({"_endorsing": second} if second else {})}
    listed = "".join(f'<e:DataReference URI="#{id}"></e:DataReference>' for id in ["_1", *secrets])
    content = "".join(
        [
            stamped,
            context.xml if with_token else "",
            sign.xml,
            enc.xml,
            f'<e:ReferenceList xmlns:e="{XENC}">{listed}</e:ReferenceList>',
            endorsing,
            *(encrypted(id, ELEMENT, suite, enc.key, enc.reference, text) for id, text in secrets.items()),
        ]
    )
    if entry is not None:
        entry.update({"context": context.identifier, "signature-key": sign.facts, "encryption-key": enc.facts})
    return message.envelope(
        addressing + security(content), encrypted("_1", CONTENT, suite, enc.key, enc.reference, body), ' u:Id="_0"'
    )


def endorse(message, context, suite, entry=None, derived=False, to=False, endorsement=None):
    """The octets of message with context's token as endorsing supporting token,
    for TLS: Timestamp, SCT, Signature over Timestamp and, with to, over To,
    with the context's key or with one derived from it. WCF signs To with the
    key of a certificate alone. endorsement is a second endorsing token.
    """
    headers = message.headers()
    addressing = "".join(
        f'<a:{n}{attrs}{" u:Id=" + chr(34) + "_1" + chr(34) if n == "To" else ""}>{content}</a:{n}>'
        for n, attrs, content in headers
    )
    stamped, tokens = timestamp("_0"), context.xml
    key, ref = context.key, reference("#" + context.id, context.version.sct)
    if derived:
        sign = DerivedKey(context, "uuid-sign", "#" + context.id, suite.signature_key)
        key, ref, tokens = sign.key, sign.reference, tokens + sign.xml
    draft = message.envelope(addressing + security(stamped), message.body)
    sig = signature(draft, ["_0", "_1"] if to else ["_0"], suite, key, ref)
    if endorsement:
        more, second = endorsement.write(draft, endorsement.covered or "_0", suite, derived)
        tokens, sig = tokens + more, sig + second
    if entry is not None:
        entry.update({"context": context.identifier, "signature-key": {"key": key.hex()}})
    return message.envelope(addressing + security(stamped + tokens + sig), message.body)


class Opened:
    """A verified message: its document after decryption, Header, Body, and
    facts about its keys.
    """

    def __init__(self, document, head, body, facts):
        self.document, self.head, self.body, self.facts = document, head, body, facts

    def payload(self):
        require(len(self.body.children) == 1, f"{len(self.body.children)} elements in Body")
        return self.body.children[0]


def unprotect(octets, context, suite, soap, wsa, with_token=False):
    """Decrypts and verifies a message in WCF's form and returns it Opened."""
    document = Document(octets)
    head, _ = parts(document, soap)
    sec = the_security(head, soap)
    want = (
        ["Timestamp"]
        + ["SecurityContextToken"] * with_token
        + ["DerivedKeyToken"] * 2
        + ["ReferenceList", "EncryptedData"]
    )
    require(
        [local(c.tag) for c in sec.children] == want,
        f"the Security header holds {[local(c.tag) for c in sec.children]}, not {want}",
    )
    keys = {}
    for dkt in sec.all(q(context.version.sc, "DerivedKeyToken")):
        keys["#" + dkt.id] = derived(dkt, context, suite, with_token)
    require(len(keys) == 2, "two DerivedKeyTokens of this version with Ids are needed")

    used = {}
    document = opened(document, sec.one(q(XENC, "ReferenceList")), keys, suite, used)
    head, body = parts(document, soap)
    sec = the_security(head, soap)
    require(
        not any(n.tag == q(XENC, "EncryptedData") for n in document.nodes), "EncryptedData is left after decryption"
    )
    sig = sec.children[-1]
    require(sig.tag == q(DS, "Signature"), f"{sig.tag} was encrypted in the place of the Signature")
    covered = verify(document, sig, keys, suite, used)
    check_timestamp(sec)
    must = [sec.children[0], body] + [h for h in head.children if h.tag.startswith("{%s}" % wsa)]
    for node in must:
        require(node in covered, f"{local(node.tag)} is not signed")
    require(header(head, wsa, "Action") is not None, "no Action")
    return Opened(document, head, body, {"context": context.identifier, **used})


def the_security(head, soap):
    found = head.all(q(WSSE, "Security")) if head else []
    require(len(found) == 1, f"{len(found)} Security headers")
    require(found[0].attrs == {q(soap, "mustUnderstand"): "1"}, f"attributes {found[0].attrs} of Security")
    return found[0]


def derived(dkt, context, suite, with_token):
    """The key of a DerivedKeyToken, read as WCF reads: children in order,
    Length 32 unless it stands there.
    """
    names = [local(c.tag) for c in dkt.children]
    order = ["SecurityTokenReference", "Offset", "Length", "Nonce"]
    require(
        names[0] == order[0] and names[-1] == "Nonce" and names == [n for n in order if n in names],
        f"DerivedKeyToken: {names}",
    )
    ref = dkt.children[0].one(q(WSSE, "Reference"))
    want = {**context.reference(), **({"URI": "#" + context.id} if with_token else {})}
    require(
        {"ValueType": context.version.sct, **ref.attrs} == want, f"DerivedKeyToken refers to {ref.attrs}, not {want}"
    )
    values = {local(c.tag): int(c.text) for c in dkt.children[1:-1]}
    offset, length, nonce = values.get("Offset", 0), values.get("Length", 32), dkt.children[-1].octets()
    require(
        0 <= offset <= 64 and length <= max(suite.encryption_key, suite.signature_key),
        f"DerivedKeyToken: Offset {offset}, Length {length}",
    )
    require(16 <= len(nonce) <= 128, f"a Nonce of {len(nonce)} octets")
    key = derived_key(context.key, nonce, offset, length)
    return {"nonce": nonce.hex(), "offset": offset, "length": length, "key": key}


def key_of(keyinfo, keys, context_dk=None):
    """The URI of the token that a KeyInfo names, which has to be one of keys."""
    ref = keyinfo.one(q(WSSE, "SecurityTokenReference")).one(q(WSSE, "Reference"))
    uri = ref.attrs.get("URI")
    require(uri in keys, f"KeyInfo names {uri}")
    require(ref.attrs.get("ValueType", "/dk").endswith("/dk"), f"KeyInfo: {ref.attrs}")
    return uri


def opened(document, listed, keys, suite, used):
    """The document with each EncryptedData that is listed decrypted; there may
    be no others.
    """
    wanted = [r.attrs.get("URI") for r in listed.children]
    found = {"#" + (n.id or ""): n for n in document.nodes if n.tag == q(XENC, "EncryptedData")}
    require(sorted(wanted) == sorted(found), f"ReferenceList names {wanted}, the message holds {sorted(found)}")
    changes, uris = [], set()
    for data in found.values():
        require(
            data.one(q(XENC, "EncryptionMethod")).attrs == {"Algorithm": suite.cipher},
            "EncryptionMethod of EncryptedData",
        )
        uri = key_of(data.one(q(DS, "KeyInfo")), keys)
        uris.add(uri)
        key = keys[uri]
        require(key["length"] == suite.encryption_key, f"an encryption key of {key['length']} octets")
        cipher = data.one(q(XENC, "CipherData")).one(q(XENC, "CipherValue")).octets()
        changes.append((data, decrypt(key["key"], cipher)))
        kind = ELEMENT if parent(document, data).tag == q(WSSE, "Security") else CONTENT
        require(data.attrs.get("Type") == kind, f"Type {data.attrs.get('Type')}")
    require(len(uris) == 1 and len(found) == 2, "Signature and Body have to be encrypted with one key")
    facts = keys[uris.pop()]
    used["encryption-key"] = {**facts, "key": facts["key"].hex()}
    return document.replaced(changes)


def parent(document, node):
    return next(n for n in document.nodes if node in n.children)


def verify(document, sig, keys, suite, used):
    """Verifies a Signature and returns the nodes that it covers."""
    require(
        [local(c.tag) for c in sig.children] == ["SignedInfo", "SignatureValue", "KeyInfo"], "children of Signature"
    )
    info, value, keyinfo = sig.children
    facts = keys[key_of(keyinfo, keys)]
    require(facts["length"] == suite.signature_key, f"a signature key of {facts['length']} octets")
    used["signature-key"] = {**facts, "key": facts["key"].hex()}
    require(used["signature-key"] != used.get("encryption-key"), "one derived key signs and encrypts")
    method, algorithm, *refs = info.children
    require(
        method.attrs == {"Algorithm": EXC_C14N} and algorithm.attrs == {"Algorithm": suite.hmac_uri},
        "algorithms of SignedInfo",
    )
    mac = hmac.new(facts["key"], document.c14n(info, prefixes(method)), suite.digest).digest()
    require(hmac.compare_digest(mac, value.octets()), "SignatureValue is wrong")
    covered = []
    for ref in refs:
        uri = ref.attrs.get("URI", "")
        require(uri.startswith("#") and uri[1:] in document.ids, f"Reference {uri}")
        node = document.ids[uri[1:]]
        (transform,) = ref.one(q(DS, "Transforms")).children
        require(transform.attrs == {"Algorithm": EXC_C14N}, f"Transform {transform.attrs}")
        require(ref.one(q(DS, "DigestMethod")).attrs == {"Algorithm": suite.digest_uri}, "DigestMethod")
        want = base64.b64decode(digest(suite, document.c14n(node, prefixes(transform))))
        require(
            hmac.compare_digest(want, ref.one(q(DS, "DigestValue")).octets()),
            f"the digest of {local(node.tag)} is wrong",
        )
        covered.append(node)
    return covered


def prefixes(method):
    """The PrefixList of an InclusiveNamespaces child."""
    out = []
    for c in method.children:
        require(c.tag == q(EXC_C14N, "InclusiveNamespaces"), f"{c.tag} in {local(method.tag)}")
        out += c.attrs["PrefixList"].split()
    return out


def check_timestamp(sec):
    ts = sec.one(q(WSU, "Timestamp"))
    require([c.tag for c in ts.children] == [q(WSU, "Created"), q(WSU, "Expires")], "children of Timestamp")
    created, expires = (time_of(c.text) for c in ts.children)
    require(
        created < expires and abs((now() - created).total_seconds()) < 300 and expires > now(),
        f"Timestamp {created} to {expires}",
    )


def check_transport_reply(document, soap):
    """The Security header of a reply to an endorsed request: a Timestamp and
    nothing else.
    """
    head, body = parts(document, soap)
    sec = the_security(head, soap)
    require(
        [c.tag for c in sec.children] == [q(WSU, "Timestamp")],
        f"the Security header holds {[local(c.tag) for c in sec.children]}",
    )
    check_timestamp(sec)
    return Opened(document, head, body, {})
