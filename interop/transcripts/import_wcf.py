#!/usr/bin/env python3
"""Writes testvectors/transcripts/Wcf… from conversations of the client in
WCF's form with wssgate.

usage: import_wcf.py DIR [OUT]

`go test ./interop -run RecordClientInWCFsForm -record DIR` makes such
conversations, in DIR/wcf. The client, ../wcf, has verified each reply, and all
plaintexts, keys and hashes are from it: it shares no code with wssgate.
"""

import base64, datetime, json, os, shutil, sys, textwrap

KEYTAB = "wcf.keytab"
WSA = ['"{http://www.w3.org/2005/08/addressing}*"']
NEGOTIATED = {
    "binding": "symmetric",
    "protection-token": "spnego-context",
    "algorithm-suite": "Basic256",
    "protection-order": "sign-before-encrypt",
    "encrypt-signature": True,
    "derived-keys": "required",
    "timestamp": "required",
    "layout": "strict",
    "key-fit": "whole",
    "signed-parts": {"body": True, "headers": WSA},
    "encrypted-parts": {"body": True},
}
SESSION = {**NEGOTIATED, "protection-token": "secure-conversation", "bootstrap": NEGOTIATED}

# Recorded case -> name, policy, last pair of messages, comment.
CASES = {
    "conversation-2005": (
        "WcfHttpBinding",
        SESSION,
        6,
        "What WCF's wsHttpBinding does by default, with a client in WCF's form: a SPNEGO negotiation, RST/SCT "
        "under the context that comes of it, three application messages under the context that RST/SCT issues, "
        "and Cancel.",
    ),
    "conversation-1.3": (
        "Wcf2007HttpBinding",
        SESSION,
        6,
        "As WcfHttpBinding, with WS-Trust 1.3, for WCF's ws2007HttpBinding.",
    ),
    "negotiated-2005": (
        "WcfSspiNegotiated",
        NEGOTIATED,
        4,
        "WCF's authenticationMode SspiNegotiated without a session, with a client in WCF's form: "
        "application messages under the context that a SPNEGO negotiation issues. The list of mechanisms is that of "
        "Windows.",
    ),
    "negotiated-1.3": ("WcfSspiNegotiated13", NEGOTIATED, 4, "As WcfSspiNegotiated, with WS-Trust 1.3."),
}
NAMESPACES = {
    "2005": "http://schemas.xmlsoap.org/ws/2005/02/sc",
    "1.3": "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512",
}
TOKENS = {"spnego": "spnego-context", "secure-conversation": "secure-conversation"}


def flow(v):
    if isinstance(v, dict):
        return "{" + ", ".join(f"{k}: {flow(x)}" for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(map(flow, v)) + "]"
    return {True: "true", False: "false"}.get(v, str(v)) if isinstance(v, bool) else str(v)


def b64(hexadecimal):
    return '"' + base64.b64encode(bytes.fromhex(hexadecimal)).decode() + '"'


def captured(facts):
    """A time before all that the messages have: the clock that MIT's client has
    for authenticators can lag a little.
    """
    begin = datetime.datetime.fromisoformat(facts["captured"][:19])
    return (begin - datetime.timedelta(seconds=1)).isoformat() + "Z"


def contexts(facts):
    for c in facts["contexts"]:
        yield f"  - identifier: \"{c['identifier']}\""
        entry = {"namespace": NAMESPACES[facts["trust"]], "token": TOKENS[c["from"]], "key": b64(c["key"])}
        if c["from"] == "spnego":
            entry.update(
                {
                    "gss-key": b64(c["gss-key"]),
                    "hash-inputs": c["hash-inputs"],
                    "combined-hash": b64(c["combined-hash"]),
                }
            )
        yield from (f"    {k}: {flow(v)}" for k, v in entry.items())


def messages(facts, last, bootstrap):
    """The messages that are kept, and the lines about them."""
    negotiated = [c["identifier"] for c in facts["contexts"] if c["from"] == "spnego"]
    for m in facts["messages"]:
        if int(m["file"][:2]) > last:
            return
        lines = [f"  - file: {m['file']}", f"    expect: {'ok' if 'plain' in m else 'negotiation'}"]
        if bootstrap and m.get("context") in negotiated:
            lines.append("    under: bootstrap")
        if "plain" in m:
            lines.append(f"    plain: {m['plain']}")
        yield m, lines


def convert(src, out, name, policy, last, comment):
    with open(os.path.join(src, "transcript.json")) as f:
        facts = json.load(f)
    dst = os.path.join(out, name)
    shutil.rmtree(dst, ignore_errors=True)
    os.makedirs(dst)
    kept = list(messages(facts, last, "bootstrap" in policy))
    files = [i for c in facts["contexts"] if c["from"] == "spnego" for i in c["hash-inputs"]]
    for m, _ in kept:
        files += [m["file"], m["file"].replace(".xml", ".headers")] + ([m["plain"]] if "plain" in m else [])
    for f in files:
        shutil.copyfile(os.path.join(src, f), os.path.join(dst, f))
    head = {
        "source": "a client in WCF's form (interop/wcf, in Python) with wssgate; tickets from an MIT krb5 KDC",
        "captured": captured(facts),
        "tls": facts["tls"],
        "keytab": "../" + KEYTAB,
        "client-principal": "alice@EXAMPLE.COM",
        "service-principal": facts["service-principal"],
        "enctypes": [18],
    }
    lines = (
        ["comment: |"]
        + ["  " + line for line in textwrap.wrap(comment, 110)]
        + [f"{k}: {flow(v)}" for k, v in head.items()]
    )
    lines += ["contexts:", *contexts(facts), "policy:", *(f"  {k}: {flow(v)}" for k, v in policy.items()), "messages:"]
    with open(os.path.join(dst, "case.yaml"), "w") as f:
        f.write("\n".join(lines + [line for _, entry in kept for line in entry]) + "\n")
    return len(kept)


if __name__ == "__main__":
    recorded = os.path.join(sys.argv[1], "wcf")
    out = (
        sys.argv[2]
        if len(sys.argv) > 2
        else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../testvectors/transcripts")
    )
    shutil.copyfile(os.path.join(recorded, "svc.keytab"), os.path.join(out, KEYTAB))
    for case, (name, *rest) in CASES.items():
        print(f"{name}: {convert(os.path.join(recorded, case), out, name, *rest)} messages")
