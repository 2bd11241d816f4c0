"""Writes one canonical edXML dialect, the one that receivers built on the axis SDK can read.

Owns: the canonical form: literal prefix edXML inside the envelope, Bussiness always, Paper always explicit.
Never: holds a payload in memory; changes the tree after it was signed.
Source: domain notes §2.2, §2.5; the SDK parser as measured (vxp notes, last section).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from hub.domain.envelopes import Attachment, Business, Envelope, Kind, Paper, Party, ResponseFor, Staff
from hub.edxml import media, names
from hub.edxml.content_ids import bare
from hub.edxml.dialects import VIETNAM
from hub.edxml.tree import parse

_PREFIX: Final = "edXML:"
_PAYLOAD_TAG: Final = f'<{_PREFIX}{names.PAYLOAD} xmlns:edXML="{names.QCVN}"/>'
_LINE_BYTES: Final = 57  # 76 characters of base64, RFC 2045 §6.8
_BLOCK_BYTES: Final = _LINE_BYTES * 1024
# A ZIP labelled application/zip is unwrapped by the SDK; a real ZIP must not be (vxp notes, last section).
_ZIP_KEPT_WHOLE: Final = "application/x-zip-compressed"


def build(envelope: Envelope, *, envelope_id: str = "") -> etree._Element:
    """The tree of the message with empty payloads; `envelope_id` is the Id of edXMLEnvelope, for a signature.

    Raises: NotEdxml when a value holds a character that XML cannot carry.
    """
    head = _status_header(envelope) if envelope.kind is Kind.STATUS else _document_header(envelope)
    header = _node(names.HEADER, head + _trace_list(envelope))
    body = "" if envelope.kind is Kind.STATUS else _node(names.BODY, _manifest(envelope))
    identity = f" Id={quoteattr(envelope_id)}" if envelope_id else ""
    name = f"{_PREFIX}{names.ENVELOPE}"
    message = (
        f'<{names.ROOT} xmlns="{names.QCVN}">'
        f'<{name} xmlns:edXML="{names.QCVN}"{identity}>{header}{body}</{name}>'
        f"{_attachments(envelope)}</{names.ROOT}>"
    )
    return parse(message.encode("utf-8"))


def status(envelope: Envelope, *, envelope_id: str = "") -> etree._Element:
    """The tree of a status message. Raises: ValueError when the envelope is not one; NotEdxml as `build`."""
    if envelope.status is None or envelope.kind is not Kind.STATUS:
        raise ValueError("not a status envelope")
    return build(envelope, envelope_id=envelope_id)


def write(root: etree._Element, payloads: Mapping[str, BinaryIO], out: BinaryIO) -> None:
    """Writes the message with its payloads (decoded files by content id) as base64 in lines of 76.

    The bytes outside the payloads are exactly the serialisation of `root`, so a signature made on it stays
    valid. Raises: KeyError when a payload is missing.
    """
    places = list(root.iter(f"{{{names.QCVN}}}{names.PAYLOAD}"))
    identifiers = [bare(element.getparent().findtext(f"{{{names.QCVN}}}{names.CONTENT_ID}", "")) for element in places]
    files = [payloads[identifier] for identifier in identifiers]
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    pieces = text.split(_PAYLOAD_TAG.encode())
    if len(pieces) != len(files) + 1:
        raise ValueError("the tree's payload elements are not those that build() made")
    out.write(pieces[0])
    for file, rest in zip(files, pieces[1:], strict=True):
        out.write(_PAYLOAD_TAG.removesuffix("/>").encode() + b">")
        _write_base64(file, out)
        out.write(f"</{_PREFIX}{names.PAYLOAD}>".encode() + rest)


def label(attachment: Attachment) -> str:
    """The true ContentType: application/zip only when a receiver shall unwrap it."""
    if attachment.media_type == media.ZIP and not attachment.zip_entry:
        return _ZIP_KEPT_WHOLE
    return attachment.media_type


def _write_base64(file: BinaryIO, out: BinaryIO) -> None:
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        text = base64.b64encode(block)
        out.write(b"".join(text[at : at + 76] + b"\n" for at in range(0, len(text), 76)))


# -- the header ----------------------------------------------------------------------------------------------


def _document_header(envelope: Envelope) -> str:
    return _node(
        names.MESSAGE_HEADER,
        _party(names.FROM, envelope.sender)
        + "".join(_party(names.TO, party) for party in envelope.addressees)
        + _must(names.DOCUMENT_ID, envelope.document_id)
        + _node(
            names.CODE,
            _must(names.CODE_NUMBER, envelope.code_number) + _must(names.CODE_NOTATION, envelope.code_notation),
        )
        + _node(
            names.PROMULGATION_INFO,
            _may(names.PLACE, envelope.issued_at_place) + _must(names.PROMULGATION_DATE, _day(envelope.issued_on)),
        )
        + _node(
            names.DOCUMENT_TYPE,
            _must(names.TYPE, envelope.document_type)
            + _may(names.TYPE_DETAIL, envelope.document_type_detail)
            + _must(names.TYPE_NAME, envelope.document_type_name),
        )
        + _must(names.SUBJECT, envelope.subject)
        + _may(names.CONTENT, envelope.content)
        + _node(
            names.SIGNER_INFO,
            _must(names.COMPETENCE, envelope.signer.competence)
            + _must(names.POSITION, envelope.signer.position)
            + _must(names.FULL_NAME, envelope.signer.full_name),
        )
        + _may(names.DUE_DATE, _day(envelope.due_on))
        + _list(names.TO_PLACES, names.PLACE, texts=envelope.to_places)
        + _other_info(envelope)
        + "".join(_response_for(answered) for answered in envelope.response_for)
        + _may(names.STEERING_TYPE, envelope.steering_type),
    )


def _status_header(envelope: Envelope) -> str:
    report = envelope.status
    if report is None:
        raise ValueError("a status envelope without its report")
    return _node(
        names.MESSAGE_HEADER,
        _party(names.FROM, envelope.sender)
        + "".join(_party(names.TO, party) for party in envelope.addressees)
        + _response_for(report.response_for)
        + _staff(report.staff)
        + _must(names.STATUS_CODE, report.status_code)
        + _may(names.DESCRIPTION, report.description)
        + _must(names.TIMESTAMP, _time(report.at)),
    )


def _party(name: str, party: Party) -> str:
    return _node(
        name,
        _must(names.ORGAN_ID, party.organ_id)
        + _may(names.ORGANIZATION_IN_CHARGE, party.organization_in_charge)
        + _must(names.ORGAN_NAME, party.organ_name)
        + _may(names.ORGAN_ADDRESS, party.address)
        + _may(names.EMAIL, party.email)
        + _may(names.TELEPHONE, party.telephone)
        + _may(names.FAX, party.fax)
        + _may(names.WEBSITE, party.website),
    )


def _other_info(envelope: Envelope) -> str:
    return _node(
        names.OTHER_INFO,
        _must(names.PRIORITY, str(envelope.urgency.value))
        + _may(names.SPHERE, envelope.sphere_of_promulgation)
        + _may(names.TYPE_NOTATION, envelope.type_notation)
        + _may(names.PROMULGATION_AMOUNT, envelope.promulgation_amount)
        + _may(names.PAGE_AMOUNT, envelope.page_amount)
        + _may(names.DIRECTION, envelope.direction)
        + _list(names.APPENDIXES, names.APPENDIX, texts=envelope.appendixes),
    )


def _response_for(answered: ResponseFor) -> str:
    return _node(
        names.RESPONSE_FOR,
        _must(names.ORGAN_ID, answered.organ_id)
        + _may(names.CODE, answered.code)
        + _may(names.PROMULGATION_DATE, _day(answered.issued_on))
        + _may(names.DOCUMENT_ID, answered.document_id),
    )


def _staff(staff: Staff | None) -> str:
    if staff is None:
        return ""
    return _node(
        names.STAFF_INFO,
        _may(names.DEPARTMENT, staff.department)
        + _may(names.STAFF, staff.staff)
        + _may(names.EMAIL, staff.email)
        + _may(names.MOBILE, staff.mobile),
    )


# -- trace, business, attachments ----------------------------------------------------------------------------


def _trace_list(envelope: Envelope) -> str:
    hops = "".join(
        _node(names.TRACE, _may(names.ORGAN_ID, hop.organ_id) + _may(names.TIMESTAMP, _time(hop.at)))
        for hop in envelope.trace
    )
    if envelope.kind is Kind.STATUS:
        return _node(names.TRACE_LIST, hops) if hops else ""
    return _node(names.TRACE_LIST, hops + _business(envelope.business))


def _business(business: Business) -> str:
    """Missing paper is written as 0, as receivers read a message without Bussiness (domain notes §2.6)."""
    paper = Paper.PAPER_FREE if business.paper is None else business.paper
    return _node(
        names.BUSINESS,
        _must(names.BUSINESS_TYPE, str(business.business_type.value))
        + _may(names.BUSINESS_REASON, business.reason)
        + _changes(business)
        + _may(names.DOCUMENT_ID, business.document_id)
        + _staff(business.staff)
        + _must(names.PAPER, str(paper.value))
        + _replacements(business),
    )


def _changes(business: Business) -> str:
    if not (business.metadata_changed or business.receivers_changed or business.receivers):
        return ""
    receivers = "".join(
        _node(
            names.RECEIVER,
            _must(names.ORGAN_ID, change.organ_id) + _must(names.RECEIVER_TYPE, change.receiver_type),
        )
        for change in business.receivers
    )
    return _node(
        names.BUSINESS_INFO,
        _must(names.DOCUMENT_INFO, str(int(business.metadata_changed)))
        + _must(names.DOCUMENT_RECEIVER, str(int(business.receivers_changed)))
        + (_node(names.RECEIVER_LIST, receivers) if receivers else ""),
    )


def _replacements(business: Business) -> str:
    items = "".join(
        _node(
            names.REPLACEMENT,
            _must(names.DOCUMENT_ID, item.document_id)
            + _list(names.ORGAN_ID_LIST, names.ORGAN_ID, texts=item.organ_ids),
        )
        for item in business.replacements
    )
    return _node(names.REPLACEMENT_LIST, items) if items else ""


def _manifest(envelope: Envelope) -> str:
    labels = {attachment.content_id: label(attachment) for attachment in envelope.attachments}
    references = "".join(
        _node(
            names.REFERENCE,
            _must(names.CONTENT_ID, f"cid:{entry.content_id}")
            + _may(names.CONTENT_TYPE, labels.get(entry.content_id, entry.content_type))
            + _must(names.ATTACHMENT_NAME, entry.name)
            + _may(names.DESCRIPTION, entry.description),
        )
        for entry in envelope.manifest
    )
    return f'<{_PREFIX}{names.MANIFEST} version="1.0">{references}</{_PREFIX}{names.MANIFEST}>'


def _attachments(envelope: Envelope) -> str:
    """Outside the envelope and without prefix, as the SDK writes it (domain notes §2.2)."""
    if not envelope.attachments:
        return ""
    items = "".join(
        f"<{names.ATTACHMENT}>"
        + _bare_leaf(names.CONTENT_ID, f"cid:{attachment.content_id}")
        + _bare_leaf(names.ATTACHMENT_NAME, attachment.name)
        + (_bare_leaf(names.DESCRIPTION, attachment.description) if attachment.description else "")
        + _bare_leaf(names.CONTENT_TYPE, label(attachment))
        + f"{_PAYLOAD_TAG}</{names.ATTACHMENT}>"
        for attachment in envelope.attachments
    )
    return f"<{names.ATTACHMENT_LIST}>{items}</{names.ATTACHMENT_LIST}>"


# -- text ----------------------------------------------------------------------------------------------------


def _node(name: str, content: str) -> str:
    return f"<{_PREFIX}{name}>{content}</{_PREFIX}{name}>"


def _must(name: str, text: str) -> str:
    """A mandatory leaf stands there even when empty, so that the schema can name it."""
    return _node(name, _text(text))


def _may(name: str, text: str) -> str:
    return _node(name, _text(text)) if text else ""


def _bare_leaf(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _list(name: str, item: str, *, texts: Iterable[str]) -> str:
    content = "".join(_must(item, text) for text in texts)
    return _node(name, content) if content else ""


def _text(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _day(day: date | None) -> str:
    """yyyy/MM/dd: the SDK silently reads any other form as no date."""
    return f"{day.year:04d}/{day.month:02d}/{day.day:02d}" if day else ""


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    local = at.astimezone(VIETNAM)
    return f"{_day(local.date())} {local:%H:%M:%S}"
