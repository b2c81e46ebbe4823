"""A strict reader of XML: it keeps the place of every element in the octets,
and refuses what SOAP forbids.

Canonical forms are lxml's (libxml2); nothing else of lxml is used.
"""

import base64, re
from xml.parsers import expat
from lxml import etree
from names import Failure, WSU, require


class Node:
    """An element. Offsets are of the octets that were parsed."""

    def __init__(self, tag, attrs, start, inner, self_closed, index):
        self.tag, self.attrs, self.children, self.text = tag, attrs, [], ""
        self.start, self.inner, self.self_closed, self.index = start, inner, self_closed, index
        self.inner_end = self.end = None
        self.spaces = False  # white space stands between its children

    @property
    def id(self):
        return self.attrs.get(q(WSU, "Id")) or self.attrs.get("Id")

    def all(self, tag):
        return [c for c in self.children if c.tag == tag]

    def one(self, tag):
        """The only child of that name."""
        found = self.all(tag)
        require(len(found) == 1, f"{len(found)} {local(tag)} in {local(self.tag)}, not 1")
        return found[0]

    def walk(self):
        yield self
        for c in self.children:
            yield from c.walk()

    def octets(self):
        """The content as base64, which allows white space."""
        require(not self.children, f"{local(self.tag)} has child elements")
        try:
            return base64.b64decode("".join(self.text.split()), validate=True)
        except ValueError as e:
            raise Failure(f"{local(self.tag)}: {e}")


def q(namespace, name):
    return "{%s}%s" % (namespace, name)


def local(tag):
    return tag.rpartition("}")[2]


TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


def name(s):
    """A name as expat has it, "namespace local", as {namespace}local."""
    ns, _, n = s.rpartition(" ")
    return q(ns, n) if ns else n


class Builder:
    """Makes Nodes of what expat reads."""

    def __init__(self, octets):
        self.octets, self.nodes, self.open = octets, [], []
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self.start, self.stop
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = forbid("a document type declaration")
        self.parser.ProcessingInstructionHandler = forbid("a processing instruction")
        self.parser.CommentHandler = forbid("a comment")

    def start(self, tag, attrs):
        at = self.parser.CurrentByteIndex
        end = TAG.match(self.octets, at).end()
        self_closed = self.octets[end - 2 : end] == b"/>"
        node = Node(name(tag), {name(k): v for k, v in attrs.items()}, at, end, self_closed, len(self.nodes))
        if self.open:
            self.open[-1].children.append(node)
        self.nodes.append(node)
        self.open.append(node)

    def stop(self, _):
        node = self.open.pop()
        if node.self_closed:
            node.inner_end = node.end = node.inner
        else:
            node.inner_end = self.parser.CurrentByteIndex
            node.end = self.octets.index(b">", node.inner_end) + 1
        if node.children and node.text:
            require(not node.text.strip(), f"{local(node.tag)} has text beside its child elements")
            node.spaces = True

    def text(self, data):
        self.open[-1].text += data


def forbid(what):
    """A handler of expat for what must not be there."""

    def handler(*_):
        raise Failure(f"{what} in a SOAP message")

    return handler


class Document:
    """A parsed message."""

    def __init__(self, octets):
        self.octets, self.ids, self._lxml = octets, {}, None
        builder = Builder(octets)
        try:
            builder.parser.Parse(octets, True)
        except expat.ExpatError as e:
            raise Failure(f"not well-formed: {e}: {octets[:300]!r}") from e
        self.nodes = builder.nodes
        self.root = self.nodes[0]
        for node in self.nodes:
            if node.id:
                require(node.id not in self.ids, f"the Id {node.id} stands twice")
                self.ids[node.id] = node

    def element(self, node):
        """The element of lxml that node is."""
        if self._lxml is None:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(self.octets, parser)
            self._lxml = list(root.iter())
        return self._lxml[node.index]

    def c14n(self, node, prefixes=()):
        """Exclusive canonical form of node as apex, without comments."""
        return canonical(self.element(node), prefixes)

    def outer(self, node):
        return self.octets[node.start : node.end]

    def inner(self, node):
        return self.octets[node.inner : node.inner_end]

    def replaced(self, changes):
        """The octets with each node of changes, [(node, octets)], replaced."""
        out = self.octets
        for node, new in sorted(changes, key=lambda c: -c[0].start):
            out = out[: node.start] + new + out[node.end :]
        return Document(out)


def canonical(element, prefixes=()):
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes)
    )


def canonical_for_hash(octets, without=()):
    """The canonical form that WCF hashes of an element that stands alone in
    octets: no text that is only white space, and without the children whose
    names are given.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(octets, parser)
    for e in root.iter():
        if e.text and not e.text.strip():
            e.text = None
        if e.tail and not e.tail.strip():
            e.tail = None
    for child in list(root):
        if child.tag in without:
            root.remove(child)
    return canonical(root)


def standalone(document, node):
    """The octets of node with the namespace declarations that it inherits: by
    its canonical form, which has all that it uses, parsed again by whoever
    takes it.
    """
    return document.c14n(node)


def escape(s):
    return s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
