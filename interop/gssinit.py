#!/usr/bin/python3
"""Makes the first token of a GSS-API Kerberos context and prints it with the key of the context.

usage: gssinit.py SERVICE-PRINCIPAL [HOST PORT]        KRB5_CONFIG and KRB5_CLIENT_KTNAME in the environment
With HOST and PORT the token is bound to the certificate of the TLS server there (RFC 5929, tls-server-end-point), whose
signature has to be one with SHA-256.
prints {"token": base64, "key": base64, "enctype": number}

python3-gssapi on MIT Kerberos: nothing of wssgate or of gokrb5 takes part.
"""
import base64, hashlib, json, ssl, sys
import gssapi
from gssapi import raw

INQ_SSPI_SESSION_KEY = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")

name = gssapi.Name(sys.argv[1], raw.NameType.kerberos_principal)
# No mutual authentication: the profile has one token and no answer to it.
flags = gssapi.RequirementFlag.confidentiality | gssapi.RequirementFlag.integrity
bindings = None
if len(sys.argv) > 2:
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((sys.argv[2], int(sys.argv[3]))))
    bindings = raw.ChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())
context = gssapi.SecurityContext(name=name, usage="initiate", mech=gssapi.MechType.kerberos, flags=flags, channel_bindings=bindings)
token = context.step()
key, enctype = raw.inquire_sec_context_by_oid(context, INQ_SSPI_SESSION_KEY)
json.dump({"token": base64.b64encode(token).decode(), "key": base64.b64encode(key).decode(), "enctype": enctype[-1]}, sys.stdout)
