"""GET of the list behind a percentage: exactly the documents, entries, agencies or people of one side, page by page.

Owns: the page as JSON, the whole as CSV or XLSX; the count beside it, taken from the figure.
Never: identifies a document to an agency that neither counts, sent nor got it, nor stands above one that did.
Source: Decision 28/2018/QĐ-TTg Art. 6(1), 11, 14(3); field notes §"What none of them has" 1; threats T3, W1, W7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import chain
from typing import Any

from flask import Blueprint, Response, request

from hub.domain.declarations import KIND_WORDS, Declaration
from hub.domain.indicators import Counts, Indicator
from hub.domain.periods import vietnam_day, vietnam_time
from hub.domain.rules import RulePack, pack_on
from hub.errors import BadRequest, NoSuchThing
from hub.reports import counted_table, drill_down, figures
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.counted_table import Reader
from hub.reports.drill_down import Side
from hub.reports.figures import Asked
from hub.stations import Hub
from hub.store import directory, scopes
from hub.store.counted_lists import Item, Place
from hub.web import identity, language
from hub.web.api import bodies, parameters, report_files, report_parameters

_CURSOR = re.compile(r"([A-Z0-9][A-Z0-9._-]{0,63})~(\d{4}-\d\d-\d\d)~([0-9a-f-]{36})", re.ASCII)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,63}", re.ASCII)
_OF_AGENCIES = (Counts.AGENCIES, Counts.PEOPLE)


def add_to(blueprint: Blueprint) -> None:
    """The paths below /api/v1/reports/paper-free: every indicator's lists, whichever report shows it."""
    path = "/paper-free/<indicator>/documents"
    blueprint.add_url_rule(path, view_func=get_documents, methods=["GET"])
    blueprint.add_url_rule(f"{path}.<form>", view_func=get_documents, methods=["GET"])


def get_documents(indicator: str, form: str = "") -> Response:
    """One side of one indicator, in one form."""
    hub = identity.the_hub()
    form = report_files.wanted(form, report_files.TABLES)
    side = Side(report_parameters.one_of("side", [one.value for one in Side], default=Side.NUMERATOR.value))
    limit = parameters.number("limit", default=50, least=1, most=200)
    with hub.database.reading() as connection:
        asked = report_parameters.asked(connection, hub)
        rules = pack_on(asked.period.last_day)
        one = _indicator(rules, indicator)
        after = _key() if one.counts in _OF_AGENCIES else _place()
        reader = Reader(report_parameters.family(connection))
        if form == "json":
            return bodies.json(_page(connection, asked, rules, (one, side), reader, after=after, limit=limit))
    return _file(hub, asked, rules, (one, side), reader, form)


def _indicator(rules: RulePack, indicator_id: str) -> Indicator:
    try:
        return figures.indicator(rules, indicator_id)
    except KeyError as unknown:
        raise NoSuchThing(f"no indicator {indicator_id[:40]!r}") from unknown


# -- a page ------------------------------------------------------------------------------------------------------


def _page(
    connection: Any,
    asked: Asked,
    rules: RulePack,
    what: tuple[Indicator, Side],
    reader: Reader,
    *,
    after: Place | str | None,
    limit: int,
) -> dict[str, Any]:
    """What the figure says, and the next lines of what it is made of."""
    indicator, side = what
    found = figures.figures(connection, asked, rules, only=(indicator.indicator_id,))[indicator.indicator_id]
    part = getattr(found, side.value)
    entries = drill_down.declared(connection, asked, indicator, side)
    if isinstance(after, str):
        items, following = _agencies(connection, asked, what, after=after, limit=limit)
    else:
        items, following = _documents(connection, asked, what, reader, after=after, limit=limit)
    return {
        "indicator": {"id": indicator.indicator_id, "name": language.both(indicator.vi, indicator.en)},
        "counts": indicator.counts.value,
        "formula": language.both(indicator.formula_vi, indicator.formula_en),
        "side": side.value,
        "rule_pack": rules.pack_id,
        "count": {"seen": part.seen, "declared": part.declared, "total": part.total},
        "items": items,
        "next_after": following,
        "declared": [_entry(one, reader) for one in entries],
    }


def _documents(
    connection: Any, asked: Asked, what: tuple[Indicator, Side], reader: Reader, *, after: Place | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    items = drill_down.documents(connection, asked, *what, after=after, limit=limit)
    last = drill_down.place(items[-1]) if len(items) == limit else None
    cursor = f"{last.agency_key}~{last.day.isoformat()}~{last.subject_id}" if last else None
    return [_document(one, reader) for one in items], cursor


def _place() -> Place | None:
    """Where the page begins. Raises BadRequest for what no page before gave."""
    text = request.args.get("after")
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not a cursor")
        return Place(found[1], date.fromisoformat(found[2]), found[3])
    except ValueError as wrong:
        raise BadRequest(f"after={text[:40]!r}", field="after", expected="next_after") from wrong


def _key() -> str:
    """The agency after which the page begins, empty for the first. Raises BadRequest."""
    after = request.args.get("after", "")
    if after and not _CODE.fullmatch(after):
        raise BadRequest(f"after={after[:40]!r}", field="after", expected="next_after")
    return after


def _agencies(
    connection: Any, asked: Asked, what: tuple[Indicator, Side], *, after: str, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    counts = {key: count for key, count in _counts(connection, asked, what).items() if key > after}
    keys = sorted(counts)[:limit]
    names = directory.names_of(connection, keys)
    items = [{"agency": {"code": key, "name": names.get(key, "")}, "count": counts[key]} for key in keys]
    return items, keys[-1] if len(counts) > limit else None


def _counts(connection: Any, asked: Asked, what: tuple[Indicator, Side]) -> dict[str, int]:
    """Agency → what it adds to the side, of what the hub knows."""
    indicator, side = what
    found = figures.of_agencies(connection, asked, indicator)
    return {key: part.seen for key, one in sorted(found.items()) if (part := getattr(one, side.value)).seen}


def _document(item: Item, reader: Reader) -> dict[str, Any]:
    one, cell = item.counted, item.counted.cell
    shown = reader.identifies(item)
    return {
        "agency": one.agency_key,
        "day": one.day.isoformat(),
        "document_type": cell.document_type,
        "urgency": cell.urgency,
        "paper": cell.paper.value,
        "signed": cell.signed.value,
        "validity": cell.validity.value,
        "known_at": vietnam_time(one.known_at),
        "left_at": vietnam_time(one.left_at) if one.left_at else None,
        "marks": {mark.value: vietnam_time(at) for mark, at in sorted(one.marks.items())},
        "identity": _identity(item) if shown else None,
    }


def _identity(item: Item) -> dict[str, Any]:
    """What tells one document from another, and who its parties are."""
    return {
        "id": item.counted.subject_id,
        "consignment": item.counted.consignment_id,
        "document_id": item.document_id,
        "notation": item.notation,
        "issued_on": item.issued_on.isoformat() if item.issued_on else None,
        "subject": item.subject,
        "sender": item.sender_key,
        "recipient": item.recipient_key,
        "state": item.state,
    }


def _entry(one: Declaration, reader: Reader) -> dict[str, Any]:
    return {
        "id": one.id,
        "agency": one.agency_key,
        "from": one.first_day.isoformat(),
        "to": one.last_day.isoformat(),
        "kind": {"code": one.kind.value, "name": language.both(*KIND_WORDS[one.kind])},
        "document_type": one.document_type or None,
        "count": one.count,
        "declared_at": vietnam_time(one.declared_at),
        "declared_by": one.declared_by if reader.names(one) else None,
        "corrects": one.corrects,
    }


# -- the whole -----------------------------------------------------------------------------------------------------


def _file(hub: Hub, asked: Asked, rules: RulePack, what: tuple[Indicator, Side], reader: Reader, form: str) -> Response:
    """All of it as a file, written while it is read; the numbers in it add up to the figure."""
    indicator, side = what
    cells = _cells(hub, asked, rules, what, reader)
    first = next(cells, None)  # what can fail at once fails before the answer has begun
    every = chain([] if first is None else [first], cells)
    name = f"{indicator.vi} {side.value} {asked.period.written} {vietnam_day(hub.now()).isoformat()}"
    if form == "csv":
        return report_files.answer(write_csv(counted_table.COLUMNS, every), form, name=name)
    sheets = partial(write_xlsx, counted_table.COLUMNS, every, title="Danh sách")
    return report_files.answer(report_files.written(sheets), form, name=name)


def _cells(
    hub: Hub, asked: Asked, rules: RulePack, what: tuple[Indicator, Side], reader: Reader
) -> Iterator[tuple[Any, ...]]:
    indicator, side = what
    with hub.database.reading() as connection:
        names = scopes.names(connection, asked.scope)
        entries = drill_down.declared(connection, asked, indicator, side)
        counts = _counts(connection, asked, what) if indicator.counts in _OF_AGENCIES else {}
    items = drill_down.every(hub.database, asked, indicator, side)
    yield from counted_table.agency_rows(counts, names=names)
    yield from counted_table.rows(items, entries, reader, names=names, rules=rules)
