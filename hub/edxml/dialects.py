"""Where each dialect keeps its parts, and how it writes dates and words.

Owns: finding header, trace, manifest and attachments in every known layering; date and word forms.
Never: reads the fields themselves; header.py does.
Source: domain notes §2.6, the table of variants seen in the wild.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from lxml import etree

from hub.domain.envelopes import Paper, Urgency
from hub.edxml import names
from hub.edxml.tree import Log, Node
from hub.errors import NotEdxml

VIETNAM: Final = timezone(timedelta(hours=7), "+07:00")  # Decision 28/2018 Art. 14(4)


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of the parts in one message; a part that is missing is None."""

    dialect: str
    root: Node
    header: Node
    message: Node
    trace: Node | None
    manifest: Node | None


def locate(root: etree._Element, log: Log) -> Layout:
    """Finds the parts. Raises: NotEdxml when this is no edXML message of any known form."""
    tag = etree.QName(root)
    namespace = tag.namespace or ""
    if namespace in names.SOAP and tag.localname == "Envelope":
        return _soap(Node(root, "Envelope", log=log), log)
    if not names.is_read(namespace):
        raise NotEdxml(f"namespace {namespace}", reason="namespace", where="/*", seen=namespace)
    node = Node(root, names.official("", tag.localname), log=log)
    if node.name not in (names.ROOT, names.ENVELOPE):
        raise NotEdxml(f"root {tag.localname}", reason="root", where="/*", seen=tag.localname)
    if node.name != tag.localname:
        log.note("spelling", node.where, seen=tag.localname, standard=node.name)
    return _layered(node, log)


def _layered(root: Node, log: Log) -> Layout:
    envelope = root if root.name == names.ENVELOPE else root.child(names.ENVELOPE)
    if envelope is None:
        envelope = root
    if root.name != names.ROOT or envelope is root:
        log.note("root", root.where, seen=root.name)
    namespace = etree.QName(envelope.element).namespace or ""
    dialect = names.DIALECT_OF_NAMESPACE.get(namespace, "qcvn102-other")
    if namespace != names.QCVN:
        log.note("namespace", envelope.where, seen=namespace)
    header = envelope.child(names.HEADER)
    if header is None:
        dialect, header = "flat", envelope
        log.note("flat", envelope.where, seen=names.MESSAGE_HEADER)
    body = envelope.child(names.BODY)
    manifest = (body or envelope).child(names.MANIFEST)
    return Layout(dialect, root, header, _message(header, log), header.child(names.TRACE_LIST), manifest)


def _soap(root: Node, log: Log) -> Layout:
    """The form of 2012/13: a SOAP envelope whose Header holds MessageHeader (domain notes §2.6)."""
    body = root.child("Body")
    inner = [node for node in (body.all() if body else ()) if node.name in (names.ROOT, names.ENVELOPE)]
    log.note("soap", root.where, seen="Envelope")
    if len(inner) == 1:
        return _layered(inner[0], log)
    header = root.child("Header")
    if header is None:
        raise NotEdxml("SOAP without Header", reason="header", where=root.where, seen="Envelope")
    manifest = body.child(names.MANIFEST) if body else None
    return Layout("soap2012", root, header, _message(header, log), header.child(names.TRACE_LIST), manifest)


def _message(header: Node, log: Log) -> Node:
    message = header.child(names.MESSAGE_HEADER)
    status = header.child(names.STATUS)
    if message is not None and status is not None:
        raise NotEdxml("MessageHeader and Status", reason="two_messages", where=status.where, seen=names.STATUS)
    if status is not None:
        log.note("status_element", status.where, seen=names.STATUS)
    found = message or status
    if found is None:
        raise NotEdxml("no MessageHeader", reason="header", where=header.where, seen=header.name)
    return found


# -- dates ---------------------------------------------------------------------------------------------------

_CLOCK: Final = r"(?:[ T](?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:\.\d{1,9})?)?)?"
_ZONE: Final = r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_YEAR_FIRST: Final = re.compile(
    rf"(?P<y>\d{{4}})(?P<sep>[/-])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_CLOCK}{_ZONE}", re.ASCII
)
_DAY_FIRST: Final = re.compile(
    rf"(?P<d>\d{{1,2}})(?P<sep>[/-])(?P<m>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}){_CLOCK}{_ZONE}", re.ASCII
)
_STANDARD_DATE: Final = re.compile(r"\d{4}/\d{2}/\d{2}", re.ASCII)
_STANDARD_TIME: Final = re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
# "1900/01/01" is the field's null (domain notes §2.6); year 1 is the null of .NET systems.
_NULL_DATES: Final = frozenset({date(1900, 1, 1), date(1, 1, 1)})


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or time as read: `at` None with `known` says null, without `known` says unreadable."""

    at: datetime | None
    known: bool
    standard: bool


def moment(text: str, *, date_only: bool) -> Moment:
    """Reads every form of the field; a time without zone is Vietnamese time; the answer is in UTC.

    >>> moment("16/01/2019", date_only=True).at.isoformat()
    '2019-01-15T17:00:00+00:00'
    """
    match = _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    if match is None:
        return Moment(None, known=False, standard=False)
    try:
        local = _local(match)
        at = local.astimezone(UTC)
        day_of(at)  # the last hours of year 9999 have no Vietnamese day
    except (ValueError, OverflowError):
        return Moment(None, known=_is_null(match), standard=False)
    if local.date() in _NULL_DATES:
        return Moment(None, known=True, standard=False)
    form = _STANDARD_DATE if date_only else _STANDARD_TIME
    return Moment(at, known=True, standard=form.fullmatch(text) is not None)


def day_of(at: datetime) -> date:
    """The Vietnamese calendar day of a moment."""
    return at.astimezone(VIETNAM).date()


def _local(match: re.Match[str]) -> datetime:
    part = match.groupdict()
    zone = VIETNAM
    if part["zone"] == "Z":
        zone = UTC
    elif part["zone"]:
        sign = -1 if part["zone"][0] == "-" else 1
        zone = timezone(sign * timedelta(hours=int(part["zone"][1:3]), minutes=int(part["zone"][-2:])))
    clock = (int(part[key] or 0) for key in ("h", "mi", "s"))
    return datetime(int(part["y"]), int(part["m"]), int(part["d"]), *clock, tzinfo=zone)


def _is_null(match: re.Match[str]) -> bool:
    """Year 1 cannot be moved to UTC, but it is a null all the same."""
    return tuple(int(match[key]) for key in ("y", "m", "d")) == (1, 1, 1)


# -- words ---------------------------------------------------------------------------------------------------

_URGENCIES: Final = {
    "thuong": Urgency.NORMAL,
    "khan": Urgency.URGENT,
    "thuong khan": Urgency.VERY_URGENT,
    "hoa toc": Urgency.EXPRESS,
    "hoa toc hen gio": Urgency.EXPRESS_TIMED,
}
_PAPERS: Final = {
    "0": Paper.PAPER_FREE,
    "1": Paper.WITH_PAPER,
    "false": Paper.PAPER_FREE,
    "true": Paper.WITH_PAPER,
}
_NOT_SECRET: Final = frozenset({"", "0", "false", "khong", "thuong", "khong mat", "binh thuong", "none", "null"})
_LEVEL: Final = r"(?:tuyệt mật|tối mật|mật)"
_MARK: Final = re.compile(rf"(?:(?<=[\s(\[/-])|^){_LEVEL}(?=$|[\s)\]/.,;:-])")
_BRACKETED_MARK: Final = re.compile(rf"[(\[]\s*{_LEVEL}\s*[)\]]")
_BARE_MARKS: Final = frozenset({"tuyet mat", "toi mat", "mat"})
# Ordinary words that end in "mật": state-secret protection is a public subject.
_ORDINARY: Final = re.compile(r"\b(?:bí|bảo|cơ|thân|an toàn, an ninh và bảo) mật\b")


def plain(text: str) -> str:
    """Lower case without Vietnamese marks, blanks squeezed, for comparing words of a fixed list.

    >>> plain("Thượng  Khẩn")
    'thuong khan'
    """
    spread = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(c for c in spread if not unicodedata.combining(c)).split())


def urgency(text: str) -> Urgency | None:
    """Priority as number or word; None when unknown."""
    if text.isascii() and text.isdigit():
        return Urgency(int(text)) if int(text[:3]) in set(Urgency) and len(text) < 3 else None
    return _URGENCIES.get(plain(text))


def paper(text: str) -> Paper | None:
    """Paper as 0/1 or false/true; None when unknown."""
    return _PAPERS.get(text.casefold())


def secrecy_field(text: str) -> str:
    """The level in OtherInfo/Secret as written, empty when it says that nothing is secret."""
    return "" if plain(text) in _NOT_SECRET else text


def secrecy_mark(text: str, *, bracketed_only: bool) -> str:
    """The marking `Mật`, `Tối mật`, `Tuyệt mật` inside a type or subject, as written; else empty.

    >>> secrecy_mark("Công văn (Tối mật)", bracketed_only=False)
    'Tối mật'
    """
    composed = unicodedata.normalize("NFC", text)
    if plain(composed) in _BARE_MARKS:
        return composed
    lowered = _ORDINARY.sub(lambda match: "·" * len(match[0]), composed.lower())
    found = (_BRACKETED_MARK if bracketed_only else _MARK).search(lowered)
    if found is None:
        return ""
    return composed[found.start() : found.end()].strip("()[] ")
