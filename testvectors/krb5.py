"""The cryptography of Kerberos for check.py: RFC 3961, 3962, 4121, 4757, 8009
by hashlib and cryptography, and as much DER and keytab as the vectors have."""
import hashlib, hmac, math, struct
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAGS = {17: ("sha1", 12), 18: ("sha1", 12), 19: ("sha256", 16), 20: ("sha384", 24)}

def xor(a, b): return bytes(x ^ y for x, y in zip(a, b))
def aes(key, block, how="decryptor"): return getattr(Cipher(algorithms.AES(key), modes.ECB()), how)().update(block)
def md5mac(key, data): return hmac.digest(key, data, "md5")
def rc4(key, data): return Cipher(algorithms.ARC4(key), None).encryptor().update(data)

def nfold(text, n):
    total = math.lcm(len(text), n)
    bits, number, all_ = len(text) * 8, int.from_bytes(text, "big"), b""
    for i in range(total // len(text)):
        turn = 13 * i % bits
        all_ += (((number >> turn) | (number << (bits - turn))) & ((1 << bits) - 1)).to_bytes(len(text), "big")
    value = sum(int.from_bytes(all_[i:i + n], "big") for i in range(0, total, n))
    while value >> (8 * n): value = (value & ((1 << 8 * n) - 1)) + (value >> (8 * n))
    return value.to_bytes(n, "big")

def derive(etype, key, usage, what):
    constant = struct.pack(">IB", usage, what)
    if etype in (17, 18):
        block, out = nfold(constant, 16), b""
        while len(out) < len(key):
            block = aes(key, block, "encryptor")
            out += block
        return out[:len(key)]
    size = len(key) if what == 0xAA else {19: 16, 20: 24}[etype]
    return hmac.digest(key, struct.pack(">I", 1) + constant + b"\0" + struct.pack(">I", size * 8), TAGS[etype][0])[:size]

def cts(key, data):
    tail = len(data) % 16 or 16
    head, before, last = data[:-16 - tail], data[-16 - tail:-tail], data[-tail:]
    x = aes(key, before)
    blocks, previous, out = [head[i:i + 16] for i in range(0, len(head), 16)], bytes(16), b""
    for b in blocks + [last + x[tail:]]:
        out, previous = out + xor(aes(key, b), previous), b
    return out + xor(x, last)

def decrypt(etype, key, data, usage):
    """The plaintext, without its confounder; an error if it was changed."""
    if etype == 23:
        k2 = md5mac(key, struct.pack("<I", {3: 8, 9: 8, 23: 13}.get(usage, usage)))
        plain = rc4(md5mac(k2, data[:16]), data[16:])
        assert md5mac(k2, plain) == data[:16]
        return plain[8:]
    name, size = TAGS[etype]
    text, tag = data[:-size], data[-size:]
    plain = cts(derive(etype, key, usage, 0xAA), text)
    covered = plain if name == "sha1" else bytes(16) + text
    assert hmac.digest(derive(etype, key, usage, 0x55), covered, name)[:size] == tag
    return plain[16:]

def checksum(etype, key, data, usage):
    name, size = TAGS[etype]
    return hmac.digest(derive(etype, key, usage, 0x99), data, name)[:size]

def unwrap(etype, keys, token):
    """The text of a Wrap token; keys are the initiator's and the acceptor's subkey."""
    if etype == 23: return unwrap_rc4(keys[0], token)[0]
    flags, ec, rrc = token[2], *struct.unpack(">HH", token[4:8])
    body = token[16:]
    rrc %= len(body)
    body = body[rrc:] + body[:rrc]
    key, usage = keys[bool(flags & 4)], 22 if flags & 1 else 24
    header = token[:4] + (token[4:6] if flags & 2 else b"\0\0") + b"\0\0" + token[8:16]
    if flags & 2:
        plain = decrypt(etype, key, body, usage)
        assert plain[-16:] == header
        return plain[:-16 - ec]
    assert checksum(etype, key, body[:-ec] + header, usage) == body[-ec:]
    return body[:-ec]

def unwrap_rc4(key, token, message=None):
    """The text of a Wrap token of RFC 4757, or of a message under a MIC."""
    token = der(token)[1][11:]  # behind the frame and the object identifier
    header, field, check, data = token[:8], token[8:16], token[16:24], token[24:]
    sequence = rc4(md5mac(md5mac(key, bytes(4)), check), field)
    if header[4:6] == b"\x10\0":
        data = rc4(md5mac(md5mac(xor(key, b"\xf0" * 16), bytes(4)), sequence[:4]), data)
    salt, covered = (15, message) if message is not None else (13, data)
    sum_ = hashlib.md5(struct.pack("<I", salt) + header + covered).digest()
    assert md5mac(md5mac(key, b"signaturekey\0"), sum_)[:8] == check
    return data[8:-1], sequence

def der(b):
    """Tag, content and rest of the first element."""
    n, at = b[1], 2
    if n & 0x80: n, at = int.from_bytes(b[2:2 + (n & 0x7F)], "big"), 2 + (n & 0x7F)
    return b[0], b[at:at + n], b[at + n:]

def fields(b):
    """The fields of a SEQUENCE by their context tags, each without its tag."""
    out, b = {}, der(b)[1]
    while b:
        tag, content, b = der(b)
        out[tag & 0x1F] = content
    return out

def number(b): return int.from_bytes(der(b)[1], "big", signed=True)
def keyblock(b): return number(fields(b)[0]), der(fields(b)[1])[1]

def keytab(b):
    """The keys of a keytab by their types."""
    keys, at = {}, 2
    while at < len(b):
        size = struct.unpack(">i", b[at:at + 4])[0]
        e, at = b[at + 4:at + 4 + size], at + 4 + abs(size)
        count, p = struct.unpack(">H", e[:2])[0], 2
        for _ in range(count + 1): p += 2 + struct.unpack(">H", e[p:p + 2])[0]
        etype, length = struct.unpack(">HH", e[p + 9:p + 13])
        keys[etype] = e[p + 13:p + 13 + length]
    return keys

def effective_key(token, keys):
    """The subkey of an AP-REQ, else its session key (RFC 4120 §3.2)."""
    if token[0] == 0x60:
        token = der(der(token)[1])[2][2:]  # behind the object identifier and 01 00
    request = fields(der(token)[1])
    ticket = fields(der(request[3])[1])
    sealed = fields(ticket[3])
    etype = number(sealed[0])
    inside = fields(der(decrypt(etype, keys[etype], der(sealed[2])[1], 2))[1])
    kind, session = keyblock(inside[1])
    auth = fields(der(decrypt(kind, session, der(fields(request[4])[2])[1], 11))[1])
    return keyblock(auth[6])[1] if 6 in auth else session

def mech_token(token):
    """The token of Kerberos in a NegTokenInit (RFC 4178 §4.2.1)."""
    init = der(der(der(token)[1])[2])[1]
    return der(fields(init)[2])[1]
