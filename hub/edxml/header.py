"""Reads every field of a message's small tree into one Envelope.

Owns: the mapping from elements to the fields of Envelope, for documents and statuses.
Never: touches attachments' bytes; judges lengths or missing fields (validator.py does).
Source: QCVN 102:2016 as in domain notes §2.2, §2.5, §2.6.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from hub.domain.envelopes import (
    Attachment,
    Business,
    Envelope,
    Hop,
    Kind,
    ManifestEntry,
    Party,
    ResponseFor,
    Signer,
    StatusReport,
)
from hub.edxml import dialects, fields, names
from hub.edxml.content_ids import content_id_of
from hub.edxml.dialects import Layout
from hub.edxml.tree import Log, Node


def read(layout: Layout, attachments: Sequence[Attachment], *, log: Log) -> Envelope:
    """The envelope in one value; its notes are all findings of `log` so far."""
    message = layout.message
    is_status = message.name == names.STATUS or message.child(names.STATUS_CODE) is not None
    _note_order(message, log)
    signed = _has_signature(layout, log)
    parts = _status_parts(message) if is_status else _document_parts(layout, log)
    envelope = Envelope(
        kind=Kind.STATUS if is_status else Kind.DOCUMENT,
        dialect=layout.dialect,
        sender=_sender(message),
        trace=_trace(layout),
        manifest=_manifest(layout.manifest),
        attachments=tuple(attachments),
        has_signature_element=signed,
        **parts,
    )
    return _with_notes(envelope, log)


def _with_notes(envelope: Envelope, log: Log) -> Envelope:
    values = {name: getattr(envelope, name) for name in Envelope.__dataclass_fields__}
    return Envelope(**(values | {"notes": tuple(log.findings)}))


def _sender(message: Node) -> Party:
    sender = message.child(names.FROM)
    return fields.party(sender) if sender else Party("")


def _document_parts(layout: Layout, log: Log) -> dict[str, object]:
    message = layout.message
    other = message.child(names.OTHER_INFO)
    kind = message.child(names.DOCUMENT_TYPE)
    places = message.child(names.TO_PLACES)
    return {
        "addressees": tuple(fields.party(node) for node in message.children(names.TO)),
        "document_id": message.text(names.DOCUMENT_ID),
        "document_type": _text(kind, names.TYPE),
        "document_type_detail": _text(kind, names.TYPE_DETAIL),
        "document_type_name": _text(kind, names.TYPE_NAME),
        "subject": message.text(names.SUBJECT),
        "content": message.text(names.CONTENT),
        "signer": _signer(message.child(names.SIGNER_INFO)),
        "due_on": fields.date_of(message, names.DUE_DATE),
        "to_places": _texts(places, names.PLACE),
        "response_for": tuple(_response_for(node) for node in message.children(names.RESPONSE_FOR)),
        "steering_type": message.text(names.STEERING_TYPE),
        "secrecy": _secrecy(message, kind, other=other),
        "business": _business(layout, log),
        **_code(message),
        **_promulgation(message),
        **_other_info(other),
    }


def _code(message: Node) -> dict[str, object]:
    """CodeNumber and CodeNotation; some products write one text `number/notation` into Code."""
    code = message.child(names.CODE)
    if code is None:
        return {}
    if not code.all() and code.value():
        number, _, notation = code.value().partition("/")
        code.log.note("code_text", code.where, seen=code.value())
        return {"code_number": number.strip(), "code_notation": notation.strip()}
    return {"code_number": code.text(names.CODE_NUMBER), "code_notation": code.text(names.CODE_NOTATION)}


def _promulgation(message: Node) -> dict[str, object]:
    info = message.child(names.PROMULGATION_INFO)
    return {
        "issued_at_place": _text(info, names.PLACE),
        "issued_on": fields.date_of(info, names.PROMULGATION_DATE),
    }


def _other_info(other: Node | None) -> dict[str, object]:
    appendixes = other.child(names.APPENDIXES) if other else None
    return {
        "urgency": fields.urgency(other),
        "sphere_of_promulgation": _text(other, names.SPHERE),
        "type_notation": _text(other, names.TYPE_NOTATION),
        "promulgation_amount": _text(other, names.PROMULGATION_AMOUNT),
        "page_amount": _text(other, names.PAGE_AMOUNT),
        "direction": _text(other, names.DIRECTION),
        "appendixes": _texts(appendixes, names.APPENDIX),
    }


def _secrecy(message: Node, kind: Node | None, *, other: Node | None) -> str:
    """The level as written, wherever a product puts it (State Secrets Law 117/2025: never in the hub)."""
    found = [
        dialects.secrecy_field(_text(other, names.SECRECY)),
        dialects.secrecy_field(message.text(names.SECRECY)),
        dialects.secrecy_mark(_text(kind, names.TYPE_NAME), bracketed_only=False),
        dialects.secrecy_mark(_text(kind, names.TYPE_DETAIL), bracketed_only=False),
        dialects.secrecy_mark(_text(other, names.TYPE_NOTATION), bracketed_only=False),
        dialects.secrecy_mark(message.text(names.SUBJECT), bracketed_only=True),
    ]
    return next((level for level in found if level), "")


def _signer(node: Node | None) -> Signer:
    return Signer(_text(node, names.COMPETENCE), _text(node, names.POSITION), _text(node, names.FULL_NAME))


def _response_for(node: Node) -> ResponseFor:
    return ResponseFor(
        organ_id=fields.organ_id(node),
        code=node.text(names.CODE),
        issued_on=fields.date_of(node, names.PROMULGATION_DATE),
        document_id=node.text(names.DOCUMENT_ID),
    )


def _status_parts(message: Node) -> dict[str, object]:
    answered = message.child(names.RESPONSE_FOR)
    report = StatusReport(
        response_for=_response_for(answered) if answered else ResponseFor(""),
        status_code=message.text(names.STATUS_CODE),
        description=message.text(names.DESCRIPTION),
        at=fields.time_of(message, names.TIMESTAMP),
        staff=fields.staff(message),
    )
    return {
        "addressees": tuple(fields.party(node) for node in message.children(names.TO)),
        "status": report,
    }


def _business(layout: Layout, log: Log) -> Business:
    """Bussiness from the trace list, else beside it; missing means new and paper not said."""
    inside = layout.trace.child(names.BUSINESS) if layout.trace else None
    beside = layout.header.child(names.BUSINESS)
    if inside is None and beside is not None:
        log.note("business_place", beside.where, seen=layout.header.name)
    node = inside or beside
    if node is None:
        log.note("no_business", layout.header.where, standard=names.BUSINESS)
        return Business()
    return fields.business(node)


def _trace(layout: Layout) -> tuple[Hop, ...]:
    if layout.trace is None:
        return ()
    _note_order(layout.trace, layout.trace.log)
    return tuple(
        Hop(fields.organ_id(node), fields.time_of(node, names.TIMESTAMP)) for node in layout.trace.children(names.TRACE)
    )


def _manifest(manifest: Node | None) -> tuple[ManifestEntry, ...]:
    if manifest is None:
        return ()
    return tuple(
        ManifestEntry(
            content_id=content_id_of(node),
            content_type=node.text(names.CONTENT_TYPE),
            name=node.text(names.ATTACHMENT_NAME),
            description=node.text(names.DESCRIPTION),
        )
        for node in manifest.children(names.REFERENCE)
    )


def _has_signature(layout: Layout, log: Log) -> bool:
    """True for any Signature or placeholder, whatever its namespace; only signatures/ may judge it."""
    found = False
    for element in layout.root.element.getroottree().iter(etree.Element):
        tag = etree.QName(element)
        if tag.localname not in (names.SIGNATURE, names.DIGITAL_SIGNATURE):
            continue
        found = True
        if tag.localname != names.SIGNATURE or tag.namespace != names.XMLDSIG:
            where = Node(element, tag.localname, log=log).where
            log.note("signature_namespace", where, seen=f"{{{tag.namespace or ''}}}{tag.localname}")
    return found


def _note_order(node: Node, log: Log) -> None:
    rank = {name: place for place, name in enumerate(names.ORDER[_order_key(node)])}
    last, last_name = -1, ""
    for child in node.all():
        place = rank.get(child.name, last)
        if place < last:
            log.note("order", child.where, seen=child.name, after=last_name)
            return
        last, last_name = place, child.name


def _order_key(node: Node) -> str:
    return names.TRACE_LIST if node.name == names.TRACE_LIST else names.MESSAGE_HEADER


def _text(node: Node | None, name: str) -> str:
    return node.text(name) if node else ""


def _texts(node: Node | None, name: str) -> tuple[str, ...]:
    return tuple(leaf.value() for leaf in (node.children(name) if node else ()))
