"""The fields that several parts of a header share: dates, times, parties, staff, coded words.

Owns: turning one text into one value, with a finding when it cannot be read.
Never: guesses; an unreadable value becomes None or the neutral value, and is reported.
Source: domain notes §2.2, §2.3.
"""

from __future__ import annotations

from datetime import date, datetime

from hub.domain.envelopes import (
    Business,
    BusinessType,
    Paper,
    Party,
    ReceiverChange,
    Replacement,
    Staff,
    Urgency,
)
from hub.domain.findings import Severity
from hub.edxml import dialects, names
from hub.edxml.tree import Node


def date_of(node: Node | None, name: str) -> date | None:
    """The date in that child; None when absent, null or unreadable (the last one is a warning)."""
    at = _moment(node, name, date_only=True)
    return dialects.day_of(at) if at else None


def time_of(node: Node | None, name: str) -> datetime | None:
    """The time in that child, in UTC; None when absent, null or unreadable (the last one is a warning)."""
    return _moment(node, name, date_only=False)


def _moment(node: Node | None, name: str, *, date_only: bool) -> datetime | None:
    leaf = node.child(name) if node else None
    text = leaf.value() if leaf else ""
    if leaf is None or not text:
        return None
    moment = dialects.moment(text, date_only=date_only)
    if not moment.known:
        leaf.log.add("date.unreadable", Severity.WARNING, where=leaf.where, field=name, seen=text)
    elif not moment.standard:
        leaf.log.note("date", leaf.where, field=name, seen=text)
    return moment.at


def organ_id(node: Node) -> str:
    """The trimmed agency code; the literal word null counts as missing (gateways of Oct 2025)."""
    leaf = node.child(names.ORGAN_ID)
    text = leaf.value() if leaf else ""
    if leaf and text.casefold() == "null":
        leaf.log.note("null_organ", leaf.where, seen=text)
        return ""
    return text


def party(node: Node) -> Party:
    """An agency; a start tag written twice (`<From><From>`) is read through."""
    inner = node.child(node.name)
    if inner is not None:
        node.log.note("nested", inner.where, seen=node.name)
        if node.child(names.ORGAN_ID) is None:
            return party(inner)
        node.log.add("duplicate_element", Severity.ERROR, where=inner.where, field=node.name, count="2")
    return Party(
        organ_id=organ_id(node),
        organ_name=node.text(names.ORGAN_NAME),
        organization_in_charge=node.text(names.ORGANIZATION_IN_CHARGE),
        address=node.text(names.ORGAN_ADDRESS),
        email=node.text(names.EMAIL),
        telephone=node.text(names.TELEPHONE),
        fax=node.text(names.FAX),
        website=node.text(names.WEBSITE),
    )


def staff(node: Node) -> Staff | None:
    """StaffInfo, or None when it is absent or says nothing."""
    info = node.child(names.STAFF_INFO)
    if info is None:
        return None
    read = Staff(
        department=info.text(names.DEPARTMENT),
        staff=info.text(names.STAFF),
        email=info.text(names.EMAIL),
        mobile=info.text(names.MOBILE),
    )
    return None if read == Staff() else read


def urgency(other_info: Node | None) -> Urgency:
    """Priority; unknown words are a warning and count as normal."""
    leaf = other_info.child(names.PRIORITY) if other_info else None
    text = leaf.value() if leaf else ""
    if leaf is None or not text:
        return Urgency.NORMAL
    level = dialects.urgency(text)
    if level is None:
        leaf.log.add("value.unreadable", Severity.WARNING, where=leaf.where, field=names.PRIORITY, seen=text)
        return Urgency.NORMAL
    if text != str(level.value):
        leaf.log.note("word", leaf.where, field=names.PRIORITY, seen=text)
    return level


def business(node: Node) -> Business:
    """The Bussiness element: what is done with the document, and whether paper goes along."""
    changes = node.child(names.BUSINESS_INFO)
    receivers = changes.child(names.RECEIVER_LIST) if changes else None
    replaced = node.child(names.REPLACEMENT_LIST)
    return Business(
        business_type=_business_type(node),
        reason=node.text(names.BUSINESS_REASON),
        document_id=node.text(names.DOCUMENT_ID),
        paper=_paper(node),
        staff=staff(node),
        metadata_changed=_is_set(changes, names.DOCUMENT_INFO),
        receivers_changed=_is_set(changes, names.DOCUMENT_RECEIVER),
        receivers=tuple(
            ReceiverChange(organ_id(receiver), receiver.text(names.RECEIVER_TYPE))
            for receiver in (receivers.children(names.RECEIVER) if receivers else ())
        ),
        replacements=tuple(_replacement(item) for item in (replaced.children(names.REPLACEMENT) if replaced else ())),
    )


def _business_type(node: Node) -> BusinessType:
    leaf = node.child(names.BUSINESS_TYPE)
    text = leaf.value() if leaf else ""
    if leaf is None or not text:
        return BusinessType.NEW
    known = {str(kind.value): kind for kind in BusinessType}
    if text not in known:
        # A recall that is taken for a new document would do harm, so this is no warning.
        leaf.log.add("value.unknown_business", Severity.ERROR, where=leaf.where, field=names.BUSINESS_TYPE, seen=text)
    return known.get(text, BusinessType.NEW)


def _paper(node: Node) -> Paper | None:
    leaf = node.child(names.PAPER)
    text = leaf.value() if leaf else ""
    if leaf is None or not text:
        return None
    paper = dialects.paper(text)
    if paper is None:
        leaf.log.add("value.unreadable", Severity.WARNING, where=leaf.where, field=names.PAPER, seen=text)
    elif text != str(paper.value):
        leaf.log.note("word", leaf.where, field=names.PAPER, seen=text)
    return paper


def _is_set(node: Node | None, name: str) -> bool:
    return bool(node) and node.text(name).casefold() in ("1", "true")


def _replacement(node: Node) -> Replacement:
    organs = node.child(names.ORGAN_ID_LIST)
    return Replacement(
        document_id=node.text(names.DOCUMENT_ID),
        organ_ids=tuple(leaf.value() for leaf in (organs.children(names.ORGAN_ID) if organs else ())),
    )
