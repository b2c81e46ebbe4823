#!/usr/bin/python3
"""A WS-Trust SPNEGO initiator and WS-SecureConversation client in the form of
Windows Communication Foundation.

Plays the named cases against a server and prints `ok CASE TRUST` for each; the
first that fails ends it with exit status 1. KRB5_CONFIG and KRB5_CLIENT_KTNAME
in the environment say who the client is. See README.md.
"""

import argparse, os, sys, traceback
import recorded, selftest, wire
from cases import CASES, Client
from names import SOAP11, SOAP12, SUITES, VERSIONS, WSA04, WSA10
from wire import Recorder, now, stamp, time_of


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--url")
    p.add_argument("--other-url", help="another route, for foreign-route")
    p.add_argument("--service", help="Kerberos principal of the server")
    p.add_argument("--cacert", help="PEM file of who vouches for the TLS server")
    p.add_argument("--trust", choices=VERSIONS, action="append", help="version of WS-Trust; default: both")
    p.add_argument("--suite", choices=SUITES, default="Basic256")
    p.add_argument("--soap", choices=["1.1", "1.2"], default="1.2")
    p.add_argument("--wsa", choices=["1.0", "2004"], default="1.0", help="version of WS-Addressing")
    p.add_argument("--cookies", action="store_true", help="the service keeps its state in a Cookie of its tokens")
    p.add_argument("--many", type=int, default=200, help="first legs that full begins")
    p.add_argument("--transcript", metavar="DIR", help="write each conversation to DIR/CASE-TRUST")
    p.add_argument(
        "--case", choices=CASES, action="append", metavar="CASE", help="may be repeated: " + ", ".join(CASES)
    )
    p.add_argument(
        "--check-reply", nargs=2, metavar=("RST", "REPLY"), help="check a reply to a recorded RST, two files"
    )
    p.add_argument("--keytab", help="for --check-reply: what opens the RST's ticket")
    p.add_argument("--at", type=time_of, help="for --check-reply: the time, as 2026-01-01T00:00:00.000Z")
    p.add_argument(
        "--self-test", action="store_true", help="test the client alone; with --service against a fake acceptor"
    )
    o = p.parse_args()
    o.soap, o.wsa = {"1.1": SOAP11, "1.2": SOAP12}[o.soap], {"1.0": WSA10, "2004": WSA04}[o.wsa]
    if not (o.self_test or o.check_reply and o.keytab or o.url and o.service and o.case):
        p.error("--url, --service and --case, or --check-reply and --keytab, or --self-test")
    return o


def play(o, name, version):
    recorder, begin = Recorder(o.transcript and os.path.join(o.transcript, f"{name}-{version.name}")), stamp(now())
    try:
        CASES[name](Client(o, version, SUITES[o.suite], recorder))
    finally:
        recorder.close(
            case=name,
            comment=CASES[name].__doc__,
            trust=version.name,
            captured=begin,
            suite=o.suite,
            **{"service-principal": o.service, "tls": o.url.startswith("https")},
        )


def check_reply(o):
    wire.AT = o.at
    rst, reply = (open(name, "rb").read() for name in o.check_reply)
    recorded.check(rst, reply, o.keytab)


def work(o):
    """What the options ask for: name, version of WS-Trust, and what to call."""
    if o.self_test:
        return [("self-test", "", lambda: selftest.run(o.service))]
    if o.check_reply:
        return [("check-reply", "", lambda: check_reply(o))]
    return [
        (name, trust, lambda n=name, t=trust: play(o, n, VERSIONS[t]))
        for name in o.case
        for trust in o.trust or VERSIONS
    ]


def main():
    o = options()
    for name, trust, run in work(o):
        try:
            run()
        except Exception:
            traceback.print_exc()
            print(f"FAILED {name} {trust}".strip(), flush=True)
            sys.exit(1)
        print(f"ok {name} {trust}".strip(), flush=True)


if __name__ == "__main__":
    main()
