"""The identifiers that tie a manifest entry to its attachment, in every way they are written.

Owns: taking `cid:` and the SDK's trailing `>` off an identifier or a name.
Never: compares identifiers; the manifest check does.
Source: RFC 2392 (cid: URL); domain notes §2.6, row ContentId.
"""

from __future__ import annotations

from hub.edxml import names
from hub.edxml.tree import Node

_SCHEME = "cid:"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"


def bare(text: str) -> str:
    """The identifier alone.

    >>> bare("cid:cid:<209>")
    '209'
    """
    rest = text.strip()
    while rest[:4].lower() == _SCHEME:
        rest = rest[4:].strip()
    return rest.removeprefix("<").rstrip(">").strip()


def content_id_of(node: Node) -> str:
    """The bare identifier of a Reference or Attachment; SOAP-era references carry it in xlink:href."""
    leaf = node.child(names.CONTENT_ID)
    text = leaf.value() if leaf else (node.element.get(_XLINK_HREF) or "")
    if text and text != _SCHEME + bare(text):
        node.log.note("content_id", (leaf or node).where, seen=text)
    return bare(text)


def name_of(node: Node) -> str:
    """The attachment's name without the trailing `>` that the SDK also strips; else as written."""
    leaf = node.child(names.ATTACHMENT_NAME)
    text = leaf.value() if leaf else ""
    if leaf is not None and text.endswith(">"):
        node.log.note("name", leaf.where, seen=text)
    return text.rstrip(">").strip()
