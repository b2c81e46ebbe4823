"""The cases that --case names: conversations of a WCF client, and what a server
has to refuse.
"""

import re, threading
from channel import Channel, cancel, issue, renew, renew_endorsed, request, target, trust
from names import DNSE, FEB2005, SOAP12, WSA10, Failure, require
from negotiate import Context, Negotiation
from protect import Endorsement, protect
from spnego import KRB5, MS_KRB5, NEGOEX, NTLM, WINDOWS, Initiator, MitInitiator, RawNtlm
from wire import Fault, Http, Message, Recorder, check_reply
from xmltree import q

CASES = {}
SENDER = q(SOAP12, "Sender")
NO_ENTROPY = bytes(32)


def case(f):
    CASES[f.__name__.replace("_", "-")] = f
    return f


class Client:
    """What the cases share: settings of the command line, and short ways to the
    steps of a conversation.
    """

    def __init__(self, options, version, suite, recorder):
        self.options, self.version, self.suite, self.recorder = options, version, suite, recorder
        self.soap, self.wsa = options.soap, options.wsa
        self.http = self.connection()

    def connection(self, source=None, url=None, recorder=None):
        o = self.options
        return Http(url or o.url, o.cacert, recorder or self.recorder, source, self.soap, o.cookies)

    def negotiation(self, initiator=Initiator, **kw):
        return Negotiation(
            self.http,
            initiator(self.options.service, self.http.bindings(), **kw),
            self.version,
            self.soap,
            self.wsa,
            self.suite.key_size,
        )

    def negotiate(self, initiator=Initiator, **kw):
        return self.negotiation(initiator, **kw).run()

    def channel(self, context, **kw):
        return Channel(self.http, context, self.suite, self.soap, self.wsa, **kw)

    def session(self, **kw):
        return self.channel(issue(self.channel(self.negotiate(), **kw), self.version), **kw)

    def refused(self, call, namespaces, name):
        """Requires that call ends in a fault with that subcode in one of the
        namespaces.
        """
        try:
            call()
        except Fault as f:
            want = [q(ns, name) for ns in namespaces]
            require(f.subcode in want, f"{f}, not {' or '.join(want)}")
            require(self.soap != SOAP12 or f.code == SENDER, f"{f}: {f.code}")
            return f
        raise Failure(f"no fault where {name} belongs")

    def negotiation_fault(self, call, name):
        """The same for a fault of the negotiation, which WCF writes in the
        namespace of 2005 whatever the version.
        """
        f = self.refused(call, [FEB2005.trust], name)
        action = WSA10 + "/soap/fault" if self.wsa == WSA10 else self.wsa + "/fault"
        require(f.action == action and f.related, f"Action {f.action} of a fault, RelatesTo fits: {f.related}")

    def bad_context(self, call):
        self.refused(call, [self.version.sc, FEB2005.sc], "BadContextToken")

    def any_fault(self, call):
        try:
            call()
        except Fault as f:
            return f
        raise Failure("no fault")


# Conversations.


@case
def conversation(c):
    """WCF's default: negotiation, RST/SCT under its context, application
    messages, Cancel.
    """
    channel = c.session()
    for n in (21, 4, 1000):
        channel.double(n)
    cancel(channel, c.version)
    c.bad_context(lambda: channel.double(5))


@case
def two_sessions(c):
    """Two sessions from one negotiation; the end of one does not touch the
    other.
    """
    bootstrap = c.channel(c.negotiate())
    first, second = (c.channel(issue(bootstrap, c.version)) for _ in range(2))
    first.double(1)
    cancel(first, c.version)
    second.double(2)
    cancel(second, c.version)


@case
def renewed(c):
    """A new key of a session, under which messages go on; those under way with
    the old one still arrive.
    """
    old = c.session()
    new = c.channel(renew(old, c.version))
    new.double(3)
    old.double(4)
    again = c.channel(renew(new, c.version))
    again.double(5)
    cancel(again, c.version)
    for channel in (again, new, old):
        c.bad_context(lambda: channel.double(6))


@case
def renewed_as_wcf(c):
    """A new key of a session as WCF asks for it: under a newly negotiated
    context, endorsed by that of the session, and once more from there.
    """
    old = c.session()
    for n in (3, 5):
        new = c.channel(renew_endorsed(c.channel(c.negotiate()), old.context, c.version))
        new.double(n)
        old.double(n + 1)
        old = new
    cancel(old, c.version)
    c.bad_context(lambda: old.double(6))
    c.bad_context(lambda: renew_endorsed(c.channel(c.negotiate()), old.context, c.version))


@case
def cookie(c):
    """State in the token: as it is the service takes it, and not without its
    Cookie, with that of another token, or with one that was altered.
    """
    channel, other = c.session(), c.session()
    channel.double(1)
    other.double(2)
    context, whole, cut = channel.context, channel.context.xml, re.compile("<(\\w+):Cookie .*?</\\1:Cookie>")
    mine, theirs = (cut.search(xml).group(0) for xml in (whole, other.context.xml))
    at = mine.index(">") + 40
    altered = mine[:at] + ("A" if mine[at] != "A" else "B") + mine[at + 1 :]
    for wrong in ("", theirs, altered, mine.replace(">", ">QUJD", 1)):
        context.xml = whole.replace(mine, wrong)
        c.bad_context(lambda: channel.double(3))
    context.xml = whole
    channel.double(4)


@case
def renewed_over_transport(c):
    """The same where TLS protects the messages: both contexts sign the
    Timestamp.
    """
    old = c.session(over_transport=True)
    for n in (3, 5):
        bootstrap = c.channel(c.negotiate(), over_transport=True)
        new = c.channel(renew_endorsed(bootstrap, old.context, c.version), over_transport=True)
        new.double(n)
        old.double(n + 1)
        old = new
    cancel(old, c.version)
    c.bad_context(lambda: renew_endorsed(bootstrap, old.context, c.version))


@case
def negotiated(c):
    """authenticationMode=SspiNegotiated without a session: application messages
    under the negotiated context.
    """
    channel = c.channel(c.negotiate())
    for n in (21, 4, 1000):
        channel.double(n)


@case
def over_transport(c):
    """SspiNegotiatedOverTransport: the context's key endorses, TLS protects."""
    channel = c.channel(c.negotiate(), over_transport=True)
    for n in (21, 4):
        channel.double(n)


@case
def over_transport_derived(c):
    """The same with a derived key."""
    c.channel(c.negotiate(), over_transport=True, derived=True).double(21)


@case
def over_transport_stamped(c):
    """Legs of a negotiation, one and three, with a Timestamp in a Security
    header of their own, and so the answers.
    """
    for mechs in (WINDOWS, [NTLM, KRB5]):
        n = c.negotiation(mechs=mechs)
        n.stamped = True
        c.channel(n.run(), over_transport=True).double(21)


@case
def over_transport_to(c):
    """The same with a signature over To, too, which the policy asks for that
    WCF publishes.
    """
    c.channel(c.negotiate(), over_transport=True, to=True).double(21)


@case
def mit_spnego(c):
    """MIT's own SPNEGO, whose list has one mechanism."""
    c.negotiate(MitInitiator)


@case
def mit_request_mic(c):
    """MIT's own SPNEGO with NTLM first, which needs gss-ntlmssp and
    NTLM_USER_FILE.
    """
    c.negotiate(MitInitiator, ntlm_first=True)


@case
def request_mic(c):
    """NTLM first: request-mic, the AP-REQ in a second leg, a mechListMIC of
    each side, ours with each negState.
    """
    for state in (0, 1, None):
        n = c.negotiation(mechs=[NTLM, MS_KRB5, KRB5], mic_state=state)
        context = n.run()
        require(n.legs == 3, f"{n.legs} legs")
        c.channel(context).double(21)


@case
def request_mic_negoex(c):
    """A mechanism first that the server does not know, and whose token it
    cannot read.
    """
    c.negotiate(mechs=[NEGOEX, KRB5])


@case
def interleaved(c):
    """The legs of two negotiations in turn."""
    both = [c.negotiation(mechs=[NTLM, KRB5]) for _ in range(2)]
    tokens = [n.initiator.first() for n in both]
    while not isinstance(tokens[0], Context):
        tokens = [n.accept(m, n.send(m)) for n, m in [(n, n.request(t)) for n, t in zip(both, tokens)]]
    require(
        tokens[0].identifier != tokens[1].identifier and tokens[0].key != tokens[1].key,
        "two negotiations with one result",
    )


@case
def spaces(c):
    """An RST with white space between its elements, which is not part of the
    hash.
    """
    n = c.negotiation()
    n.spaces = "\n      "
    n.run()


@case
def applies_to(c):
    """AppliesTo, which the reply has to hold too."""
    n = c.negotiation()
    n.applies_to = True
    n.run()


@case
def value_type(c):
    """The ValueType of the version's own namespace, which the reply has to
    repeat.
    """
    n = c.negotiation()
    n.value_type = c.version.trust + "/spnego"
    n.run()


@case
def key_sizes(c):
    """Keys of the sizes that the suite has, and its own without any; the others
    are refused.
    """
    for size in (None, 128, 192, 256):
        n = c.negotiation()
        n.key_size = size
        if size in (None, 256) or size >= c.suite.key_size:
            n.run()
        else:
            c.negotiation_fault(n.run, "InvalidRequest")


# What a man in the middle does, which the client has to notice.


@case
def tampered(c):
    """An RST changed on the way: the server's hash is not the client's."""
    declared = f'" xmlns:{c.version.t}="'.encode()
    changes = [(b">256<", b">128<"), (b"KeySize>", b"KeySize> "), (declared, b'" Renew="no' + declared)]
    for old, new in changes:
        n = c.negotiation()
        n.tamper = lambda octets: octets.replace(old, new, 1)
        try:
            n.run()
        except Failure as e:
            require("CombinedHash" in str(e), str(e))
        except Fault:
            pass  # a server may refuse what it reads
        else:
            raise Failure(f"{new} instead of {old} was not noticed")


# What the server has to refuse in a negotiation.


@case
def ntlm(c):
    """A raw NTLM token."""
    c.negotiation_fault(lambda: c.negotiate(RawNtlm), "FailedAuthentication")


@case
def ntlm_only(c):
    """A list of mechanisms with NTLM alone."""
    c.negotiation_fault(lambda: c.negotiate(mechs=[NTLM]), "FailedAuthentication")


@case
def garbage(c):
    """Tokens that are none."""
    for token in (b"\x60\x03abc", b"\xa1\x00", bytes(1000)):
        n = c.negotiation()
        n.initiator.first = lambda: token
        c.negotiation_fault(n.run, "FailedAuthentication")


@case
def replayed(c):
    """The same RST again, and its token in another Context."""
    n = c.negotiation()
    message = n.request(n.initiator.first())
    n.accept(message, n.send(message))
    c.negotiation_fault(
        lambda: check_reply(c.http.post(message.plain(), message.action), message), "FailedAuthentication"
    )
    other = Message(message.action, c.http.url, message.body.replace(n.context, c.negotiation().context), c.soap, c.wsa)
    c.negotiation_fault(lambda: check_reply(c.http.post(other.plain(), other.action), other), "FailedAuthentication")


@case
def unknown_context(c):
    """An RSTR whose Context was never begun."""
    n = c.negotiation()
    n.legs = 1
    c.negotiation_fault(n.run, "InvalidRequest")


@case
def leg_after_the_last(c):
    """An RSTR in a Context whose negotiation is over."""
    n = c.negotiation()
    n.run()
    message = n.request(b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00")
    c.negotiation_fault(lambda: n.accept(message, n.send(message)), "InvalidRequest")


@case
def first_leg_twice(c):
    """A second RST with a live Context is refused, and the first lives on."""
    n = c.negotiation(mechs=[NTLM, KRB5])
    message = n.request(n.initiator.first())
    token = n.accept(message, n.send(message))
    other = c.negotiation()
    other.context = n.context
    c.negotiation_fault(other.run, "InvalidRequest")
    finish(n, token)


@case
def race(c):
    """First legs with one Context, all at once: one is accepted and goes on,
    the others are refused.
    """
    begun, refused = [], []

    def begin(n, message):
        try:
            begun.append((n, n.accept(message, n.send(message))))
        except Fault as f:
            refused.append(f.subcode)

    racers = []
    for _ in range(4):
        c.http = c.connection(recorder=Recorder())
        n = c.negotiation(mechs=[NTLM, KRB5])
        n.context = racers[0][0].context if racers else n.context
        racers.append((n, n.request(n.initiator.first())))
    threads = [threading.Thread(target=begin, args=racer) for racer in racers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    require(len(begun) == 1 and refused == [q(FEB2005.trust, "InvalidRequest")] * 3, f"{len(begun)} begun, {refused}")
    finish(*begun[0])


@case
def other_client(c):
    """A client at another address continues somebody else's negotiation:
    refused, and the owner goes on.
    """
    n = c.negotiation(mechs=[NTLM, KRB5])
    message = n.request(n.initiator.first())
    token = n.accept(message, n.send(message))
    stranger = c.connection(source="127.0.0.2")
    forged = Message(c.version.trust + "/RSTR/Issue", stranger.url, n.rstr(token), c.soap, c.wsa)
    c.negotiation_fault(lambda: check_reply(stranger.post(forged.plain(), forged.action), forged), "InvalidRequest")
    finish(n, token)


def finish(n, token):
    while not isinstance(token, Context):
        message = n.request(token)
        token = n.accept(message, n.send(message))


@case
def absurd(c):
    """Key sizes and token types that nobody has."""
    for attribute, value in [
        ("key_size", 7),
        ("key_size", 4096),
        ("key_size", -256),
        ("key_size", "9" * 40),
        ("key_size", "x"),
        ("token_type", "urn:other"),
        ("token_type", c.version.sc + "/dk"),
    ]:
        n = c.negotiation()
        setattr(n, attribute, value)
        c.negotiation_fault(n.run, "InvalidRequest")


# What the server has to refuse under a context.


@case
def unknown_sct(c):
    """A context that nobody issued."""
    id = "urn:uuid:00000000-0000-4000-8000-000000000000"
    t = c.version.c
    token = (
        f'<{t}:SecurityContextToken u:Id="uuid-1" xmlns:{t}="{c.version.sc}"><{t}:Identifier>{id}</{t}:Identifier>'
        f"</{t}:SecurityContextToken>"
    )
    c.bad_context(lambda: c.channel(Context(c.version, id, "uuid-1", token, NO_ENTROPY, None)).double(1))


@case
def wrong_key(c):
    """A known context and another key."""
    channel = c.channel(c.negotiate())
    right, channel.context.key = channel.context.key, NO_ENTROPY
    c.any_fault(lambda: channel.double(1))
    channel.context.key = right
    channel.double(2)


@case
def changed_body(c):
    """A Body that is not the one that was signed."""
    channel = c.channel(c.negotiate())
    message = Message("urn:a", c.http.url, "<x></x>", c.soap, c.wsa)
    octets = protect(message, channel.context, c.suite, signed=lambda body: "<y></y>")
    c.any_fault(lambda: channel.exchange(message, octets))
    channel.double(2)


@case
def message_twice(c):
    """The same protected message again."""
    channel = c.channel(c.negotiate())
    body = (
        '<di:DoubleIt xmlns:di="http://www.example.org/schema/DoubleIt"><numberToDouble>1</numberToDouble>'
        "</di:DoubleIt>"
    )
    message = Message("http://www.example.org/schema/DoubleIt/DoubleIt", c.http.url, body, c.soap, c.wsa)
    octets = protect(message, channel.context, c.suite)
    channel.exchange(message, octets)
    c.any_fault(lambda: channel.exchange(message, octets))


@case
def unprotected(c):
    """An application message without protection."""
    message = Message("urn:a", c.http.url, "<x></x>", c.soap, c.wsa)
    c.any_fault(lambda: check_reply(c.http.post(message.plain(), message.action), message))


@case
def bootstrap_context(c):
    """An application message under the context that is only for RST/SCT."""
    c.any_fault(lambda: c.channel(c.negotiate()).double(1))


@case
def cancel_of_another(c):
    """Cancel of another context than the one that protects it, which then lives
    on.
    """
    mine, other = c.session(), c.session()
    body = trust(c.version, "Cancel", ["", target(c.version, "CancelTarget", mine.context)])
    c.bad_context(lambda: other.request(c.version.trust + "/RST/SCT/Cancel", body))
    mine.double(1)


@case
def wrong_renewal(c):
    """Requests to renew under the bootstrap context that the session does not
    endorse, or not this session, or not this message; the sessions live on.
    """
    mine, other, bootstrap = c.session(), c.session(), c.channel(c.negotiate())
    action = c.version.trust + "/RST/SCT/Renew"

    def ask(about, endorsement):
        _, body = request(bootstrap, c.version, "Renew", about)
        return bootstrap.request(action, body, endorsement)

    c.bad_context(lambda: ask(mine.context, Endorsement(other.context)))
    c.bad_context(lambda: ask(mine.context, None))
    for endorsement in (
        Endorsement(mine.context, signs=False),
        Endorsement(mine.context, covered="_0"),
        Endorsement(mine.context, covered="uuid-timestamp"),
    ):
        c.any_fault(lambda: ask(mine.context, endorsement))
    right, mine.context.key = mine.context.key, NO_ENTROPY
    c.any_fault(lambda: ask(mine.context, Endorsement(mine.context)))
    mine.context.key = right
    _, body = request(bootstrap, c.version, "Cancel", mine.context)
    c.any_fault(lambda: bootstrap.request(c.version.trust + "/RST/SCT/Cancel", body, Endorsement(mine.context)))
    mine.double(1)
    other.double(2)


@case
def renewal_twice(c):
    """The same request to renew again: refused, and the key stays."""
    mine, bootstrap = c.session(), c.channel(c.negotiate())
    _, body = request(bootstrap, c.version, "Renew", mine.context)
    message, octets = bootstrap.protected(c.version.trust + "/RST/SCT/Renew", body, Endorsement(mine.context))
    bootstrap.exchange(message, octets)
    c.any_fault(lambda: bootstrap.exchange(message, octets))
    mine.double(1)


@case
def foreign_route(c):
    """A context of this route on another one, --other-url."""
    context = c.negotiate()
    c.channel(context).double(1)
    c.http = c.connection(url=c.options.other_url)
    c.bad_context(lambda: c.channel(context).double(1))


@case
def full(c):
    """First legs that nobody goes on with, until the server has no room for
    more from here: ServerTooBusy. What was begun before lives on, and a client
    at another address has room. --many is the number of legs after which it has
    to say so.
    """

    def begin(client):
        n = client.negotiation(mechs=[NTLM, KRB5])
        message = n.request(n.initiator.first())
        return n, n.accept(message, n.send(message))

    n, token = begin(c)
    try:
        for _ in range(c.options.many):
            begin(c)
    except Fault as f:
        require(f.subcode == q(DNSE, "ServerTooBusy") and f.code == q(SOAP12, "Receiver"), str(f))
    else:
        raise Failure("the server takes ever more first legs")
    finish(n, token)
    c.http = c.connection(source="127.0.0.2")
    finish(*begin(c))
