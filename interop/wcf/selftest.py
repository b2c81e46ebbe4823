"""--self-test: known vectors, and conversations with the fake acceptor. The
conversations need KRB5_CONFIG, KRB5_KTNAME and KRB5_CLIENT_KTNAME in the
environment.
"""

import hashlib
from channel import Channel, cancel, issue
from fake import Acceptor, Server
from keys import combined_hash, decrypt, derived_key, encrypt, p_sha1
from names import FEB2005, TRUST13, Failure, require
from negotiate import Negotiation
from spnego import KRB5, MS_KRB5, NEGOEX, NTLM, Initiator, MitInitiator
from wire import Http
from xmltree import Document, canonical_for_hash

SECRET, NONCE = bytes(range(32)), bytes(range(16, 32))


def equal(got, want):
    require(got == want, f"{got!r} instead of {want!r}")


def vectors():
    equal(derived_key(SECRET, NONCE, 0, 32).hex(), "ecc4e7eb31407de608151895c0e352b5cdd47a1373a9daf8a1efe20c8bc46475")
    equal(derived_key(SECRET, NONCE, 24, 32).hex(), "a1efe20c8bc464753fd6c3cb14cec8566ed95744a3c33ff6443cd39bc81fed95")
    h = hashlib.sha1(b"abc").digest()
    equal(
        p_sha1(SECRET, b"AUTH-HASH" + h, 0, 32).hex(),
        "20fba1bd2eb6bc60a4d67b01aea4dc411d65f1648767cac19b134a2bee7a1122",
    )
    equal(
        combined_hash(SECRET, [b"a", b"bc"])[0].hex(),
        "20fba1bd2eb6bc60a4d67b01aea4dc411d65f1648767cac19b134a2bee7a1122",
    )
    for n in range(40):
        equal(decrypt(SECRET, encrypt(SECRET, bytes(n))), bytes(n))


def canonical_forms():
    d = Document(
        b'<a:x xmlns:a="urn:a" xmlns:b="urn:b" xmlns="urn:d"><b:y z="1" a:q="&lt;&#10;" b:c="2"/><w/>t</a:x>'.replace(
            b"t<", b"<"
        )
    )
    equal(d.c14n(d.root.children[0]), b'<b:y xmlns:a="urn:a" xmlns:b="urn:b" z="1" a:q="&lt;&#xA;" b:c="2"></b:y>')
    equal(d.c14n(d.root.children[1]), b'<w xmlns="urn:d"></w>')
    equal(canonical_for_hash(b"<x>\n <y> 1 </y> <z>a</z>\n<s> </s></x>", ["z"]), b"<x><y> 1 </y><s></s></x>")
    require(d.root.children[0].self_closed and not d.root.self_closed, "empty-element tags are not noticed")
    for bad in (
        b"<!DOCTYPE x><x/>",
        b"<x><!-- c --></x>",
        b"<x><?p?></x>",
        b'<x><y Id="a"/><y Id="a"/></x>',
        b"<x>t<y/></x>",
        b"<x>",
    ):
        fails("parse", lambda: Document(bad))


def fails(what, call, words=""):
    """Requires that call raises a Failure that says words."""
    try:
        call()
    except Failure as e:
        require(words in str(e), f"{what}: {e}, which does not say {words!r}")
        return
    raise Failure(f"{what} was not noticed")


def whole(service, version, make, faulty=""):
    http = Http(Server(Acceptor(faulty)).url)
    bootstrap = Channel(http, Negotiation(http, make(service), version).run())
    if faulty != "body":
        bootstrap = Channel(http, issue(bootstrap, version))
    bootstrap.double(21)
    cancel(bootstrap, version)


def run(service):
    """Everything that needs no service, and with one the conversations too."""
    vectors()
    canonical_forms()
    if service:
        conversations(service)


def conversations(service):
    for version in (FEB2005, TRUST13):
        for make in (
            Initiator,
            MitInitiator,
            lambda s: Initiator(s, mechs=[NTLM, KRB5]),
            lambda s: Initiator(s, mechs=[NEGOEX, MS_KRB5]),
        ):
            whole(service, version, make)
    for faulty, words in {
        "unsealed": "not sealed",
        "sequence": "wrap token",
        "hash": "CombinedHash",
        "no-authenticator": "not 2",
        "cookie": "not ['Identifier'] alone",
        "empty-element": "empty-element tag",
        "body": "digest of Body",
    }.items():
        fails(faulty, lambda: whole(service, FEB2005, Initiator, faulty), words)
