"""Untrusted XML as trees, its canonical forms, and the few names that a signature must know.

Owns: the one parser configuration for signed documents; strict base64.
Never: expands an entity, reads a DTD, opens a file or the network.
Source: XML 1.0 §4; Canonical XML 1.0 and Exclusive C14N 1.0; QCVN 102:2016 for the names.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

from lxml import etree

from hub.signatures.algorithms import EXC_C14N

DS = "http://www.w3.org/2000/09/xmldsig#"
EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"

Element = etree._Element

_BLANKS = str.maketrans("", "", " \t\r\n")


class Unreadable(ValueError):
    """The bytes are no XML that may carry a signature; the text says why."""


def ds(name: str) -> str:
    """The tag of an XML-Signature element."""
    return f"{{{DS}}}{name}"


def edxml(name: str) -> str:
    """The tag of an element of the regulation."""
    return f"{{{EDXML}}}{name}"


def local_name(element: Element) -> str:
    """The name without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def parser(*, huge: bool = False) -> etree.XMLParser:
    """A fresh parser that resolves nothing; `huge` lifts libxml2's 10 MB bound on one text."""
    return etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=huge
    )


def parse(source: bytes | BinaryIO, *, huge: bool = False) -> Element:
    """The root of a document without DTD and entities. Raises: Unreadable."""
    stream = BytesIO(source) if isinstance(source, bytes) else source
    try:
        tree = etree.parse(stream, parser(huge=huge))
    except etree.XMLSyntaxError as fault:
        raise Unreadable(str(fault)) from fault
    root = tree.getroot()
    if tree.docinfo.internalDTD is not None or tree.docinfo.externalDTD is not None:
        raise Unreadable("DOCTYPE")
    if next(root.iter(etree.Entity), None) is not None:
        raise Unreadable("entity")
    return root


def detached(element: Element, *, huge: bool = False) -> Element:
    """A copy of the element as a document of its own, with every namespace that was in scope."""
    return parse(etree.tostring(element, with_tail=False), huge=huge)


def canonical(element: Element, algorithm: str, prefixes: Sequence[str] = ()) -> bytes:
    """The canonical form of a detached element without comments (C14N 1.0 or exclusive C14N)."""
    exclusive = algorithm == EXC_C14N
    return etree.tostring(
        element,
        method="c14n",
        exclusive=exclusive,
        with_comments=False,
        inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
    )


def identifiers(root: Element) -> Iterator[tuple[str, Element]]:
    """Every (identifier, element): attributes Id, ID, id, xml:id and any other spelling, in any namespace."""
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            if name.rpartition("}")[2].lower() == "id":
                yield value, element


def strict_base64(text: str | None) -> bytes | None:
    """The bytes of canonical base64 with XML blanks allowed; None for anything else.

    Python skips foreign characters and unused bits by default: two readers would hash different bytes.

    >>> strict_base64(" QUJD\\n"), strict_base64("QUJD!!"), strict_base64("QUJ=")
    (b'ABC', None, None)
    """
    bare = (text or "").translate(_BLANKS)
    try:
        decoded = b64decode(bare, validate=True)
    except ValueError:
        return None
    return decoded if b64encode(decoded).decode("ascii") == bare else None


def path_of(element: Element) -> str:
    """An XPath to the element, for findings."""
    return element.getroottree().getpath(element)
