#!/usr/bin/python3
"""Calls a service with requests and requests-gssapi, on MIT's library.

usage: client.py post URL [OPTION,...]      one POST with "hello"; prints status and body
       client.py CASE URL                   a case of mod_auth_gssapi's tests, re-made; fails if it does not hold
OPTIONs: opportunistic (send a token before the server asks for one), stream (a body of unknown length), delegate, bound
(to the server's certificate), mech=NAME (of SASL: SPNEGO, GS2-KRB5)
"""
import sys
import gssapi, requests
from requests_gssapi import HTTPSPNEGOAuth

session = requests.Session()


def auth(*options):
    kw = {}
    for o in options:
        name, _, value = o.partition("=")
        if name == "opportunistic": kw["opportunistic_auth"] = True
        elif name == "delegate": kw["delegate"] = True
        elif name == "bound": kw["channel_bindings"] = "tls-server-end-point"
        elif name == "mech": kw["mech"] = gssapi.mechs.Mechanism.from_sasl_name(value)
    return HTTPSPNEGOAuth(**kw)


def post(url, options=""):
    options = options.split(",")
    body = iter([b"hel", b"lo"]) if "stream" in options else b"hello"
    r = session.post(url, data=body, auth=auth(*options))
    print(r.status_code, r.text)


def get(url, *options, **kw):
    return session.get(url, auth=auth(*options), **kw)


def need(holds, response):
    if not holds: sys.exit("HTTP %d %s\n%s" % (response.status_code, response.headers, response.text))


def refused(response):
    """Without an invitation to try again: mod_auth_gssapi with GssapiNegotiateOnce. Its status is 401."""
    need(response.status_code in (401, 403) and "WWW-Authenticate" not in response.headers, response)


def invited(response):
    need(response.status_code == 401 and response.headers["WWW-Authenticate"] == "Negotiate", response)


def t_spnego(url):
    r = get(url, "delegate")
    need(r.status_code == 200 and len(r.cookies) == 1, r)
    r = session.get(url)
    need(r.status_code == 200 and "WWW-Authenticate" not in r.headers, r)


def t_spnego_no_auth(url):
    invited(session.get(url))


def t_spnego_rewrite(url):
    r = get(url + "/xxx")
    need(r.status_code == 200 and r.text == "GET /rewritten/xxx for alice@EXAMPLE.COM\n", r)


def t_spnego_negotiate_once(url):
    invited(session.get(url))
    refused(session.get(url, headers={"Authorization": "Negotiate badvalue"}))
    r = get(url)
    need(r.status_code == 200, r)


def to(service):
    name = gssapi.Name(service + "@EXAMPLE.COM", gssapi.NameType.kerberos_principal)
    return HTTPSPNEGOAuth(target_name=name, opportunistic_auth=True)


def t_hostname_acceptor(url):
    """Two services of the keytab, and one that is not among them."""
    for service in "HTTP/localhost", "soap/gw.example.com":
        r = session.get(url, auth=to(service))
        need(r.status_code == 200, r)
    r = session.get(url, auth=to("bob"))
    need(r.status_code in (401, 403), r)


def t_bad_acceptor_name(url):
    """The client's ticket is for HTTP/localhost, the route's service another one of the keytab."""
    r = get(url)
    need(r.status_code in (401, 403), r)


def t_localname(url):
    for mech in "SPNEGO", "GS2-KRB5":
        r = get(url, "mech=" + mech)
        need(r.status_code == 200 and r.text.endswith(" for alice@EXAMPLE.COM\n"), r)


def t_nonego(url):
    refused(session.get(url))
    r = session.get(url, auth=to("HTTP/localhost"))
    need(r.status_code == 200, r)


def t_basic_k5(url):
    """Passwords are not taken."""
    invited(session.get(url, auth=("alice", "alicepw")))


globals()[sys.argv[1]](*sys.argv[2:])
