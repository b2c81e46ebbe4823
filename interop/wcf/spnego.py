"""The initiator's side of SPNEGO (RFC 4178) as Windows plays it, above a
Kerberos context of MIT's library.

The negotiation is written here and not MIT's, so that the list of mechanisms
can be Windows's, with OIDs that MIT does not offer, and so that each field of
an answer is looked at. MitInitiator plays MIT's own.
"""

import gssapi
from gssapi import raw
from names import Failure, require

SPNEGO = bytes.fromhex("06062b0601050502")
KRB5 = bytes.fromhex("06092a864886f712010202")
MS_KRB5 = bytes.fromhex("06092a864882f712010202")
NEGOEX = bytes.fromhex("060a2b06010401823702021e")
NTLM = bytes.fromhex("060a2b06010401823702020a")
WINDOWS = [MS_KRB5, KRB5, NEGOEX, NTLM]

# A NEGOTIATE_MESSAGE of MS-NLMP 2.2.1.1 with the flags that Windows sets and no names.
NTLM_NEGOTIATE = (
    b"NTLMSSP\0"
    + (1).to_bytes(4, "little")
    + (0xE2088297).to_bytes(4, "little")
    + bytes(16)
    + bytes.fromhex("0a00614a0000000f")
)

INQ_SSPI_SESSION_KEY = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")


def der(tag, *content):
    body = b"".join(content)
    n = len(body)
    length = (
        bytes([n])
        if n < 128
        else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    )
    return bytes([tag]) + length + body


def read(data):
    """Tag, content and rest of the first element of data, DER."""
    require(len(data) >= 2, "DER: too short")
    tag, n, at = data[0], data[1], 2
    if n >= 128:
        size = n & 0x7F
        require(1 <= size <= 4 and len(data) >= 2 + size, "DER: length")
        n, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        require(n >= 128 and n >= 1 << 8 * (size - 1), "DER: length is not minimal")
    require(len(data) >= at + n, "DER: shorter than its length")
    return tag, data[at : at + n], data[at + n :]


def only(data, tag):
    t, content, rest = read(data)
    require(t == tag and not rest, f"DER: tag {t:#x} with {len(rest)} octets after it, not {tag:#x} alone")
    return content


def negotiation_response(token):
    """The fields of a NegTokenResp: negState, supportedMech, responseToken,
    mechListMIC.
    """
    fields, last = {}, -1
    rest = only(only(token, 0xA1), 0x30)
    while rest:
        tag, content, rest = read(rest)
        require(last < tag and 0xA0 <= tag <= 0xA3, f"NegTokenResp: field {tag:#x}")
        last = tag
        if tag == 0xA0:
            fields["negState"] = only(content, 0x0A)[0]
        elif tag == 0xA1:
            require(content[0] == 6, "supportedMech is no OID")
            fields["supportedMech"] = content
        else:
            fields["responseToken" if tag == 0xA2 else "mechListMIC"] = only(content, 0x04)
    return fields


STATES = {0: "accept-completed", 1: "accept-incomplete", 2: "reject", 3: "request-mic"}


class Kerberos:
    """A Kerberos context with the flags that WCF asks for: mutual
    authentication, confidentiality, replay and sequence detection.
    """

    def __init__(self, name, bindings=None, mech=gssapi.MechType.kerberos, **kw):
        F = gssapi.RequirementFlag
        flags = (
            F.mutual_authentication | F.confidentiality | F.integrity | F.replay_detection | F.out_of_sequence_detection
        )
        self.flags = flags
        if bindings is not None:
            kw["channel_bindings"] = raw.ChannelBindings(application_data=bindings)
        self.context = gssapi.SecurityContext(name=name, usage="initiate", mech=mech, flags=flags, **kw)

    def step(self, token=None):
        try:
            return self.context.step(token)
        except gssapi.exceptions.GSSError as e:
            raise Failure(f"GSS-API: {e}")

    def finish(self):
        """Checks an established context as SSPI's caller in WCF does."""
        require(self.context.complete, "the context is not complete: there was no AP-REP")
        require(int(self.flags) & ~int(self.context.actual_flags) == 0, "the context lacks a flag that was asked for")

    def unwrap(self, token):
        """The content of a sealed per-message token that comes in its place in
        the sequence.
        """
        try:
            r = self.context.unwrap(token)
        except gssapi.exceptions.GSSError as e:
            raise Failure(f"the wrap token of the proof key: {e}")
        require(r.encrypted, "the proof key is wrapped but not sealed")
        return r.message

    def key(self):
        """The context's key and its enctype, for transcripts."""
        key, enctype = raw.inquire_sec_context_by_oid(self.context, INQ_SSPI_SESSION_KEY)
        return key, enctype[-1]


class Initiator:
    """SPNEGO as Windows plays it. mechs are DER OIDs; the first one's token
    goes along, for NTLM a NEGOTIATE_MESSAGE. mic_state is the negState beside
    our mechListMIC, which RFC 4178 leaves open; None for none.
    """

    def __init__(self, service, bindings=None, mechs=WINDOWS, mic_state=0):
        self.kerberos = Kerberos(gssapi.Name(service, gssapi.NameType.kerberos_principal), bindings)
        self.mechs, self.mic_state = mechs, mic_state
        self.list = der(0x30, *mechs)
        self.done = self.mic_needed = self.mic_seen = False
        self.answers = 0

    def first(self):
        if self.mechs[0] in (KRB5, MS_KRB5):
            token = self.kerberos.step()
        else:
            token = NTLM_NEGOTIATE
        init = der(0x30, der(0xA0, self.list), der(0xA2, der(0x04, token)))
        return der(0x60, SPNEGO, der(0xA0, init))

    def next(self, token):
        """Takes an answer and returns the next token, or None after the last
        answer.
        """
        f = negotiation_response(token)
        if self.done:
            require(
                self.mic_seen and f.get("negState") == 0 and not f.keys() & {"responseToken", "mechListMIC"},
                "an answer after the last one",
            )
            return None
        state = STATES.get(f.get("negState"))
        require(state and state != "reject", f"negState {f.get('negState')}")
        self.answers += 1
        if self.answers == 1:
            reply = self._selected(f, state)
            if reply:
                return reply
        if "responseToken" in f:
            self.kerberos.step(f["responseToken"])
        return self._after(f, state)

    def _selected(self, f, state):
        mech = f.get("supportedMech")
        require(mech in self.mechs, f"supportedMech {mech and mech.hex()} is not in the list")
        require(mech in (KRB5, MS_KRB5), f"supportedMech {mech.hex()} is not Kerberos")
        self.supported = mech
        if mech == self.mechs[0]:
            return None
        require(state == "request-mic", f"another mechanism than the first was selected with {state}")
        require("responseToken" not in f and "mechListMIC" not in f, "request-mic with a token")
        self.mic_needed = True
        return der(0xA1, der(0x30, der(0xA2, der(0x04, self.kerberos.step()))))

    def _after(self, f, state):
        if "mechListMIC" in f:
            # Windows ends the conversation when it gets one without need.
            require(self.mic_needed and not self.mic_seen, "a mechListMIC that is not needed")
            self.kerberos.finish()
            try:
                self.kerberos.context.verify_signature(self.list, f["mechListMIC"])
            except gssapi.exceptions.GSSError as e:
                raise Failure(f"mechListMIC: {e}")
            self.mic_seen = True
            require(state == "accept-incomplete", f"the first mechListMIC came with {state}")
            mic = self.kerberos.context.get_signature(self.list)
            self.done = True  # for our side; the acceptor may still say that it agrees
            state = b"" if self.mic_state is None else der(0xA0, der(0x0A, bytes([self.mic_state])))
            return der(0xA1, der(0x30, state, der(0xA3, der(0x04, mic))))
        require(state == "accept-completed", f"{state} with nothing left to send")
        require(not self.mic_needed, "there was no mechListMIC")
        self.kerberos.finish()
        self.done = True
        return None


class MitInitiator:
    """MIT's own SPNEGO. With ntlm_first its list begins with NTLM, for which
    gss-ntlmssp has to find a user.
    """

    def __init__(self, service, bindings=None, ntlm_first=False):
        spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        kw = {}
        name = gssapi.Name(service, gssapi.NameType.kerberos_principal)
        if ntlm_first:
            kw["creds"] = gssapi.Credentials(usage="initiate", mechs=[spnego])
            raw.set_neg_mechs(
                kw["creds"], [gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10"), gssapi.MechType.kerberos]
            )
            name = gssapi.Name(
                service.split("@")[0].replace("/", "@"), gssapi.NameType.hostbased_service
            )  # which NTLM knows
        self.kerberos = Kerberos(name, bindings, spnego, **kw)
        self.done = False

    def first(self):
        return self.kerberos.step()

    def next(self, token):
        if self.done:
            require(negotiation_response(token) == {"negState": 0}, "an answer after the last one")
            return None
        out = self.kerberos.step(token)
        if self.kerberos.context.complete:
            self.kerberos.finish()
            self.done = True
        return out or None


class RawNtlm:
    """A first token that is NTLM alone, without any frame: what Windows sends
    when it has no ticket.
    """

    done = False

    def __init__(self, *_):
        pass

    def first(self):
        return NTLM_NEGOTIATE

    def next(self, token):
        raise Failure("an NTLM token was answered")
