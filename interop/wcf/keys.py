"""P_SHA1, derived keys, the Authenticator's hash, and XML Encryption's CBC,
from the descriptions and nothing else.
"""

import hashlib, hmac, os
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from names import require

LABEL = b"WS-SecureConversation" * 2


def p_sha1(secret, seed, offset, length):
    """P_SHA-1 of RFC 2246 §5: length octets from offset on."""

    def mac(data):
        return hmac.new(secret, data, hashlib.sha1).digest()

    out, a = b"", seed
    while len(out) < offset + length:
        a = mac(a)
        out += mac(a + seed)
    return out[offset : offset + length]


def derived_key(secret, nonce, offset, length):
    """The key of a DerivedKeyToken without a Label."""
    return p_sha1(secret, LABEL + nonce, offset, length)


def computed_key(requestor_entropy, issuer_entropy, bits):
    """The key that CK/PSHA1 makes of two entropies."""
    return p_sha1(requestor_entropy, issuer_entropy, 0, bits // 8)


def combined_hash(key, messages):
    """The content of CombinedHash over the canonical octets of the messages,
    and the SHA-1 that goes into it.
    """
    h = hashlib.sha1(b"".join(messages)).digest()
    return p_sha1(key, b"AUTH-HASH" + h, 0, 32), h


def encrypt(key, plaintext):
    """IV and ciphertext as XML Encryption 1.0 §5.2 has it; the padding is
    random but for its length.
    """
    pad = 16 - len(plaintext) % 16
    iv = os.urandom(16)
    e = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + e.update(plaintext + os.urandom(pad - 1) + bytes([pad])) + e.finalize()


def decrypt(key, data):
    """The plaintext of what encrypt returned."""
    require(len(data) >= 32 and len(data) % 16 == 0, f"ciphertext of {len(data)} octets")
    d = Cipher(algorithms.AES(key), modes.CBC(data[:16])).decryptor()
    plain = d.update(data[16:]) + d.finalize()
    require(1 <= plain[-1] <= 16, f"padding of {plain[-1]} octets")
    return plain[: -plain[-1]]
