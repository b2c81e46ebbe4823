"""Reads documents in base64, one a line, and writes for each, as libxml2 has it:
"refused", "no form" (it has none), or the SHA-256 of the exclusive canonical form,
without comments, of every element in the order of the document, in hexadecimal
and divided by spaces."""
import base64
import hashlib
import sys

from lxml import etree

parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=False)
for line in sys.stdin:
    try:
        root = etree.fromstring(base64.b64decode(line), parser)
    except (etree.XMLSyntaxError, ValueError):
        print("refused")
        continue
    try:
        forms = [etree.tostring(e, method="c14n", exclusive=True, with_comments=False, with_tail=False)
                 for e in root.iter(etree.Element)]
    except (etree.C14NError, ValueError):
        print("no form")
        continue
    print(" ".join(hashlib.sha256(f).hexdigest() for f in forms))
