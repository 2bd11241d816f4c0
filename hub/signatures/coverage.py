"""What a verified signature covers: the header, the manifest, each attachment.

Owns: the rule by which a part counts as signed.
Never: looks at a reference whose digest was not verified.
Source: threats E17 (signature over the header only, extra unsigned attachment); QCVN 102:2016 for the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from hub.domain.signatures import Coverage
from hub.signatures.profile import Reference
from hub.signatures.trees import Element, ds, edxml, local_name


@dataclass(frozen=True, slots=True)
class Covered:
    """The map, and the names of what it leaves out."""

    coverage: Coverage
    missing: tuple[str, ...]


def nothing(content_ids: Iterable[str]) -> Coverage:
    """The coverage of a document without a valid signature."""
    return Coverage(attachments=dict.fromkeys(content_ids, False))


def of(root: Element, references: Sequence[Reference], content_ids: Iterable[str]) -> Covered:
    """The coverage by references that were verified in this tree.

    The header counts when MessageHeader and everything else in edXMLHeader but the signature lies inside
    signed elements; the manifest when all of edXMLBody does (a body without parts leaves nothing out).
    An attachment counts by its `cid:` reference or when the whole document is signed.
    """
    targets = {reference.target for reference in references if reference.target is not None}
    signed_files = {reference.content_id for reference in references if reference.target is None}
    everything = root in targets and any(reference.uri == "" for reference in references)
    header = _unsigned(root.iter(edxml("edXMLHeader")), targets)
    body = _unsigned(root.iter(edxml("edXMLBody")), targets)
    attachments = {one: everything or one in signed_files for one in content_ids}
    has_header = next(root.iter(edxml("MessageHeader")), None) is not None
    covers = Coverage(header=has_header and not header, manifest=not body, attachments=attachments)
    loose = [f"cid:{one}" for one, is_signed in attachments.items() if not is_signed]
    return Covered(covers, (*header, *body, *loose))


def _unsigned(holders: Iterator[Element], targets: set[Element]) -> list[str]:
    missing = []
    for holder in holders:
        parts = [part for part in holder.iterchildren(etree.Element) if part.tag != ds("Signature")]
        missing += [local_name(part) for part in parts if not _inside(part, targets) and not _by_parts(part, targets)]
        if _has_text(holder) and not _inside(holder, targets):
            missing.append(local_name(holder))
    return missing


def _inside(part: Element, targets: set[Element]) -> bool:
    return part in targets or any(ancestor in targets for ancestor in part.iterancestors())


def _by_parts(part: Element, targets: set[Element]) -> bool:
    """True when a part holds elements and every one of them is signed by itself."""
    children = list(part.iterchildren(etree.Element))
    return bool(children) and all(child in targets for child in children) and not _has_text(part)


def _has_text(holder: Element) -> bool:
    """True when there are words beside the parts, which a signature of the parts does not cover."""
    beside = (holder.text, *(child.tail for child in holder))
    return any(text and text.strip() for text in beside)
