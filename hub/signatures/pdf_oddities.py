"""What a PDF holds besides what its reader sees: actions that would run, objects that wait to be swapped in.

Owns: the bounded walk over all objects and the scan of the bytes between them; runs in the PDF child only.
Never: calls anything of it harmless; these are facts for the report.
Source: ISO 32000-2 §12.6 (actions), §7.5.6 (incremental updates); “Shadow Attacks”, NDSS 2021 (threats P1, P5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from asn1crypto import tsp
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, Reference
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import check_ess_certid

_ACTIONS = {
    "/JavaScript": "JavaScript",
    "/Launch": "Launch",
    "/SubmitForm": "SubmitForm",
    "/ImportData": "ImportData",
    "/GoToR": "GoToR",
    "/GoToE": "GoToE",
    "/RichMediaExecute": "RichMedia",
    "/Rendition": "Rendition",
}
_NAMES = {"/JavaScript": "JavaScript", "/JS": "JavaScript", "/EmbeddedFiles": "EmbeddedFiles", "/XFA": "XFA"}
_MOST_OBJECTS = 10_000  # about two seconds; a bound against files made of nothing but objects (P5)
_MOST_SCANNED = 64 * 1024 * 1024
_STRUCTURE = frozenset({"/Catalog", "/Pages", "/Page"})
_FILLABLE = frozenset({"/Tx", "/Ch", "/Btn"})
_NUMBERS, _LONGEST_NUMBERS = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+$"), 32
_SLACK = 2  # writers count the line end before an object as its place


@dataclass(frozen=True, slots=True)
class Seen:
    """What a walk over everything that the trailer leads to came across; `whole` is False when it was cut short."""

    reached: frozenset[Reference]
    active: tuple[str, ...]
    fillable: bool
    whole: bool


def entry(holder: Any, key: str) -> Any:
    """What stands under the key, references resolved; None when there is nothing, or a reference to nothing."""
    return _resolved(holder.raw_get(key)) if key in holder else None


def names_certificate(named: Any, certificate: Any) -> bool:
    """True when the ESSCertID is about this certificate (RFC 5035 §5)."""
    return isinstance(named, tsp.ESSCertID | tsp.ESSCertIDv2) and check_ess_certid(certificate, named)


def last_hybrid(reader: PdfFileReader) -> int:
    """The last revision whose cross-reference table hides entries from older readers; -1 when there is none."""
    revisions = range(reader.total_revisions)
    return max((one for one in revisions if reader.xrefs.get_xref_data(one).hybrid is not None), default=-1)


def seen_in(reader: PdfFileReader) -> Seen:
    """Everything that the trailer leads to, looked at once; never deeper than a list, so no tree can exhaust it."""
    reached: set[Reference] = set()
    active: set[str] = set()
    fillable = False
    waiting: list[Any] = [reader.trailer_view]
    while waiting and len(reached) < _MOST_OBJECTS:
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            if one.reference in reached:
                continue
            reached.add(one.reference)
            one = _resolved(one)
        if isinstance(one, DictionaryObject):
            active |= _active(one)
            fillable = fillable or str(entry(one, "/FT")) in _FILLABLE
        waiting += _inside(one)
    return Seen(frozenset(reached), tuple(sorted(active)), fillable, not waiting)


def hidden(reader: PdfFileReader, stream: BinaryIO, seen: Seen) -> list[str]:
    """What lies in a signed file and no reader shows, or what may show otherwise later (P1).

    `pages`: a catalogue, page tree or page that nothing leads to; `doubles`: an object of the file written a second
    time where no cross-reference table points; `fillable`: form fields besides signatures.
    """
    words = ["pages"] if seen.whole and _lost_structure(reader, seen) else []
    words += ["doubles"] if _doubles(reader, stream) else []
    return words + (["fillable"] if seen.fillable else [])


def _resolved(one: Any) -> Any:
    try:
        return one.get_object()
    except PdfDecodeLimitError:
        raise
    except PdfReadError:  # files with references to nothing are common, and readers show them
        return None


def _active(one: DictionaryObject) -> set[str]:
    found = {word for key, word in _NAMES.items() if key in one}
    kind = entry(one, "/S")
    return found | ({_ACTIONS[kind]} if isinstance(kind, str) and kind in _ACTIONS else set())


def _inside(one: Any) -> list[Any]:
    """The direct parts of an object, references unresolved."""
    if isinstance(one, DictionaryObject):
        return [one.raw_get(key) for key in one]
    return [one.raw_get(number) for number in range(len(one))] if isinstance(one, ArrayObject) else []


def _lost_structure(reader: PdfFileReader, seen: Seen) -> bool:
    listed = {one for number in range(reader.total_revisions) for one in reader.xrefs.explicit_refs_in_revision(number)}
    lost = sorted(listed - seen.reached, key=lambda one: one.idnum)[:_MOST_OBJECTS]
    return any(_is_structure(_resolved(one)) for one in lost)


def _is_structure(one: Any) -> bool:
    return isinstance(one, DictionaryObject) and str(entry(one, "/Type")) in _STRUCTURE


def _doubles(reader: PdfFileReader, stream: BinaryIO) -> bool:
    places: set[int] = set()
    for number in range(reader.total_revisions):
        data = reader.xrefs.get_xref_data(number)
        places |= {place for _, place in data.standard_xrefs.values()}
        places |= {place for _, place in data.hybrid.xref_data.standard_xrefs.values()} if data.hybrid else set()
        places.add(reader.xrefs.get_xref_container_info(number).start_location)
    stream.seek(0)
    listed, unlisted = set(), set()
    for place, number in _written(stream.read(_MOST_SCANNED)):
        known = any(place - slack in places for slack in range(_SLACK + 1))
        (listed if known else unlisted).add(number)
    return bool(listed & unlisted)


def _written(content: bytes) -> Iterator[tuple[int, int]]:
    """Where objects begin and their numbers; what looks like one inside a stream does not count."""
    in_stream = False
    for place, word in sorted([*_found(content, b"obj"), *_found(content, b"stream")]):
        ends = content[max(0, place - 3) : place] == b"end"
        if word == b"stream":
            in_stream = not ends
        elif not in_stream and not ends:
            before = max(0, place - _LONGEST_NUMBERS)
            numbers = _NUMBERS.search(content[before:place])
            if numbers:
                yield before + numbers.start(1), int(numbers[1])


def _found(content: bytes, word: bytes) -> Iterator[tuple[int, bytes]]:
    """All places of a word; a plain search is ten times faster than one expression for all marks."""
    place = content.find(word)
    while place >= 0:
        yield place, word
        place = content.find(word, place + 1)
