"""Reads principal names in hexadecimal, one a line, and writes what MIT's
krb5_parse_name makes of each: "refused", or the realm and the components in
hexadecimal, each behind a colon."""
import ctypes
import sys

NO_DEF_REALM = 0x10


class Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_void_p)]

    def hex(self):
        return ctypes.string_at(self.data, self.length).hex() if self.length else ""


class Principal(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("realm", Data), ("data", ctypes.POINTER(Data)),
                ("length", ctypes.c_int32), ("type", ctypes.c_int32)]


krb5 = ctypes.CDLL("libkrb5.so.3")
krb5.krb5_parse_name_flags.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
krb5.krb5_free_principal.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
context = ctypes.c_void_p()
if krb5.krb5_init_context(ctypes.byref(context)):
    sys.exit("krb5_init_context fails")
for line in sys.stdin:
    p = ctypes.POINTER(Principal)()
    if krb5.krb5_parse_name_flags(context, bytes.fromhex(line.strip()), NO_DEF_REALM, ctypes.byref(p)):
        print("refused")
        continue
    name = p.contents
    print(":".join([""] + [name.realm.hex()] + [name.data[i].hex() for i in range(name.length)]))
    krb5.krb5_free_principal(context, p)
