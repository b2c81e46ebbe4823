#!/usr/bin/env python3
"""Writes testvectors/transcripts from recorded conversations.

usage: import.py CAPTURES [KEYTAB [OUT]]      needs lxml and cryptography (requirements.txt)

KEYTAB is the name that the captures' keytab gets beside the cases (svc.keytab); captures made at another time have other keys.
`go test ./interop -run RecordCXFWithCXF -record CAPTURES` makes such captures (lab.keytab; endorsing.keytab for KtpTransportEndorsingDerived-stax), and RecordWSS4JWithCXF those of
the STR-Transform (strtransform.keytab). CAPTURES holds svc.keytab and one folder a case: NN-request.xml|.headers, NN-response.xml|.headers as they were on the wire,
and meta.json. For each case this copies the messages octet for octet, opens them with opener.py (which shares no code with
wssgate), writes the opened Body in exclusive canonical form beside each (NN-….plain.xml) and a case.yaml. case.yaml has the keys of the security contexts too. Policies and
verdicts are the tables below: they are decisions, made by reading the messages, not by running wssgate.
"""
import base64, glob, json, os, shutil, sys, textwrap
from lxml import etree as ET
import opener

SYMMETRIC = {
    "binding": "symmetric",
    "protection-token": "kerberos",
    "algorithm-suite": "Basic128",
    "protection-order": "sign-before-encrypt",
    "derived-keys": "forbidden",
    "timestamp": "required",
    "layout": "lax",
    "signed-parts": {"body": True},
    "encrypted-parts": {"body": True},
}
TRANSPORT = {
    "binding": "transport",
    "algorithm-suite": "Basic128",
    "timestamp": "required",
    "layout": "lax",
}
def symmetric(**kw): return {**SYMMETRIC, **{k.replace("_", "-"): v for k, v in kw.items()}}
def transport(use, token="kerberos"): return {**TRANSPORT, "supporting-tokens": [{"token": token, "use": use}]}
DERIVED = {"derived_keys": "required"}
STRICT_DERIVED = symmetric(derived_keys="required", encrypt_signature=True, layout="strict")
SPNEGO = {"protection_token": "spnego-context"}

# Port of the lab's WSDL -> policy.
POLICIES = {
    "KtpSupporting": {"binding": "none", "supporting-tokens": [{"token": "kerberos", "use": "plain"}], "timestamp": "optional", "allow-plain-http": True},
    "KtpTransport": transport("plain"),
    "KtpTransportEndorsing": transport("endorsing"),
    "KtpSymmetric": symmetric(),
    "KtpSymmetricSignOnly": {k: v for k, v in symmetric().items() if k != "encrypted-parts"},
    "KtpSymmetricDerived": symmetric(**DERIVED),
    "KtpSymmetricDerivedEncryptSignature": STRICT_DERIVED,
    "KtpSymmetricEncryptBeforeSigning": symmetric(protection_order="encrypt-before-sign"),
    "KtpSymmetricEncryptSignature": symmetric(encrypt_signature=True),
    "KtpSymmetric256": symmetric(algorithm_suite="Basic256"),
    "KtpSymmetricTripleDes": symmetric(algorithm_suite="TripleDes"),
    "KtpSymmetric256Sha256": symmetric(algorithm_suite="Basic256Sha256"),
    "KtpSymmetricDerived256": symmetric(algorithm_suite="Basic256", **DERIVED),
    "KtpSymmetricDerivedEncryptBeforeSigning": symmetric(protection_order="encrypt-before-sign", **DERIVED),
    "KtpSymmetricProtectTokens": symmetric(protect_tokens=True),
    "KtpSymmetricSTRTransform": {k: v for k, v in symmetric(protect_tokens=True, str_transform="wss").items() if k != "encrypted-parts"},
    "KtpSymmetricAddressing": symmetric(signed_parts={"body": True, "headers": ['"{http://www.w3.org/2005/08/addressing}*"']}),
    "KtpSymmetricSoap12": symmetric(),
    "KtpTransportSignedEndorsing": transport("signed-endorsing"),
    "KtpTransportEndorsingDerived": {**transport("endorsing"), "derived-keys": "required"},
    "KtpSymmetricGcm128": symmetric(algorithm_suite="Basic128GCM", key_fit="wss4j"),
    "KtpSymmetricIncludeNever": symmetric(),
    "KtpSymmetricIncludeAlways": symmetric(),
    "KtpSecureConversation": {**STRICT_DERIVED, "protection-token": "secure-conversation", "bootstrap": STRICT_DERIVED},
    "KtpSecureConversationTransport": {**transport("endorsing", "secure-conversation"), "derived-keys": "allowed", "bootstrap": transport("endorsing")},
    "SpnegoSymmetric": symmetric(**SPNEGO),
    "SpnegoSymmetricDerived": symmetric(**SPNEGO, **DERIVED),
    "SpnegoSymmetricEncryptBeforeSigning": symmetric(**SPNEGO, protection_order="encrypt-before-sign"),
    "SpnegoSymmetricEncryptSignature": symmetric(**SPNEGO, encrypt_signature=True),
    "SpnegoTransportEndorsing": transport("endorsing", "spnego-context"),
}

# Case -> policy, where it is not that of the port.
CASE_POLICIES = {
    "KtpSymmetricKeyIdentifier": symmetric(token_once=True),
    "KtpSymmetricSignOnly-stax": {**POLICIES["KtpSymmetricSignOnly"], "optional-encrypted-parts": {"body": True}},
    "KtpTransportEndorsingDerived-stax": {**transport("endorsing"), "derived-keys": "allowed"},
}

# Messages of WS-Trust that are not protected: the keys of the contexts come from them.
NEGOTIATION = {"01-request": "negotiation", "01-response": "negotiation"}

# Case -> ({message: verdict}, why). Every other message is "ok".
VERDICTS = {
    "KtpSymmetricDerived-stax": ({"01-request": "security-token-unavailable", "02-request": "security-token-unavailable", "01-response": "fault", "02-response": "fault"},
        "CXF's streaming client points from its DerivedKeyTokens to the token by URI='BST-...', without the '#'. That is a relative URI, the "
        "name of another document, not a reference into this message, and nothing else names the key. It is refused, as CXF's own server does."),
    "KtpSymmetricEncryptBeforeSigning-stax": ({"01-request": "protection-order", "02-request": "protection-order", "01-response": "fault", "02-response": "fault"},
        "CXF's streaming client signs the plaintext in spite of EncryptBeforeSigning. Digest and HMAC are right for the decrypted document; "
        "the order found is not the policy's, and a verifier that tried both would accept what the policy forbids. CXF's server refuses it too."),
    "KtpSymmetric256-aes128": ({"01-request": "key-length", "01-response": "fault"},
        "A 16-octet Kerberos key under Basic256: the client writes aes256-cbc on what AES-128 made. The key is too short for the algorithm that "
        "the message names, so it is refused before it is used; CXF's server refuses it too."),
    "KtpSymmetricIncludeNever": ({"01-request": "security-token-unavailable", "02-request": "security-token-unavailable", "01-response": "fault", "02-response": "fault"},
        "IncludeToken/Never: CXF's client leaves the token out and refers to it by URI='BST-...', without '#', instead of a KeyIdentifier. "
        "Nothing in the message leads to a key; refused, as CXF's own server does."),
    "KtpSymmetricIncludeAlways": ({"01-response": "unsupported-security-token", "02-response": "unsupported-security-token"},
        "The requests are in order. CXF's server repeats the client's AP-REQ in its reply and puts the token's wsu:Id where the KeyIdentifier of "
        "the signature holds a SHA-1, which names no key: CXF's own client refuses the reply. A reply has no token of its own, for the client "
        "made the only one; so it is refused for that already."),
    "KtpSymmetricProtectTokens-stax": ({"01-request": "part-not-signed", "02-request": "part-not-signed"},
        "CXF's streaming client leaves the token unsigned in spite of ProtectTokens, and CXF's own server lets that pass. The policy says that "
        "the signature covers the token; what would be accepted without it is a policy without ProtectTokens."),
    "KtpTransportEndorsingDerived-stax": ({"01-response": "fault", "02-response": "fault"},
        "CXF's streaming client derives no key in spite of RequireDerivedKeys: there is no DerivedKeyToken, and the signature is made with the "
        "token's key itself. CXF's own server answers with a fault. With derived-keys: required the requests are to be refused (derived-key-invalid)."),
    "KtpSymmetricKeyIdentifier": ({"02-response": "fault", "03-response": "fault"},
        "The first request carries the token, the others name it by KeyIdentifier (Kerberosv5APREQSHA1) alone, as Kerberos Token Profile 1.1 "
        "allows after the first message: the processor has to remember the token of 01-request, so the messages go in this order. "
        "CXF's server answers 02 and 03 with a fault; accepting them goes beyond CXF."),
    "KtpSecureConversation": ({"04-response": "derived-key-invalid"},
        "The RequestSecurityToken and its response are under the bootstrap policy, all else under the SecurityContextToken that they issue. The Cancel "
        "in 04-request repeats the token's wsu:Id inside the encrypted Body, where it is data. CXF's server protects its answer to the Cancel in its own "
        "way: signed with the context's key itself, and not encrypted, in spite of RequireDerivedKeys and EncryptedParts; CXF's own client lets that pass. "
        "It also refers to the context by the ValueType of 2005/02."),
    "KtpSecureConversationTransport": ({"04-response": "fault"},
        "The RequestSecurityToken and its response are under the bootstrap policy, all else under the SecurityContextToken that they issue. Application "
        "messages are endorsed with a derived key, the Cancel in 04-request with the context's key itself: derived-keys is allowed. "
        "CXF's server refuses its own client's Cancel, since its Body is not signed, which no policy of the port asks for."),
}
# Captures in which no message is protected.
NOTHING_PROTECTED = {"SpnegoSecureConversation"}
# Cases whose replies are left out: a verifier that refused the request has no key for them.
REQUESTS_ONLY = {"KtpSymmetricProtectTokens-stax"}
NOTES = {
    "KtpSymmetricSignOnly-stax": "CXF's streaming client encrypts the Body although the policy has no EncryptedParts, and CXF's own server lets that "
        "pass; the reply is not encrypted. Without optional-encrypted-parts the requests are to be refused (reference-invalid): what nobody asked to be "
        "encrypted is not decrypted.",
    "KtpSymmetricSTRTransform": "What is digested is the BinarySecurityToken in exclusive canonical form, with xmlns=\"\" on it.",
    "KtpSymmetricSTRTransformDefaultNamespace": "WSS4J canonicalises the token with #default as an inclusive prefix, which no PrefixList in the message "
        "says: in the first request the token is digested with the Envelope's xmlns=\"urn:example:default\" on it, in the second with xmlns=\"\".",
    "KtpSymmetricGcm128": "WSS4J does not cut the Kerberos key down for GCM: the label says aes128-gcm, the key has 32 octets (key-fit wss4j).",
    "KtpSymmetric-rc4": "Ticket, session key and subkey are rc4-hmac (23): only for an acceptor in which 23 was enabled.",
    "KtpSymmetric-rc4ticket": "The ticket is sealed with rc4-hmac (23), session key and subkey are AES: only for an acceptor in which 23 was enabled.",
    "KtpTransportEndorsing-rc4": "Ticket, session key and subkey are rc4-hmac (23): only for an acceptor in which 23 was enabled.",
    "KtpSymmetric-stax": "The ReferenceList stands before the token that its EncryptedData refers to: a forward reference. PrefixList is empty.",
    "SpnegoSymmetric-stax": "The requests refer to the SecurityContextToken by '#' and its Identifier, which is no element's Id.",
    "SpnegoSymmetric-rc4": "Ticket, session key and subkey are rc4-hmac (23): only for an acceptor in which 23 was enabled. The context's key comes in a Wrap token of RFC 4757.",
    "KtpSymmetric256": "Basic256 with a 32-octet key.",
    "KtpSupporting": "The token alone, on plain HTTP: nothing is signed or encrypted. A service refuses this without TLS unless it was told otherwise.",
}

class Opener(opener.Run):
    """Remembers the Body of the last message, decrypted, in exclusive canonical form without comments."""
    def trust(self, doc, body):
        super().trust(doc, body)
        self.identifiers = getattr(self, "identifiers", set()) | {"".join(e.itertext()).strip() for e in body.iter("{*}Identifier")}
        self.plain = ET.tostring(body, method="c14n", exclusive=True, with_comments=False)

def scalar(v):
    if isinstance(v, bool): return "true" if v else "false"
    return str(v)

def quoted(v): return f'"{v}"'

def flow(v):
    if isinstance(v, dict): return "{" + ", ".join(f"{k}: {flow(x)}" for k, x in v.items()) + "}"
    if isinstance(v, list): return "[" + ", ".join(map(flow, v)) + "]"
    return scalar(v)

def write_yaml(path, head, contexts, policy, messages):
    out = []
    for k, v in head.items():
        if k == "comment":
            out += ["comment: |"] + ["  " + l for l in textwrap.wrap(v, 110)]
        else:
            out.append(f"{k}: {flow(v)}")
    if contexts:
        out.append("contexts:")
        for c in contexts:
            out.append("  - " + "\n    ".join(f"{k}: {v}" for k, v in c.items()))
    out.append("policy:")
    out += [f"  {k}: {flow(v)}" for k, v in policy.items()]
    out.append("messages:")
    for m in messages:
        out.append("  - " + "\n    ".join(f"{k}: {v}" for k, v in m.items()))
    with open(path, "w") as f: f.write("\n".join(out) + "\n")

def sentence(s): return s[0].upper() + s[1:] + ("" if s.endswith(".") else ".")

def convert(src, out, keytab, run):
    case = os.path.basename(src); dst = os.path.join(out, case)
    meta = json.load(open(os.path.join(src, "meta.json")))
    verdicts, why = VERDICTS.get(case, (NEGOTIATION if case.startswith("Spnego") else {}, ""))
    policy = CASE_POLICIES.get(case) or POLICIES[meta["policy_port"].split()[0].removesuffix("Port")]
    shutil.rmtree(dst, ignore_errors=True); os.makedirs(dst)
    messages, etypes = [], set()
    for i in range(1, 100):
        for kind in ("request", "response"):
            name = f"{i:02d}-{kind}"; path = os.path.join(src, name)
            if not os.path.exists(path + ".xml") or kind == "response" and case in REQUESTS_ONLY: continue
            for ext in (".xml", ".headers"): shutil.copyfile(path + ext, os.path.join(dst, name + ext))
            verdict = verdicts.get(name, "ok"); m = {"file": name + ".xml", "expect": verdict}
            if "bootstrap" in policy and i == 1: m["under"] = "bootstrap"
            run.checks = []; run.plain = None; run.bad = False
            try:
                run.message(path + ".xml", 0, "")
            except Exception as e:
                if verdict in ("ok", "negotiation"): raise SystemExit(f"{case}/{name} is expected to open: {e!r}")
            if verdict == "ok":
                if run.bad: raise SystemExit(f"{case}/{name}: a digest is wrong: {run.checks}")
                m["plain"] = name + ".plain.xml"
                with open(os.path.join(dst, m["plain"]), "wb") as f: f.write(run.plain)
            messages.append(m)
    contexts = [{"identifier": quoted(i), "namespace": run.facts["sct_namespace"], "key": quoted(base64.b64encode(keys[0][1]).decode())}
        for i, keys in run.keys.items() if keys and keys[0][0].startswith("SCT ") and i in run.identifiers]
    t = run.facts.get("ticket") or run.facts.get("spnego", {})
    for k in ("ticket", "session_key", "subkey"):
        if t.get(k): etypes.add(t[k]["etype"])
    head = {
        "comment": " ".join(x for x in (sentence(meta["policy"]), why, NOTES.get(case, "")) if x),
        "source": "Apache CXF 4.0.6 with WSS4J 3.0.4 on OpenJDK 17, client and server; tickets from an MIT krb5 KDC",
        "captured": meta["captured"],
        "tls": meta["tls_to_endpoint"],
        "keytab": "../" + keytab,
        "client-principal": meta["client_principal"],
        "service-principal": meta["service_principal"],
        "enctypes": sorted(etypes) or [18],
    }
    write_yaml(os.path.join(dst, "case.yaml"), head, contexts, policy, messages)
    return len(messages)

if __name__ == "__main__":
    captures = sys.argv[1]
    keytab = sys.argv[2] if len(sys.argv) > 2 else "svc.keytab"
    out = sys.argv[3] if len(sys.argv) > 3 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../testvectors/transcripts")
    os.makedirs(out, exist_ok=True)
    shutil.copyfile(os.path.join(captures, "svc.keytab"), os.path.join(out, keytab))
    for src in sorted(glob.glob(os.path.join(captures, "Ktp*")) + glob.glob(os.path.join(captures, "Spnego*"))):
        if os.path.basename(src) in NOTHING_PROTECTED: continue
        n = convert(src, out, keytab, Opener(opener.keytab(os.path.join(captures, "svc.keytab"))))
        print(f"{os.path.basename(src)}: {n} messages")
