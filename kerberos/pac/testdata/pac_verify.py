"""Reads PACs, one a line: the number of an encryption type, a key and the PAC in
hexadecimal. Writes whether MIT's krb5_pac_parse and krb5_pac_verify accept the PAC
with that key as the service's: "yes" or "no"."""
import ctypes
import sys


class Keyblock(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("length", ctypes.c_uint),
                ("contents", ctypes.c_char_p)]


krb5 = ctypes.CDLL("libkrb5.so.3")
krb5.krb5_pac_parse.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
krb5.krb5_pac_verify.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p,
                                 ctypes.c_void_p]
krb5.krb5_pac_free.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
context = ctypes.c_void_p()
if krb5.krb5_init_context(ctypes.byref(context)):
    sys.exit("krb5_init_context fails")
for line in sys.stdin:
    etype, key, pac = line.split()
    key, pac, parsed = bytes.fromhex(key), bytes.fromhex(pac), ctypes.c_void_p()
    if krb5.krb5_pac_parse(context, pac, len(pac), ctypes.byref(parsed)):
        print("no")
        continue
    block = Keyblock(0, int(etype), len(key), key)
    print("no" if krb5.krb5_pac_verify(context, parsed, 0, None, ctypes.byref(block), None) else "yes")
    krb5.krb5_pac_free(context, parsed)
