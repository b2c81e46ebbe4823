"""Namespaces, URIs and the two versions that WCF's bindings speak."""

from dataclasses import dataclass

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA10 = "http://www.w3.org/2005/08/addressing"
WSA04 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ANONYMOUS = {WSA10: WSA10 + "/anonymous", WSA04: WSA04 + "/role/anonymous"}
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSP = "http://schemas.xmlsoap.org/ws/2004/09/policy"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
DNSE = "http://schemas.microsoft.com/ws/2006/05/security"

# The same for both versions of WS-Trust: what WCF writes and compares.
SPNEGO_EXCHANGE = "http://schemas.xmlsoap.org/ws/2005/02/trust/spnego"
GSS_WRAP = "http://schemas.xmlsoap.org/2005/02/trust/spnego#GSS_Wrap"


@dataclass(frozen=True)
class Trust:
    """A version of WS-Trust and the version of WS-SecureConversation that goes
    with it.
    """

    name: str
    trust: str  # namespace of WS-Trust
    t: str  # WCF's prefix for it
    sc: str  # namespace of WS-SecureConversation
    c: str  # WCF's prefix for it
    final: str  # action of the last reply of a negotiation

    @property
    def sct(self):
        return self.sc + "/sct"

    @property
    def dk(self):
        return self.sc + "/dk"


# wsHttpBinding and ws2007HttpBinding.
FEB2005 = Trust(
    "2005",
    "http://schemas.xmlsoap.org/ws/2005/02/trust",
    "t",
    "http://schemas.xmlsoap.org/ws/2005/02/sc",
    "c",
    "/RSTR/Issue",
)
TRUST13 = Trust(
    "1.3",
    "http://docs.oasis-open.org/ws-sx/ws-trust/200512",
    "trust",
    "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512",
    "sc",
    "/RSTRC/IssueFinal",
)
VERSIONS = {v.name: v for v in (FEB2005, TRUST13)}


@dataclass(frozen=True)
class Suite:
    """An algorithm suite of WS-SecurityPolicy as WCF understands it; lengths in
    octets.
    """

    name: str
    cipher: str
    encryption_key: int
    signature_key: int
    digest: str  # hashlib's name
    key_size: int  # bits of a context's key

    @property
    def digest_uri(self):
        return {"sha1": DS + "sha1", "sha256": XENC + "sha256"}[self.digest]

    @property
    def hmac_uri(self):
        return {"sha1": DS + "hmac-sha1", "sha256": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"}[self.digest]


SUITES = {
    s.name: s
    for s in (
        Suite("Basic256", XENC + "aes256-cbc", 32, 24, "sha1", 256),
        Suite("Basic192", XENC + "aes192-cbc", 24, 24, "sha1", 192),
        Suite("Basic128", XENC + "aes128-cbc", 16, 16, "sha1", 128),
        Suite("Basic256Sha256", XENC + "aes256-cbc", 32, 24, "sha256", 256),
    )
}


class Failure(Exception):
    """The peer did what a WCF client does not take."""


def require(condition, message):
    """Raises Failure(message) unless condition holds."""
    if not condition:
        raise Failure(message)
