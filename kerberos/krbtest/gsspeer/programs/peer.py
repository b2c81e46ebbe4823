# A peer of package gsspeer on MIT's library: see doc.go of gsspeer for the protocol.
import sys, gssapi, gssapi.raw

def attempt(b):
    global ctx
    c, b = b[:1], b[1:]
    if c == b"N":
        role, service, mech, flags, bindings, _ = b.decode().split("|")
        flags = flags.split(",")
        F, kw = gssapi.RequirementFlag, {}
        wanted = [F.integrity, F.confidentiality]
        for name, flag in dict(mutual=F.mutual_authentication, delegate=F.delegate_to_peer, replay=F.replay_detection,
                               sequence=F.out_of_sequence_detection).items():
            if name in flags: wanted.append(flag)
        if bindings: kw["channel_bindings"] = gssapi.raw.ChannelBindings(application_data=bindings.encode())
        if role == "initiate":
            oid = gssapi.OID.from_int_seq("1.3.6.1.5.5.2") if mech == "spnego" else gssapi.MechType.kerberos
            total = 0
            for f in wanted: total |= f
            name = gssapi.Name(service, gssapi.NameType.kerberos_principal)
            if "ntlm-first" in flags: # a mechanism before Kerberos that the acceptor does not have
                ntlm = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
                kw["creds"] = gssapi.Credentials(usage="initiate", mechs=[oid])
                gssapi.raw.set_neg_mechs(kw["creds"], [ntlm, gssapi.MechType.kerberos])
                name = gssapi.Name(service.split("@")[0].replace("/", "@"), gssapi.NameType.hostbased_service) # which NTLM knows
            ctx = gssapi.SecurityContext(name=name, usage="initiate",
                                         flags=total, mech=oid, **kw)
        else:
            ctx = gssapi.SecurityContext(usage="accept", creds=gssapi.Credentials(usage="accept"), **kw)
        return b""
    if c == b"T":
        out = ctx.step(b) or b""
        return (b"c" if ctx.complete else b"n") + out
    if c == b"S": return ctx.wrap(b, True).message
    if c == b"P": return ctx.wrap(b, False).message
    if c == b"M": return ctx.get_signature(b)
    if c == b"U":
        m = ctx.unwrap(b)
        return (b"s" if m.encrypted else b"p") + m.message
    if c == b"V":
        n = int.from_bytes(b[:4], "big")
        ctx.verify_signature(b[4:4 + n], b[4 + n:])
        return b""
    if c == b"I":
        deleg = str(ctx.delegated_creds.name) if ctx.usage == "accept" and ctx.delegated_creds else ""
        return ("%s|%s|%d|%s" % (ctx.initiator_name, ctx.target_name, int(ctx.actual_flags), deleg)).encode()

for line in sys.stdin:
    b = bytes.fromhex(line)
    try:
        out = b"o" + attempt(b)
    except gssapi.exceptions.GSSError as e:
        text = (type(e).__name__ + ": " + str(e)).encode()
        out = b"e" + len(text).to_bytes(4, "big") + text + (getattr(e, "token", None) or b"")
    sys.stdout.write(out.hex() + "\n")
    sys.stdout.flush()
