#!/usr/bin/env python3
"""Opens recorded conversations with the service keytab alone: ticket, keys, signatures, encryption.

It shares no code with wssgate or with any WS-Security library (Python, `lxml` and `cryptography` only), which is its worth:
the plain texts in testvectors/transcripts come from here, not from the program that they test.
"""
import base64, hashlib, hmac, re, struct
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import ARC4, TripleDES
from lxml import etree as ET

# ---- DER
def tlv(b, o=0):
    t = b[o]; n = b[o + 1]; o += 2
    if n & 0x80:
        k = n & 0x7f; n = int.from_bytes(b[o:o + k], "big"); o += k
    return t, b[o:o + n], o + n
def kids(b):
    o, out = 0, []
    while o < len(b):
        t, v, o = tlv(b, o); out.append((t, v))
    return out
def fields(seq):            # explicit context tags -> value of the inner TLV
    return {t & 0x1f: tlv(v) for t, v in kids(seq)}
def integer(f): return int.from_bytes(f[1], "big", signed=True)

# ---- Kerberos crypto
def nfold(s, n):
    from math import gcd
    l = len(s); lcm = l * n // gcd(l, n)
    def rot(b, k):
        k %= len(b) * 8
        v = int.from_bytes(b, "big"); w = len(b) * 8
        return (((v >> k) | (v << (w - k))) & ((1 << w) - 1)).to_bytes(len(b), "big") if k else b
    big = b"".join(rot(s, 13 * i) for i in range(lcm // l))
    tot = sum(int.from_bytes(big[i:i + n], "big") for i in range(0, lcm, n))
    m = (1 << (8 * n)) - 1
    while tot > m: tot = (tot & m) + (tot >> (8 * n))
    return tot.to_bytes(n, "big")
def aes_ecb(k, b): e = Cipher(algorithms.AES(k), modes.ECB()).encryptor(); return e.update(b)
def aes_ecb_d(k, b): e = Cipher(algorithms.AES(k), modes.ECB()).decryptor(); return e.update(b)
def dk(base, const):
    c = nfold(const, 16); out = b""
    while len(out) < len(base):
        c = aes_ecb(base, c); out += c
    return out[:len(base)]
def cts_dec(k, c):
    if len(c) == 16: return aes_ecb_d(k, c)
    x = lambda a, b: bytes(i ^ j for i, j in zip(a, b))
    bl = [c[i:i + 16] for i in range(0, len(c), 16)]; last = len(bl[-1])
    prev, out = bytes(16), b""
    for b in bl[:-2]:
        out += x(aes_ecb_d(k, b), prev); prev = b
    d = aes_ecb_d(k, bl[-2])
    tail = x(d[:last], bl[-1])
    return out + x(aes_ecb_d(k, bl[-1] + d[last:]), prev) + tail
def kdf2(key, label, bits, h):
    return hmac.new(key, struct.pack(">I", 1) + label + b"\0" + struct.pack(">I", bits), h).digest()[:bits // 8]
def kdecrypt(et, key, usage, c):
    if et in (17, 18):
        u = struct.pack(">I", usage)
        p = cts_dec(dk(key, u + b"\xaa"), c[:-12])
        assert hmac.new(dk(key, u + b"\x55"), p, "sha1").digest()[:12] == c[-12:], "checksum"
        return p[16:]
    if et in (19, 20):
        u = struct.pack(">I", usage); h, ml = (("sha256", 16) if et == 19 else ("sha384", 24)); kb = len(key) * 8
        ke, ki = kdf2(key, u + b"\xaa", kb, h), kdf2(key, u + b"\x55", ml * 8, h)
        assert hmac.new(ki, bytes(16) + c[:-ml], h).digest()[:ml] == c[-ml:], "checksum"
        return cts_dec(ke, c[:-ml])[16:]
    if et == 23:
        k1 = hmac.new(key, struct.pack("<I", {3: 8, 9: 8, 23: 13}.get(usage, usage)), "md5").digest()
        k3 = hmac.new(k1, c[:16], "md5").digest()
        p = Cipher(ARC4(k3), None).decryptor().update(c[16:])
        assert hmac.new(k1, p, "md5").digest() == c[:16], "checksum"
        return p[8:]
    raise ValueError(f"etype {et}")

def keytab(path):
    b = open(path, "rb").read(); o = 2; out = {}
    while o < len(b):
        n, = struct.unpack(">i", b[o:o + 4]); o += 4
        if n > 0:
            e, p = b[o:o + n], 2
            cnt, = struct.unpack(">H", e[:2]); names = []
            for _ in range(cnt + 1):
                l, = struct.unpack(">H", e[p:p + 2]); names.append(e[p + 2:p + 2 + l].decode()); p += 2 + l
            p += 4 + 4; kvno = e[p]; p += 1
            et, l = struct.unpack(">HH", e[p:p + 4]); k = e[p + 4:p + 4 + l]; p += 4 + l
            if n - p >= 4: kvno = struct.unpack(">I", e[p:p + 4])[0] or kvno
            out["/".join(names[1:]) + "@" + names[0], kvno, et] = k
        o += abs(n)
    return out

def ap_req(tok, kt):
    """GSS token (or bare AP-REQ) -> facts and keys"""
    f = {}
    if tok[0] == 0x60:
        _, body, _ = tlv(tok); _, oid, o = tlv(body)
        f["gss_oid"] = oid.hex(); assert body[o:o + 2] == b"\x01\x00"; raw = body[o + 2:]
    else:
        raw = tok
    t, v, end = tlv(raw); assert t == 0x6e
    f["sha1_of_gss_token"] = base64.b64encode(hashlib.sha1(tok).digest()).decode()
    f["sha1_of_ap_req"] = base64.b64encode(hashlib.sha1(raw).digest()).decode()
    q = fields(tlv(v)[1])
    f["ap_options"] = q[2][1].hex()
    tk = fields(tlv(q[3][1])[1]) if q[3][0] == 0x61 else None
    enc = fields(tk[3][1]); sname = fields(tk[2][1])
    sn = "/".join(x[1].decode() for x in kids(sname[1][1])) + "@" + tk[1][1].decode()
    et, kv = integer(enc[0]), integer(enc[1])
    f["ticket"] = {"sname": sn, "etype": et, "kvno": kv}
    part = fields(tlv(tlv(kdecrypt(et, kt[sn, kv, et], 2, enc[2][1]))[1])[1])
    sk = fields(part[1][1]); set_, skey = integer(sk[0]), sk[1][1]
    f["session_key"] = {"etype": set_, "bytes": len(skey)}
    a = fields(q[4][1])
    au = fields(tlv(tlv(kdecrypt(integer(a[0]), skey, 11, a[2][1]))[1])[1])
    sub = None
    if 6 in au:
        s = fields(au[6][1]); sub = (integer(s[0]), s[1][1]); f["subkey"] = {"etype": sub[0], "bytes": len(sub[1])}
    ck = fields(au[3][1]) if 3 in au else None
    if ck: f["authenticator_checksum"] = {"type": hex(integer(ck[0])), "length": len(ck[1][1]), "gss_flags": hex(struct.unpack("<I", ck[1][1][20:24])[0]) if len(ck[1][1]) >= 24 else None}
    return f, (set_, skey), sub

def gss_unwrap(tok, key):
    et, k = key
    if tok[:2] == b"\x05\x04":            # RFC 4121
        flags, ec, rrc = tok[2], *struct.unpack(">HH", tok[4:8])
        d = tok[16:]; r = rrc % len(d) if d else 0; d = d[r:] + d[:r]
        usage = (22 if flags & 1 else 24)
        info = {"rfc4121": True, "flags": flags, "ec": ec, "rrc": rrc}
        if flags & 2:
            p = kdecrypt(et, k, usage, d); return p[:len(p) - 16 - ec], info
        return d[:-ec], info
    _, body, _ = tlv(tok); _, oid, o = tlv(body); h = body[o:]           # RFC 4757 (or 1964)
    assert h[:2] == b"\x02\x01", h[:2].hex()
    info = {"rfc1964_header": h[:8].hex()}
    if h[2:4] == b"\x11\x00":
        kss = bytes(x ^ 0xf0 for x in k)
        sgn = h[16:24]
        kq = hmac.new(hmac.new(k, struct.pack("<I", 0), "md5").digest(), sgn, "md5").digest()
        seq = Cipher(ARC4(kq), None).decryptor().update(h[8:16])[:4]
        kc = hmac.new(hmac.new(kss, struct.pack("<I", 0), "md5").digest(), seq, "md5").digest()
        p = Cipher(ARC4(kc), None).decryptor().update(h[24:])
        return p[8:-p[-1]], info
    raise ValueError(info)

def spnego_mech(tok):
    _, body, _ = tlv(tok); _, oid, o = tlv(body)
    init = fields(tlv(tlv(body, o)[1])[1])
    mechs = [v.hex() for _, v in kids(init[0][1])]
    return {"mechTypes": mechs, "has_mechListMIC": 3 in init, "reqFlags": 1 in init}, init[2][1]

# ---- XML security
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS, XENC = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/04/xmlenc#"
def q(ns, n): return "{%s}%s" % (ns, n)
def local(e): return ET.QName(e).localname if isinstance(e.tag, str) else ""
def b64(e): return base64.b64decode("".join(e.itertext()))
def psha1(secret, seed, length, offset=0):
    a, out = seed, b""
    while len(out) < offset + length:
        a = hmac.new(secret, a, "sha1").digest(); out += hmac.new(secret, a + seed, "sha1").digest()
    return out[offset:offset + length]
KEYLEN = {"aes128-cbc": 16, "aes192-cbc": 24, "aes256-cbc": 32, "tripledes-cbc": 24, "aes128-gcm": 16, "aes192-gcm": 24, "aes256-gcm": 32}
def xdec(alg, key, c):
    a = alg.split("#")[1]; k = key[:KEYLEN[a]]
    if a.endswith("gcm"):
        def gcm(k):
            d = Cipher(algorithms.AES(k), modes.GCM(c[:12], c[-16:])).decryptor(); return d.update(c[12:-16]) + d.finalize()
        try: return gcm(k), len(k)
        except Exception: return gcm(key), len(key)      # WSS4J does not cut the key down for GCM
    if a.startswith("aes"): iv, d = 16, Cipher(algorithms.AES(k), modes.CBC(c[:16])).decryptor()
    else: iv, d = 8, Cipher(TripleDES(k), modes.CBC(c[:8])).decryptor()
    p = d.update(c[iv:]); n = p[-1]
    if not 0 < n <= iv: raise ValueError("padding")
    return p[:-n], len(k)

def prefix_list(m):
    ins = m.find("{*}InclusiveNamespaces")
    return None if ins is None else ins.get("PrefixList").split()
def c14n(e, incl=None):     # libxml2 takes "" for #default; lxml drops the name that XML Signature has
    incl = [p if p != "#default" else "" for p in incl] if incl else None
    return ET.tostring(e, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=incl)
def str_c14n(e):            # WSS 1.1, 8.3, as WSS4J does it: a default namespace is always rendered on the token
    data = c14n(e, ["#default"]); tag, rest = data.split(b">", 1)
    if not b' xmlns="' in tag: name, rest = data.split(b" ", 1); data = name + b' xmlns="" ' + rest
    return data

class Run:
    def __init__(self, kt): self.kt, self.keys, self.note, self.facts, self.checks = kt, {}, set(), {}, []
    # keys: reference -> list of (label, bytes) candidates; the first that works is what CXF uses
    def by_id(self, doc, i):
        for e in doc.iter():
            if isinstance(e.tag, str) and i in (e.get(q(WSU, "Id")), e.get("Id"), e.get("ID")): return e
    def resolve(self, doc, str_):
        r = str_.find("{*}Reference"); ki = str_.find("{*}KeyIdentifier")
        if r is not None:
            u = r.get("URI"); self.note.add(f"STR/Reference{'(#id)' if u.startswith('#') else '(absolute)'} ValueType={r.get('ValueType')}")
            if u.startswith("#"):
                e = self.by_id(doc, u[1:])
                if e is None and u[1:] in self.keys:
                    self.note.add("STR/Reference URI is '#' + the token's own identifier, not a wsu:Id"); return self.keys[u[1:]]
                return self.token(doc, e)
            return self.keys[u]
        v = "".join(ki.itertext()).strip(); self.note.add(f"STR/KeyIdentifier ValueType={ki.get('ValueType')}")
        return self.keys[v]
    def token(self, doc, e):
        n = local(e)
        if n == "BinarySecurityToken":
            tok = b64(e)
            f, sess, sub = ap_req(tok, self.kt)
            f["ValueType"] = e.get("ValueType"); f["base64_has_whitespace"] = bool(re.search(r"\s", e.text))
            self.facts.setdefault("ticket", f)
            c = ([("authenticator subkey", sub[1])] if sub else []) + [("ticket session key", sess[1])]
            self.keys[f["sha1_of_gss_token"]] = c
            self.keys[f["sha1_of_ap_req"]] = [("(KI = SHA-1 of bare AP-REQ) " + l, k) for l, k in c]
            return c
        if n == "SecurityContextToken":
            return self.keys[e.find("{*}Identifier").text.strip()]
        if n == "DerivedKeyToken":
            base = self.resolve(doc, e.find("{*}SecurityTokenReference"))
            g = lambda x, d=None: (e.find("{*}" + x).text if e.find("{*}" + x) is not None else d)
            nonce = base64.b64decode(g("Nonce")); ln = int(g("Length", "32")); off = int(g("Offset", "0"))
            if e.find("{*}Generation") is not None: off = int(g("Generation")) * ln
            label = (g("Label") or "WS-SecureConversationWS-SecureConversation").encode()
            self.note.add(f"DerivedKeyToken {ET.QName(e).namespace} Length={ln} Offset={off} nonce={len(nonce)} Label={'absent' if g('Label') is None else g('Label')} Algorithm={e.get('Algorithm')}")
            return [(f"P_SHA1 of {l}", psha1(k, label + nonce, ln, off)) for l, k in base]
        if n == "EncryptedKey": return self.keys["EncryptedKey"]
        raise ValueError("token " + n)
    def decrypt(self, doc, ed):
        alg = ed.find("{*}EncryptionMethod").get("Algorithm")
        cand = self.resolve(doc, ed.find("{*}KeyInfo/{*}SecurityTokenReference"))
        parent = ed.getparent(); err = None
        for l, k in cand:
            try:
                p, used = xdec(alg, k, b64(ed.find("{*}CipherData/{*}CipherValue")))
                ns = " ".join(f'xmlns{":" + a if a else ""}="{b}"' for a, b in parent.nsmap.items())
                w = ET.fromstring(f"<w {ns}>".encode() + p + b"</w>" if "xmlns=" not in ns else f"<w {ns}>".encode() + p + b"</w>")
            except Exception as x:
                err = x; continue
            trunc = f", first {used} of {len(k)} bytes" if used < len(k) else f", {len(k)} bytes"
            self.checks.append(f"decrypted {local(parent)}{' element' if (ed.get('Type') or '').endswith('Element') else ' content'} {alg.split('#')[1]} with {l}{trunc}")
            i = parent.index(ed); self.opened[ed] = list(w)
            parent.remove(ed)
            if w.text: parent.text = (parent.text or "") + w.text
            for j, c in enumerate(list(w)): parent.insert(i + j, c)
            return
        raise ValueError(f"decrypt: no candidate works: {err}")
    def verify(self, doc, sig):
        si = sig.find("{*}SignedInfo"); names = []
        for r in si.findall("{*}Reference"):
            e = self.by_id(doc, r.get("URI")[1:])
            incl = None; str_transform = False
            for t in r.findall("{*}Transforms/{*}Transform"):
                incl = prefix_list(t)
                str_transform = t.get("Algorithm").endswith("#STR-Transform")
            if str_transform:
                e = self.by_id(doc, e.find("{*}Reference").get("URI")[1:]); data = str_c14n(e)
            else:
                data = c14n(e, incl)
            h = {"sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}[r.find("{*}DigestMethod").get("Algorithm").split("#")[1]]
            good = hashlib.new(h, data).digest() == b64(r.find("{*}DigestValue"))
            names.append(local(e) + ("" if good else "(DIGEST MISMATCH)"))
            if not good: self.bad = True
        data = c14n(si, prefix_list(si.find("{*}CanonicalizationMethod")))
        alg = si.find("{*}SignatureMethod").get("Algorithm").split("#")[1]
        want = b64(sig.find("{*}SignatureValue"))
        for l, k in self.resolve(doc, sig.find("{*}KeyInfo/{*}SecurityTokenReference")):
            if hmac.new(k, data, alg.split("-")[1]).digest() == want:
                self.checks.append(f"verified {alg} over {'+'.join(names)} with {l}, {len(k)} bytes"); return
        raise ValueError("signature: no candidate works")
    def message(self, path, n, kind):
        raw = open(path, "rb").read()
        if not raw.strip(): self.checks.append("empty body"); return
        doc = ET.fromstring(raw); self.bad = False; self.opened = {}
        order = []
        sec = doc.find(".//{%s}Security" % WSSE)
        if sec is not None:
            order = [local(e) for e in sec]
            for t in sec.iter(q(WSSE, "BinarySecurityToken")): self.token(doc, t)
            for e in list(sec):
                if local(e) == "ReferenceList" or local(e) == "Signature" or local(e) == "EncryptedData":
                    self.process(doc, e)
        self.checks.append("header order: " + " ".join(order))
        body = doc.find("{*}Body"); self.trust(doc, body)
        fault = body.find("{*}Fault")
        if fault is not None: self.checks.append("FAULT " + " ".join("".join(fault.itertext()).split())[:200])
    def process(self, doc, e):
        n = local(e)
        if n == "ReferenceList":
            for d in e:
                if d.get("URI")[1:] in [x.get("Id") for x in self.opened]: continue
                ed = self.by_id(doc, d.get("URI")[1:])
                if ed is not None and local(ed) == "EncryptedData": self.decrypt(doc, ed)
        elif n == "EncryptedData":            # an encrypted header element, its ReferenceList before or after it
            if e not in self.opened: self.decrypt(doc, e)
            for c in self.opened[e]:
                if local(c) == "Signature": self.verify(doc, c)
        elif n == "Signature" and e.getparent() is not None: self.verify(doc, e)
    def trust(self, doc, body):
        be = body.find(".//{*}BinaryExchange")
        if be is not None and body.find(".//{*}RequestSecurityTokenResponse") is None:
            sp, mech = spnego_mech(b64(be)); f, sess, sub = ap_req(mech, self.kt)
            f["BinaryExchange"] = {"ValueType": be.get("ValueType"), "EncodingType": be.get("EncodingType")}; f["spnego"] = sp
            self.facts["spnego"] = f
            self.gss = ([("authenticator subkey", sub)] if sub else []) + [("ticket session key", sess)]
        ce = body.find(".//{*}RequestSecurityToken/{*}Entropy/{*}BinarySecret")
        if ce is not None: self.client_entropy = b64(ce)
        r = body.find(".//{*}RequestSecurityTokenResponse")
        if r is None: return
        sct = r.find("{*}RequestedSecurityToken/{*}SecurityContextToken")
        if sct is None:
            self.checks.append("RSTR without SCT: " + " ".join(local(x) for x in r)); return
        ident = sct.find("{*}Identifier").text.strip(); ks = r.find("{*}KeySize"); ks = int(ks.text) // 8 if ks is not None else 32
        ek = r.find("{*}RequestedProofToken/{*}EncryptedKey"); key = None
        self.checks.append("RSTR: " + " ".join(local(x) for x in r) + f" KeySize={ks * 8}" + (" (RequestSecurityTokenResponseCollection)" if local(r.getparent()).endswith("Collection") else ""))
        if ek is not None:
            for l, k in self.gss:
                try:
                    s, info = gss_unwrap(b64(ek.find(".//{*}CipherValue")), k)
                    self.facts["gss_wrap"] = info; key = (f"SCT secret (GSS_Wrap under {l}, {len(s)} bytes)", s); break
                except Exception as x: self.err = x
            if key is None: raise ValueError(f"gss_unwrap {self.err!r}")
        else:
            se = r.find("{*}Entropy/{*}BinarySecret")
            key = ("SCT key P_SHA1(client entropy %d, server entropy %d, %d)" % (len(self.client_entropy), len(b64(se)), ks), psha1(self.client_entropy, b64(se), ks))
        self.keys[ident] = [key]; self.facts["sct_namespace"] = ET.QName(sct).namespace
        if sct.get(q(WSU, "Id")): self.keys["#" + sct.get(q(WSU, "Id"))] = [key]; self.keys[sct.get(q(WSU, "Id"))] = [key]
