"""Types of documents, and which one a document is.

Owns: DocumentType; reading a type's name as senders write it, else the abbreviation in the symbol.
Never: goes by the number of a type: three official lists number them differently (domain notes §2.1).
Source: Decree 30/2020/NĐ-CP Art. 7, Annex III; domain notes §1.2; the rows are in the rule pack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from hub.errors import Misconfigured

OTHER = "other"  # the id of the type that no name and no symbol tells
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")  # no longer than the store keeps
_LONGEST_NAME = 200  # twice what TypeName may hold: a name beyond it is no name, and is not kept (memory)
_MOST_LISTS = 64  # that are remembered; each rule pack has one
_REQUIRED, _OPTIONAL = frozenset({"id", "vi", "en"}), frozenset({"abbreviation", "also"})


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One type; `abbreviation` is what the symbol of its documents begins with, `also` are further names of it."""

    type_id: str
    vi: str
    en: str
    abbreviation: str = ""
    also: tuple[str, ...] = ()


def type_of(name: str, notation: str, types: tuple[DocumentType, ...]) -> str:
    """The id of the type by its name, else by the abbreviation in the symbol, else "other".

    Case, spaces and accents do not matter (hòa and hoà, composed or not), nor what follows the name of a type:
    "Quyết định (cá biệt)", "Công văn hành chính".
    """
    index = _index_of(types)
    if found := index.by_name(name[:_LONGEST_NAME]):
        return found
    abbreviation = _abbreviation(notation)
    return index.exact.get(_composed(abbreviation)) or index.folded.get(_folded(abbreviation), OTHER)


def read_document_types(rows: Sequence[Mapping[str, object]], *, where: str = "") -> tuple[DocumentType, ...]:
    """The types of a rule pack. Raises Misconfigured naming the row that is not as it must be.

    Two types may share neither an id nor a name nor an abbreviation, and "other" must be among them.
    """
    found: list[DocumentType] = []
    for number, row in enumerate(rows, 1):
        here = f"{where} [[document_types]] {number} ({row.get('id')!r})".strip()
        found.append(_type(row, here=here))
        try:
            _index(tuple(found))
        except ValueError as wrong:
            raise Misconfigured(here, str(wrong), "Give every type names of its own.") from wrong
    if OTHER not in {one.type_id for one in found}:
        raise Misconfigured(f"{where} [[document_types]]".strip(), f"no type {OTHER!r}", "Add its row.")
    return tuple(found)


def _type(row: Mapping[str, object], *, here: str) -> DocumentType:
    also = row.get("also", [])
    whole = row.keys() >= _REQUIRED and not row.keys() - _REQUIRED - _OPTIONAL and isinstance(also, list)
    texts = [value for key, value in row.items() if key != "also"] + (list(also) if isinstance(also, list) else [])
    if not whole or not all(isinstance(text, str) and text.strip() for text in texts):
        raise Misconfigured(here, "needs texts id, vi, en; may have abbreviation, also", "Correct the row.")
    type_id, vi, en, short = (str(row.get(key, "")) for key in ("id", "vi", "en", "abbreviation"))
    if not _ID.fullmatch(type_id):
        raise Misconfigured(here, f"an id is {_ID.pattern}", "Correct the row.")
    return DocumentType(type_id, vi, en, short, tuple(also))


@dataclass(frozen=True, slots=True)
class _Index:
    """How the types of one list are told; `by_name` remembers: senders write few names, again and again."""

    types: tuple[DocumentType, ...]
    by_name: Callable[[str], str | None]
    exact: Mapping[str, str]
    folded: Mapping[str, str]


_indexes: dict[int, _Index] = {}  # by the identity of the list: its hash is that of every type in it


def _index_of(types: tuple[DocumentType, ...]) -> _Index:
    known = _indexes.get(id(types))
    if known is None:
        if len(_indexes) >= _MOST_LISTS:
            _indexes.clear()
        names, exact, folded = _index(types)
        remembering = lru_cache(maxsize=4096)(partial(_by_name, names))
        known = _indexes[id(types)] = _Index(types, remembering, exact, folded)  # held, so that no other has its id
    return known


def _by_name(names: Mapping[str, str], name: str) -> str | None:
    said = _folded(name).split()
    beginnings = (" ".join(said[:count]) for count in range(len(said), 0, -1))
    return next((names[one] for one in beginnings if one in names), None)


def _index(types: tuple[DocumentType, ...]) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
    """Ids by folded name, by abbreviation as it is, and by folded abbreviation where that tells one type."""
    if len({one.type_id for one in types}) < len(types):
        raise ValueError("an id that another type has")
    told = [one for one in types if one.type_id != OTHER]
    names = _unlike((_folded(name), one.type_id) for one in told for name in (one.vi, *one.also))
    exact = _unlike((_composed(one.abbreviation), one.type_id) for one in told if one.abbreviation)
    bare = [_folded(short) for short in exact]
    folded = {_folded(short): type_id for short, type_id in exact.items() if bare.count(_folded(short)) == 1}
    return names, exact, folded


def _unlike(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, type_id in pairs:
        if found.setdefault(key, type_id) != type_id or not key:
            raise ValueError(f"{key!r} is a name or abbreviation of {found[key]!r} too")
    return found


def _abbreviation(notation: str) -> str:
    """The first part of a symbol that is no number: BC of 12/BC-UBND, BC-UBND, 12/2026/BC-UBND and 12-BC/TU."""
    parts = re.split(r"[/\-–\s]+", notation.strip())
    return next((part for part in parts if part and not any(char.isdigit() for char in part)), "")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _folded(text: str) -> str:
    """Letters without accents, in lower case, words one space apart, nothing else."""
    bare = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join(re.findall(r"[^\W_]+", "".join(char for char in bare if not unicodedata.combining(char))))
