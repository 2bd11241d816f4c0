"""Checks a reading against our own schemas, all violations at once.

Owns: rule ids `schema.*`, their severity, the element's names in words (from the schemas' annotations).
Never: rejects what real traffic does every day; over-long values and future dates are warnings.
Source: schemas/edxml/*.xsd; domain notes §2.3 (limits), §8 (refuse or warn).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

from lxml import etree

from hub.domain.envelopes import BusinessType, Envelope, Kind, Party
from hub.domain.findings import Finding, Severity
from hub.edxml import names, writer
from hub.edxml.bounds import Bounds
from hub.edxml.dialects import day_of
from hub.edxml.reader import EnvelopeReader, Reading

_SCHEMA_OF: Final = {Kind.DOCUMENT: "qcvn102-2016-document.xsd", Kind.STATUS: "qcvn102-2016-status.xsd"}
_COMMON: Final = "qcvn102-2016-common.xsd"
_RULE_OF: Final = {
    "SCHEMAV_CVC_MINLENGTH_VALID": "required",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "too_long",
    "SCHEMAV_CVC_PATTERN_VALID": "pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "enumeration",
    "SCHEMAV_ELEMENT_CONTENT": "required",
}
# Mandatory in the standard, but a message without them still says who writes what to whom: DocumentId can
# be made from agency, date and number (domain notes §2.4); a head signing in his own right has no Competence.
_MAY_BE_MISSING: Final = frozenset({names.DOCUMENT_ID, names.COMPETENCE})
# A wrong value here changes who gets the message or what it means.
_WRONG_IS_ERROR: Final = frozenset({names.ORGAN_ID, names.STATUS_CODE, names.BUSINESS_TYPE})
LONGEST_CODE_CHARS: Final = 64  # agency codes are stored up to this length (domain notes §2.7)
_LIMIT: Final = re.compile(r"(?:maximum|minimum) length of '(\d+)'")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\( (?:\{[^}]*\})?(?:\w+:)?(\w+)")
_DOCUMENTATION: Final = "{http://www.w3.org/2001/XMLSchema}annotation/{http://www.w3.org/2001/XMLSchema}documentation"
_ONE_AT_A_TIME: Final = Lock()
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Checked:
    """A reading and everything found in it; whoever holds it closes the reading's spools."""

    reading: Reading
    findings: tuple[Finding, ...]


def validate(reading: Reading, *, today: date | None = None) -> tuple[Finding, ...]:
    """All violations of the canonical schema; `today` is the Vietnamese day, by default the present one."""
    envelope = reading.envelope
    root = writer.build(_with_places(envelope))
    unread = _unreadable_fields(envelope)
    found = [
        finding
        for finding in _from_schema(root, _errors(root, envelope.kind))
        if finding.evidence["field"] not in unread
    ]
    return (*found, *_beyond_schema(envelope, today or day_of(datetime.now(UTC))))


def check_file(path: Path, *, bounds: Bounds | None = None) -> Checked:
    """Reads and checks one file. Raises: NotEdxml, DangerousXml, TooLarge; OSError from the disk."""
    reader = EnvelopeReader(bounds or Bounds(), new_spool=_new_spool)
    try:
        with path.open("rb") as file:
            while chunk := file.read(64 * 1024):
                reader.feed(chunk)
        reading = reader.close()
        findings = (*reading.envelope.notes, *reading.payload_findings, *validate(reading))
    except BaseException:
        reader.abandon()
        raise
    return Checked(reading, findings)


def _new_spool() -> BinaryIO:
    return tempfile.TemporaryFile()


def _with_places(envelope: Envelope) -> Envelope:
    """An empty addressee stands in where there is none, so that the schema can name what is missing."""
    if envelope.kind is Kind.DOCUMENT and not envelope.addressees:
        return replace(envelope, addressees=(Party(""),))
    return envelope


# -- the schema's answers ------------------------------------------------------------------------------------


def _errors(root: etree._Element, kind: Kind) -> list[etree._LogEntry]:
    """A schema object keeps its last errors, so threads take turns."""
    with _ONE_AT_A_TIME:
        schema = _schema(kind)
        schema.validate(root)
        return list(schema.error_log)


def _from_schema(root: etree._Element, errors: Iterable[etree._LogEntry]) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for entry in errors:
        rule = _RULE_OF.get(entry.type_name, "")
        place = _element_at(root, entry.path)
        if not rule or place is None:
            continue
        text = place.text or ""
        if not text and rule in ("pattern", "enumeration"):
            rule = "required"
        if (rule, entry.path) not in seen:
            seen.add((rule, entry.path))
            yield _finding(rule, place, text=text, message=entry.message)


def _element_at(root: etree._Element, path: str | None) -> etree._Element | None:
    found = root.getroottree().xpath(path, namespaces={"edXML": names.QCVN}) if path else []
    return found[0] if found else None


def _finding(rule: str, place: etree._Element, *, text: str, message: str) -> Finding:
    field = etree.QName(place).localname
    missing = _EXPECTED.search(message)
    if missing is not None:
        field = missing[1]
    limit = _LIMIT.search(message)
    personal = any(etree.QName(above).localname == names.STAFF_INFO for above in place.iterancestors())
    seen = "" if personal else text  # findings go into answers, bundles and reports
    evidence = {"field": field, **_words(field), "limit": limit[1] if limit else "", "seen": seen}
    if rule == "too_long":
        evidence["length"] = str(len(text))
    return Finding("schema", f"schema.{rule}", _severity(rule, field, text=text), canonical_path(place), evidence)


def _severity(rule: str, field: str, *, text: str) -> Severity:
    if rule == "required":
        return Severity.WARNING if field in _MAY_BE_MISSING else Severity.ERROR
    if field == names.ORGAN_ID and len(text) > LONGEST_CODE_CHARS:
        return Severity.ERROR
    if rule == "too_long" or field not in _WRONG_IS_ERROR:
        return Severity.WARNING
    return Severity.ERROR


def canonical_path(place: etree._Element) -> str:
    """The XPath of an element of the canonical form, e.g. `/edXML/edXML:edXMLEnvelope/…/edXML:To[2]`."""
    path = place.getroottree().getpath(place)
    if path.startswith("/*/*"):
        steps = [_step(above) for above in (*reversed([*place.iterancestors()]), place)]
        return "/" + "/".join(steps)
    return f"/{names.ROOT}" + path.removeprefix("/*")


def _step(element: etree._Element) -> str:
    """One step outside the envelope, where elements have no prefix (at most 500 attachments)."""
    tag = etree.QName(element).localname
    step = f"{element.prefix}:{tag}" if element.prefix else tag
    parent = element.getparent()
    twins = parent.findall(element.tag) if parent is not None else [element]
    return step if len(twins) == 1 else f"{step}[{twins.index(element) + 1}]"


# -- what a schema cannot say --------------------------------------------------------------------------------


def _beyond_schema(envelope: Envelope, today: date) -> Iterator[Finding]:
    if envelope.kind is Kind.STATUS:
        return
    header = f"/{names.ROOT}/edXML:{names.ENVELOPE}/edXML:{names.HEADER}"
    issuing = f"{header}/edXML:{names.MESSAGE_HEADER}/edXML:{names.PROMULGATION_INFO}"
    issued = f"{issuing}/edXML:{names.PROMULGATION_DATE}"
    business = f"{header}/edXML:{names.TRACE_LIST}/edXML:{names.BUSINESS}"
    if envelope.issued_on is not None and envelope.issued_on > today:
        yield _warning(
            "date",
            names.PROMULGATION_DATE,
            where=issued,
            seen=envelope.issued_on.isoformat(),
            limit=today.isoformat(),
        )
    if envelope.business.paper is None:
        yield _warning("required", names.PAPER, where=f"{business}/edXML:{names.PAPER}")
    if envelope.business.business_type is not BusinessType.NEW and not envelope.business.reason:
        yield _warning("required", names.BUSINESS_REASON, where=f"{business}/edXML:{names.BUSINESS_REASON}")


def _warning(rule: str, field: str, *, where: str, seen: str = "", limit: str = "") -> Finding:
    evidence = {"field": field, **_words(field), "limit": limit, "seen": seen}
    return Finding("schema", f"schema.{rule}", Severity.WARNING, where, evidence)


def _unreadable_fields(envelope: Envelope) -> frozenset[str]:
    """Fields that the reader could not read and already reported: they are not missing as well."""
    codes = ("edxml.date.unreadable", "edxml.value.unreadable")
    return frozenset(note.evidence["field"] for note in envelope.notes if note.code in codes)


# -- schema files --------------------------------------------------------------------------------------------


@cache
def _schema(kind: Kind) -> etree.XMLSchema:
    with (
        as_file(files("schemas") / "edxml" / _COMMON),
        as_file(files("schemas") / "edxml" / _SCHEMA_OF[kind]) as file,
    ):
        return etree.XMLSchema(file=str(file))


@cache
def _all_words() -> Mapping[str, Mapping[str, str]]:
    """The Vietnamese and English name of each element, from the schemas' annotations."""
    words: dict[str, dict[str, str]] = {}
    for name in (_COMMON, *_SCHEMA_OF.values()):
        root = etree.fromstring((files("schemas") / "edxml" / name).read_bytes())
        for element in root.iter("{http://www.w3.org/2001/XMLSchema}element"):
            said = {str(text.get(_XML_LANG)): text.text or "" for text in element.findall(_DOCUMENTATION)}
            words.setdefault(str(element.get("name")), said)
    return words


def _words(field: str) -> dict[str, str]:
    said = _all_words().get(field, {})
    return {"field_vi": said.get("vi", field), "field_en": said.get("en", field)}
