"""Declarations over the API: one or many as JSON, or the template filled in; all are kept or none; the list of them.

Owns: the forms of the body and their bounds, whose figures a caller may declare and read, every fault in the answer.
Never: changes an entry; keeps a part of what was sent.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 11; RFC 7578 (multipart/form-data); threats A3, T3, T4, W1.
"""

from __future__ import annotations

import io
import re
from datetime import date
from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from hub.domain.agencies import code_key
from hub.domain.declarations import KIND_WORDS, Entry
from hub.domain.document_types import DocumentType
from hub.domain.findings import describe_error
from hub.domain.periods import vietnam_time
from hub.domain.scopes import Scope, ScopeKind
from hub.edxml.bounds import MIB
from hub.errors import BadRequest, DeclarationsRefused, Fault, NoSuchThing, TooLarge
from hub.reports import declared_table, uploaded_rows
from hub.reports.declared_table import Line
from hub.reports.uploaded_rows import CSV, XLSX
from hub.stations import new_id
from hub.store import agencies, declarations, directory
from hub.store.declarations import Listed
from hub.web import identity, language, problems
from hub.web.api import bodies, parameters, report_files, report_parameters, shown

UPLOAD_BYTES = 8 * MIB  # A3: ten thousand rows with notes of half a line have about 2 MiB
MOST_FAULTS = 5_000  # T4: of an answer; the first ones by row, all are counted
MOST_PARTS = 10  # T4: of a form; one of them is the file
_JSON, _FORM = "application/json", "multipart/form-data"
_PLACE = re.compile(r"(\d{4}-\d\d-\d\d)~(\d{1,18})", re.ASCII)
_Read = tuple[list[Line], list[Fault]]
_Types = tuple[DocumentType, ...]


def routes() -> Blueprint:
    """The path /api/v1/ledger itself and the template below it."""
    made = Blueprint("declarations", __name__, url_prefix=f"{shown.ROOT}/ledger")
    made.before_request(identity.authenticate)
    made.register_error_handler(DeclarationsRefused, refused)
    made.add_url_rule("", view_func=post, methods=["POST"])
    made.add_url_rule("", view_func=get_list, methods=["GET"])
    made.add_url_rule("/template.csv", view_func=template_csv, methods=["GET"])
    made.add_url_rule("/template.xlsx", view_func=template_xlsx, methods=["GET"])
    return made


def post() -> Response:
    """Keep what is declared, all of it or nothing; the same content again is kept once."""
    hub = identity.the_hub()
    lines, faults = _read(hub.rules_on(hub.now()).document_types)
    with hub.database.reading() as connection:
        family = report_parameters.family(connection)
        handed, unknown = declared_table.declared(
            lines,
            own=identity.caller(),
            find=agencies.Book(connection, {line.agency for line in lines}).find,
            may=lambda named: code_key(named.code) in family,
            new_id=new_id,
            at=hub.now(),
        )
    with hub.database.writing() as transaction:
        kept = declarations.add_all(transaction, handed, faults=[*faults, *unknown])
    rows = [
        {"row": row, "id": one.declaration.id, "agency": one.declaration.agency_key, "repeated": one.repeated}
        for (row, _), one in zip(handed, kept, strict=True)
    ]
    new = sum(not one.repeated for one in kept)
    return bodies.json({"new": new, "repeated": len(kept) - new, "items": rows}, status=201 if new else 200)


def refused(error: DeclarationsRefused) -> Response:
    """The problem with every fault, each by its row and field, in both languages."""
    response = problems.of_hub_error(error)
    told = msgspec.json.decode(response.data) | {"faults": [_fault(one) for one in error.faults[:MOST_FAULTS]]}
    response.set_data(msgspec.json.encode(told))
    return response


def _fault(one: Fault) -> dict[str, Any]:
    words = describe_error(one.code, one.facts)
    column = declared_table.BY_NAME.get(one.field)
    return {
        "row": one.row,
        "field": one.field,
        "column": column.title_vi if column else None,
        "code": one.code,
        "message": language.both(words.vi, words.en),
        "fix": language.both(words.fix_vi, words.fix_en),
    }


# -- what was sent -------------------------------------------------------------------------------------------------


def _read(types: _Types) -> _Read:
    """The rows of the body, whichever form it has. Raises DeclarationsRefused, BadRequest, TooLarge."""
    kind = request.mimetype
    if kind not in (_JSON, _FORM, CSV, XLSX) or request.content_encoding:
        raise UnsupportedMediaType(" | ".join((_JSON, CSV, XLSX, _FORM)))
    body = _whole_body()
    if kind == _JSON:
        return _of_json(body, types)
    if kind == _FORM:
        body, kind = _uploaded(body)
    return declared_table.lines(uploaded_rows.read(body, kind), types)


def _whole_body() -> bytes:
    limit = TooLarge("declarations", reason="declarations_bytes", limit=str(UPLOAD_BYTES))
    if (request.content_length or 0) > UPLOAD_BYTES:
        raise limit
    source, pieces, left = bodies.RequestBody(), list[bytes](), UPLOAD_BYTES + 1
    while left and (piece := source.read(min(left, bodies.CHUNK_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise limit
    return b"".join(pieces)


def _uploaded(body: bytes) -> tuple[bytes, str]:
    """The part `file` of a form, kept in memory, and what it is by its name, else by its type."""
    parser = FormDataParser(stream_factory=_in_memory, max_form_parts=MOST_PARTS, silent=False)
    expected = 'multipart/form-data; name="file"; filename="….xlsx" | "….csv"'
    try:
        _, _, files = parser.parse(io.BytesIO(body), _FORM, len(body), request.mimetype_params)
    except (ValueError, RequestEntityTooLarge) as wrong:  # no boundary, no end, too many parts
        raise BadRequest(f"form: {wrong}", field="body", expected=expected) from wrong
    found = files.getlist("file")
    if len(found) != 1:
        raise BadRequest(f"{len(found)} parts named file", field="file", expected=expected)
    return found[0].read(), _kind_of(found[0])


def _in_memory(**_told: Any) -> io.BytesIO:
    """Where a part goes: the whole body is bounded and here already."""
    return io.BytesIO()


def _kind_of(part: FileStorage) -> str:
    """By the ending of its name: systems differ about the type of a CSV. Raises UnsupportedMediaType."""
    name = (part.filename or "").lower()
    for kind, ending in ((XLSX, ".xlsx"), (CSV, ".csv")):
        if name.endswith(ending):
            return kind
    if part.mimetype in (CSV, XLSX):
        return part.mimetype
    raise UnsupportedMediaType(".csv | .xlsx")


def _of_json(body: bytes, types: _Types) -> _Read:
    """One object or a list of them; rows are counted from 1."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise BadRequest(str(wrong), field="body", expected=f"JSON ({wrong})") from wrong
    entries = said if isinstance(said, list) else [said]
    if not all(isinstance(one, dict) for one in entries):
        raise BadRequest("no objects", field="body", expected="{…} | [{…}, …]")
    if not entries:
        raise DeclarationsRefused([Fault("declaration.empty", 0, "file", {})])
    if len(entries) > declared_table.MOST_ROWS:
        most = {"most": str(declared_table.MOST_ROWS)}
        raise DeclarationsRefused([Fault("declaration.too_many_rows", declared_table.MOST_ROWS + 1, "file", most)])
    lines, faults = list[Line](), list[Fault]()
    for row, one in enumerate(entries, start=1):
        cells, odd = _cells(row, one)
        line, wrong = declared_table.line_of(row, cells, types=types, day_0=date.min)
        named = {fault.field for fault in odd}
        faults += [*odd, *(fault for fault in wrong if fault.field not in named)]
        lines += [line] if line is not None and not odd else []
    return lines, faults


def _cells(row: int, one: dict[str, Any]) -> tuple[dict[str, str], list[Fault]]:
    """The fields of one object as texts; null is a field that is left out."""
    cells, faults = dict[str, str](), list[Fault]()
    for name, value in one.items():
        if name not in declared_table.BY_NAME:
            faults.append(Fault("declaration.unknown_field", row, name[:100], {"seen": name[:100]}))
        elif name == "count" and isinstance(value, int | float) and not isinstance(value, bool):
            cells[name] = str(value).removesuffix(".0")
        elif name != "count" and isinstance(value, str):
            cells[name] = value
        elif value is not None:
            faults.append(_mistyped(row, name, value))
    return cells, faults


def _mistyped(row: int, name: str, value: Any) -> Fault:
    vi, en = ("một số nguyên", "a whole number") if name == "count" else ("một chuỗi ký tự", "a string")
    seen = msgspec.json.encode(value).decode()[:100]
    facts = {"field_vi": declared_table.BY_NAME[name].title_vi, "field_en": name, "seen": seen}
    return Fault("declaration.malformed", row, name, facts | {"expected_vi": vi, "expected_en": en})


# -- the template --------------------------------------------------------------------------------------------------


def template_csv() -> Response:
    """The titles, and a row that explains each."""
    return report_files.answer(declared_table.template_csv(), "csv", name="Mẫu kê khai văn bản")


def template_xlsx() -> Response:
    """The same with lists to choose from."""
    hub = identity.the_hub()
    write = partial(declared_table.template_xlsx, hub.rules_on(hub.now()).document_types)
    return report_files.answer(report_files.written(write), "xlsx", name="Mẫu kê khai văn bản")


# -- the list ------------------------------------------------------------------------------------------------------


def get_list() -> Response:
    """The entries of an agency of one's own family, the latest period first, with who declared them."""
    hub = identity.the_hub()
    first, last = parameters.day("from"), parameters.day("to")
    if first and last and last < first:
        raise BadRequest(f"{first}..{last}", field="from", expected="from ≤ to")
    limit = parameters.number("limit", default=50, least=1, most=200)
    with hub.database.reading() as connection:
        scope = _scope(connection)
        found = declarations.page(
            connection, scope=scope, first_day=first, last_day=last, after=_place(), limit=limit + 1
        )
        entries = [one.entry for one in found[:limit]]
        keys = {key for one in entries for key in (one.declaration.agency_key, one.declaration.caller_key) if key}
        names = directory.names_of(connection, keys)
    types = {one.type_id: (one.vi, one.en) for one in hub.rules_on(hub.now()).document_types}
    following = _cursor(found[limit - 1]) if len(found) > limit else None
    items = [_shown(one, names, types) for one in entries]
    return bodies.json({"agency": scope.agency_key, "items": items, "next_after": following})


def _scope(connection: Any) -> Scope:
    """The caller or an agency below it. Raises NoSuchThing for every other: an entry names a person."""
    kind = ScopeKind.BELOW if parameters.flag("below") else ScopeKind.UNIT
    written = parameters.words("agency", longest=200)
    if not written:
        return Scope(kind, code_key(identity.caller().code))
    named = agencies.find(connection, code_key(written)) if code_key(written) else None
    if named is None or code_key(named.code) not in report_parameters.family(connection):
        raise NoSuchThing(f"no declarations of {written!r} for {identity.caller().code}")
    return Scope(kind, code_key(named.code))


def _cursor(one: Listed) -> str:
    return f"{one.place[0].isoformat()}~{one.place[1]}"


def _place() -> tuple[date, int] | None:
    """Where the page begins. Raises BadRequest for what no page before gave."""
    text = request.args.get("after")
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not a cursor")
        return date.fromisoformat(found[1]), int(found[2])
    except ValueError as wrong:
        raise BadRequest(f"after={text[:40]!r}", field="after", expected="next_after") from wrong


def _shown(entry: Entry, names: dict[str, str], types: dict[str, tuple[str, str]]) -> dict[str, Any]:
    one = entry.declaration
    named = {key: {"code": key, "name": names.get(key, "")} for key in (one.agency_key, one.caller_key)}
    kind = {"code": one.kind.value, "name": language.both(*KIND_WORDS[one.kind])}
    words = types.get(one.document_type, (one.document_type, one.document_type))
    return {
        "id": one.id,
        "agency": named[one.agency_key],
        "from": one.first_day.isoformat(),
        "to": one.last_day.isoformat(),
        "kind": kind,
        "document_type": {"code": one.document_type, "name": language.both(*words)} if one.document_type else None,
        "count": one.count,
        "declared_by": one.declared_by,
        "declared_at": vietnam_time(one.declared_at),
        "handed_in_by": named[one.caller_key] if one.caller_key else None,
        "note": one.note,
        "corrects": one.corrects,
        "corrected_by": entry.corrected_by or None,
        "stands": not entry.corrected_by and not one.withdraws,
    }
