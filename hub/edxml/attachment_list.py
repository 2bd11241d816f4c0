"""Joins the attachments named in the tree with the files that the scanner decoded.

Owns: the Attachment values, their spools, and the findings about names, types and broken base64.
Never: writes to a path made from a name; an attachment's name is only ever data.
Source: domain notes §2.6; hostile tests A1, A2, A4 (threats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from lxml import etree

from hub.domain.envelopes import Attachment
from hub.domain.file_names import DANGERS, oddities
from hub.domain.findings import Severity
from hub.edxml import media, names
from hub.edxml.bounds import Bounds
from hub.edxml.content_ids import content_id_of, name_of
from hub.edxml.dialects import Layout
from hub.edxml.payload import Payload
from hub.edxml.tree import Log, Node
from hub.errors import NotEdxml


@dataclass(frozen=True, slots=True)
class Attached:
    """The attachments in their order, and their spools by content id."""

    attachments: tuple[Attachment, ...]
    spools: Mapping[str, BinaryIO]


def read(layout: Layout, payloads: Sequence[Payload], *, log: Log, payload_log: Log, bounds: Bounds) -> Attached:
    """Every attachment. Raises: NotEdxml when tree and scan disagree (a parser differential)."""
    places = [element for element in layout.root.element.getroottree().iter(etree.Element) if _is_payload(element)]
    if len(places) != len(payloads):
        raise NotEdxml("scan and tree disagree", reason="malformed", where="/", seen=str(len(places)))
    _note_nodes_without_payload(layout, payload_log)
    attachments: list[Attachment] = []
    spools: dict[str, BinaryIO] = {}
    for element, payload in zip(places, payloads, strict=True):
        holder = _holder(element, log, payload_log=payload_log)
        attachment = _attachment(holder, payload, log=payload_log, number=len(attachments) + 1, bounds=bounds)
        key = attachment.content_id
        if key in spools:
            payload_log.add("attachment.duplicate_id", Severity.ERROR, where=key, seen=key)
            key = f"{key}#{len(attachments) + 1}"
        attachments.append(attachment)
        spools[key] = payload.spool
    return Attached(tuple(attachments), spools)


def _is_payload(element: etree._Element) -> bool:
    parent = element.getparent()
    above = etree.QName(parent).localname if parent is not None else ""
    return names.is_payload(above, etree.QName(element).localname)


def _holder(element: etree._Element, log: Log, *, payload_log: Log) -> Node:
    """The Attachment around a base64 text; one that stands elsewhere is an error finding."""
    parent = element.getparent()
    holder = Node(parent if parent is not None else element, names.ATTACHMENT, log=log)
    inside = [etree.QName(above).localname for above in element.iterancestors()]
    if inside[:1] != [names.ATTACHMENT] or names.MESSAGE_HEADER in inside:
        payload_log.add(
            "attachment.misplaced", Severity.ERROR, where=Node(element, "", log=log).where, seen=holder.where
        )
    elif len(holder.children(names.PAYLOAD)) > 1:
        where = Node(element, "", log=log).where
        payload_log.add("duplicate_element", Severity.ERROR, where=where, field=names.PAYLOAD, count="2")
    list_element = parent.getparent() if parent is not None else None
    if list_element is not None and list_element.prefix and names.ATTACHMENT_LIST in inside:
        log.note("attachment_prefix", Node(list_element, "", log=log).where, seen=list_element.prefix)
    return holder


def _attachment(holder: Node, payload: Payload, *, log: Log, number: int, bounds: Bounds) -> Attachment:
    content_id = content_id_of(holder)
    if not content_id:
        content_id = f"attachment-{number}"
        holder.log.note("no_content_id", holder.where, seen=content_id)
    name = name_of(holder)
    seen = media.look(payload.spool, name, bounds=bounds)
    declared = holder.text(names.CONTENT_TYPE)
    _judge_payload(payload, seen, log=log, content_id=content_id)
    _judge_name(name, log, content_id=content_id)
    if payload.size_bytes and not _agree(declared, seen):
        holder.log.note("content_type", holder.where, seen=declared, found=seen.media_type)
    return Attachment(
        content_id=content_id,
        name=name,
        declared_type=declared,
        description=holder.text(names.DESCRIPTION),
        offset_bytes=payload.offset_bytes,
        length_bytes=payload.length_bytes,
        size_bytes=payload.size_bytes,
        sha256=payload.sha256,
        media_type=seen.media_type,
        zip_entry=seen.zip_entry,
    )


def _judge_payload(payload: Payload, seen: media.Look, *, log: Log, content_id: str) -> None:
    if payload.flaw:
        log.add("attachment.base64", Severity.ERROR, where=content_id, seen=payload.flaw)
    elif not payload.size_bytes:
        log.add("attachment.empty", Severity.WARNING, where=content_id, seen=content_id)
    elif seen.trouble == "bomb":
        log.add("attachment.zip_bomb", Severity.ERROR, where=content_id, seen=seen.trouble)
    elif seen.trouble:
        log.add("attachment.zip", Severity.WARNING, where=content_id, seen=seen.trouble)


def _note_nodes_without_payload(layout: Layout, log: Log) -> None:
    """An Attachment element without any base64 text under it carries nothing."""
    for element in layout.root.element.getroottree().iter(etree.Element):
        if etree.QName(element).localname != names.ATTACHMENT or any(
            _is_payload(child) for child in element.iterchildren(etree.Element)
        ):
            continue
        log.add("attachment.no_content", Severity.ERROR, where=Node(element, "", log=log).where, seen=names.ATTACHMENT)


# -- types ---------------------------------------------------------------------------------------------------

_ALIKE: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "text/xml": "application/xml",
    "application/x-zip-compressed": media.ZIP,
    "application/x-zip": media.ZIP,
    "text/rtf": "application/rtf",
    "application/msword": "application/x-ole-storage",
    "application/vnd.ms-excel": "application/x-ole-storage",
    "application/vnd.ms-powerpoint": "application/x-ole-storage",
    "application/octetstream": media.OCTETS,
}


def _agree(declared: str, seen: media.Look) -> bool:
    """True when the declared type is silent or true, as far as a receiver would notice."""
    said = declared.partition(";")[0].strip().lower()
    said = _ALIKE.get(said, said)
    if said in ("", media.OCTETS) or said == seen.media_type:
        return True
    return said.startswith("text/") and seen.media_type.startswith("text/")


# -- names ---------------------------------------------------------------------------------------------------


def _judge_name(name: str, log: Log, *, content_id: str) -> None:
    """A1: names made to escape a folder or to fool a reader are errors; odd ones are warnings."""
    odd = oddities(name)
    if DANGERS.intersection(odd):
        log.add("attachment.name", Severity.ERROR, where=content_id, seen=name, reason=odd[0])
    elif not name:
        log.add("attachment.no_name", Severity.WARNING, where=content_id, seen=content_id)
    elif odd:
        log.add("attachment.odd_name", Severity.WARNING, where=content_id, seen=name, reason=odd[0])
