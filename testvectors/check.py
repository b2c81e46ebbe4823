#!/usr/bin/env python3
"""Checks the valid vectors without any code of wssgate: canonical forms and
digests by libxml2, HMACs by hashlib, decryptions by cryptography; krb5.py has
those of Kerberos.

    apt install python3-lxml python3-cryptography
    /usr/bin/python3 check.py [folder that has cases/ and the others in it]

It reads what is there and judges no policy: that is a receiver's work."""
import base64, glob, hashlib, hmac, json, os, re, sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from lxml import etree
sys.dont_write_bytecode = True
import krb5

WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
DS, ENC = "{http://www.w3.org/2000/09/xmldsig#}", "{http://www.w3.org/2001/04/xmlenc#}"
count = {}

def tally(what): count[what] = count.get(what, 0) + 1
def need(ok, what):
    if not ok: raise ValueError(what + " is wrong")
    tally(what)
def local(e): return etree.QName(e).localname if isinstance(e.tag, str) else ""
def text64(e): return base64.b64decode("".join(e.itertext()))
def parse(octets): return etree.fromstring(octets, etree.XMLParser(load_dtd=False, no_network=True, huge_tree=True))
def prefixes(e): return [p for l in e.iter("{*}InclusiveNamespaces") for p in l.get("PrefixList").split()]

def c14n(e, prefixes=()):
    form = etree.tostring(e, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes) or None)
    tag, default = form.split(b">")[0], e.nsmap.get(None)
    if "#default" in prefixes and default and b' xmlns="' not in tag:  # lxml does not pass it on
        form = form.replace(b" ", f' xmlns="{default}" '.encode(), 1)
    return form

def archive(path):
    pieces = re.split(rb"^-- (.+) --\n", open(path, "rb").read(), flags=re.M)
    header = dict(l.split(": ", 1) for l in pieces[0].decode().splitlines())
    sections = {n.decode(): d for n, d in zip(pieces[1::2], pieces[2::2])}
    for name in [n for n in sections if n.endswith(".base64")]:
        sections[name[:-7]] = base64.b64decode(sections.pop(name))
    return header, sections

def p_sha1(secret, seed, offset, length):
    out, a = b"", seed
    while len(out) < offset + length:
        a = hmac.digest(secret, a, "sha1")
        out += hmac.digest(secret, a + seed, "sha1")
    return out[offset:offset + length]

def unpack(body, content_type):
    """The envelope of a package of MTOM, with the octets of its parts in it."""
    boundary = re.search(r'boundary="([^"]+)"', content_type)[1].encode()
    parts = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, octets = part.strip(b"\r\n" if not parts else b"").partition(b"\r\n\r\n")
        parts[re.search(rb"Content-ID: <(.+?)>", head)[1].decode()] = octets[:-2] if parts else octets
    root = parse(parts.pop("root@example.com"))
    for i in list(root.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        i.getparent().text = base64.b64encode(parts[i.get("href")[4:]]).decode()
        i.getparent().remove(i)
    return root

class Message:
    def __init__(self, header, sections):
        self.policy, self.key = json.loads(header["policy"]), bytes.fromhex(header["key"])
        self.token_key = bytes.fromhex(header.get("token-key", header["key"]))
        self.root = (unpack(sections["message.mime"], header["content-type"]) if "message.mime" in sections
                     else parse(sections["message.xml"]))
        self.signed = []

    def by_id(self, uri):
        own = lambda e: e.get(WSU + "Id") or (e.get("Id") if e.tag.startswith((DS, ENC)) else None)
        return next((e for e in self.root.iter(etree.Element) if own(e) == uri.lstrip("#")), None)

    def key_of(self, info):
        """The key that a KeyInfo or DerivedKeyToken names, and whether it is derived."""
        str_ = info if local(info) == "SecurityTokenReference" else info.find(WSSE + "SecurityTokenReference")
        ref, uri = str_[0], str_[0].get("URI", "")
        target = self.by_id(uri) if uri.startswith("#") else None
        nonce = next((v for n, v in str_.items() if n.endswith("}Nonce")), None)
        if nonce:
            length = next((int(v) for n, v in str_.items() if n.endswith("}Length")), 32)
            return p_sha1(self.key, self.label() + base64.b64decode(nonce), 0, length), True
        if target is not None and local(target) == "DerivedKeyToken":
            get = lambda n, other: next((c.text or "" for c in target if local(c) == n), other)
            length, label = int(get("Length", 32)), get("Label", self.label().decode()).encode()
            offset = int(get("Generation", 0)) * length or int(get("Offset", 0))
            return p_sha1(self.key_of(target)[0], label + base64.b64decode(get("Nonce", "")), offset, length), True
        if target is not None and local(target) == "EncryptedKey":
            size = int(target.find(ENC + "EncryptionMethod").get("Algorithm")[-3:]) // 8
            need(aes_key_unwrap(self.token_key[:size], text64(target.find(".//" + ENC + "CipherValue"))) == self.key, "key wrap")
            return self.key, False
        hashed = ref.get("ValueType", "").endswith("EncryptedKeySHA1")
        return (self.key if hashed or "ek" not in self.ids() else self.token_key), False

    def ids(self): return [e.get("Id") for e in self.root.iter(ENC + "EncryptedKey")]
    def label(self): return b"WS-SecureConversation" * 2

    def decrypt(self, data, info):
        method = data.find(ENC + "EncryptionMethod").get("Algorithm")
        size = 24 if "tripledes" in method else int(re.search(r"aes(\d+)", method)[1]) // 8
        key, derived = self.key_of(info) if info is not None else (self.key, False)
        octets, tail = text64(data.find(".//" + ENC + "CipherValue")), data.tail
        if method.endswith("gcm"):
            plain = Cipher(algorithms.AES(key), modes.GCM(octets[:12], octets[-16:])).decryptor()
            plain = plain.update(octets[12:-16]) + plain.finalize()
        else:
            if not derived and self.policy.get("key-fit") != "whole": key = key[:size]
            cipher, block = (algorithms.TripleDES, 8) if size == 24 and "des" in method else (algorithms.AES, 16)
            plain = Cipher(cipher(key), modes.CBC(octets[:block])).decryptor().update(octets[block:])
            plain = plain[:-plain[-1]]
        tally("decryption")
        parent, at = data.getparent(), data
        if local(parent) == "EncryptedHeader": at, parent = parent, parent.getparent()
        scope = "".join(f' xmlns{":" + p if p else ""}="{u}"' for p, u in parent.nsmap.items())
        inner = parse(b"<w" + scope.encode() + b">" + plain + b"</w>")
        if len(inner) == 0: parent.text = inner.text
        elif inner[-1].tail is None: inner[-1].tail = tail
        for node in list(inner): at.addprevious(node)
        parent.remove(at)

    def verify(self, sig):
        info = sig.find(DS + "SignedInfo")
        name = lambda e: re.sub(r".*(hmac-|#)", "", e.get("Algorithm"))
        mac = hmac.digest(self.key_of(sig.find(DS + "KeyInfo"))[0], c14n(info, prefixes(info[0])), name(info[1]))
        need(hmac.compare_digest(mac, text64(sig.find(DS + "SignatureValue"))), "HMAC")
        for ref in info.findall(DS + "Reference"):
            target, listed = self.by_id(ref.get("URI")), prefixes(ref)
            if "STR-Transform" in ref.find(".//" + DS + "Transform").get("Algorithm"):
                uri = target[0].get("URI")
                token = self.by_id(uri) if uri else target[0][0]
                form = c14n(token, listed + ["#default"] * (self.policy.get("str-transform") != "wcf"))
                if self.policy.get("str-transform") != "wcf" and b' xmlns="' not in form.split(b">")[0]:
                    form = form.replace(b" ", b' xmlns="" ', 1)
            else: form = c14n(target, listed)
            digest = hashlib.new(name(ref.find(DS + "DigestMethod")), form).digest()
            need(digest == text64(ref.find(DS + "DigestValue")), "digest")

    def check(self, body, keys):
        for token in self.root.iter(WSSE + "BinarySecurityToken"):
            need(krb5.effective_key(text64(token), keys) == self.token_key, "key of a ticket")
        header, soap = self.root[0], self.root.tag[:-8]
        security = next(s for s in header.findall(WSSE + "Security") if len(s))
        listed = lambda l: [self.by_id(r.get("URI")) for r in l.iter(ENC + "DataReference")]
        for data in [d for l in security.iter(ENC + "ReferenceList") for d in listed(l)]:
            if data.getparent() is security: self.decrypt(data, data.find(DS + "KeyInfo"))
        for child in list(security):
            if child.tag in (ENC + "ReferenceList", ENC + "EncryptedKey"):
                for data in listed(child):
                    if data is not None: # else it was the Signature
                        self.decrypt(data, data.find(DS + "KeyInfo"))
            elif child.tag == DS + "Signature": self.verify(child)
        need(c14n(self.root.find(soap + "Body")) + b"\n" == body, "Body")

def context_keys(header, key):
    return bytes.fromhex(header[key]), bytes.fromhex(header.get("acceptor-key", ""))

def per_message(header, token, text):
    etype, keys = int(header["etype"]), context_keys(header, "key")
    if header["kind"] == "wrap": return krb5.unwrap(etype, keys, token) == text
    if etype == 23: return krb5.unwrap_rc4(keys[0], token, text)[1][:4] == int(header["sequence"]).to_bytes(4, "big")
    usage, key = 23 if token[2] & 1 else 25, keys[bool(token[2] & 4)]
    return krb5.checksum(etype, key, text + token[:16], usage) == token[16:]

def main(folder):
    bad = []
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.txtar"))):
        header, sections = archive(path)
        if header["expect"] not in ("ok", "unharmed") or "not-libxml2" in header["flags"]: continue
        try:
            keytab = os.path.join(os.path.dirname(path), header.get("keytab", ""))
            keys = krb5.keytab(open(keytab, "rb").read()) if "keytab" in header else {}
            if header.get("kind") == "http" and ("body.xml" not in sections or "token-location" in header.get("route", "")):
                continue  # it is answered, or has no message of its own
            if header.get("kind") == "attacks":
                message = sections["message.xml"]
                for attack in map(json.loads, sections["attacks"].splitlines()):
                    start, end = attack["at"]
                    other = message[:start] + attack.get("text", "").encode() + base64.b64decode(attack.get("octets", "")) + message[end:]
                    need(0 <= start <= end <= len(message) and (other != message or attack.keys() & {"content-type", "header"}), "attack")
            if "policy" in header: Message(header, sections).check(sections["body.xml"], keys)
            elif "canonical" in sections:
                apex = parse(sections["input.xml"]).xpath("//*[@apex]")[0]
                need(c14n(apex, json.loads(header.get("prefixes", "[]"))) == sections["canonical"], "canonical form")
                need(hashlib.sha1(sections["canonical"]).hexdigest() == header["sha1"], "digest")
            elif header["kind"] in ("ap-req", "spnego"):
                token = krb5.mech_token(sections["token"]) if header["kind"] == "spnego" else sections["token"]
                need(krb5.effective_key(token, keys).hex() == header["key"], "key of a ticket")
            elif header["kind"] in ("wrap", "mic"):
                need(per_message(header, sections["token"], sections["text"]), "per-message token")
            elif header["kind"] == "negotiation":
                proof = parse(sections[f"{sum(n.endswith('.xml') for n in sections)}.xml"])
                wrapped = text64(next(proof.iter(ENC + "CipherValue")))
                need(krb5.unwrap(int(header["etype"]), context_keys(header, "initiator-key"), wrapped).hex() == header["key"],
                     "proof key")
                h = hashlib.sha1(b"".join(sections[n] for n in sorted(sections) if n.startswith("hash-"))).digest()
                mac = p_sha1(bytes.fromhex(header["key"]), b"AUTH-HASH" + h, 0, 32)
                need(mac.hex() == header["combined-hash"], "CombinedHash")
                for n in range(1, sum(n.endswith(".xml") for n in sections)):
                    need(c14n(parse(sections[f"{n}.xml"])[1][0]) == sections[f"hash-{n}"], "hash input")
        except Exception as e: bad.append(f"{path}: {type(e).__name__} {e}")
    derived = os.path.join(folder, "derivedkeys/p_sha1.json")
    for v in json.load(open(derived)) if os.path.exists(derived) else []:
        seed = v["label"].encode() + bytes.fromhex(v["nonce"])
        need(p_sha1(bytes.fromhex(v["secret"]), seed, v["offset"], v["length"]).hex() == v["key"], "derived key")
    if not count and not bad: sys.exit(f"{folder} has no valid vectors; name the folder that has cases/, c14n/ and the others in it")
    print(", ".join(f"{n} {what}" for what, n in sorted(count.items())) + f"; {len(bad)} vectors are wrong")
    print("\n".join(bad))
    return len(bad) > 0

sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))))
