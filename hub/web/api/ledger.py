"""GET of an agency's registers: a page as JSON, or all that was asked for as CSV or XLSX.

Owns: the parameters of a search, the forms of the answer, the download that never holds the whole register.
Never: shows a register to another than its agency and those who speak for it.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 10(2); threats T3, W1, W7.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import IO, Any

from flask import Blueprint, Response, request

from hub.domain.agencies import code_key
from hub.domain.envelopes import Urgency
from hub.domain.periods import vietnam_day, vietnam_time
from hub.errors import BadRequest
from hub.reports import ledger, ledger_table
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.ledger import Line, Place, Side
from hub.reports.ledger_words import Word
from hub.stations import Hub
from hub.store import agencies, ledgers
from hub.store.ledgers import Asked
from hub.web import identity, language
from hub.web.api import bodies, parameters, shown

LONGEST = 500  # characters of a text that is searched for
FORMATS = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def routes() -> Blueprint:
    """The paths under /api/v1/ledger."""
    made = Blueprint("ledger", __name__, url_prefix=f"{shown.ROOT}/ledger")
    made.before_request(identity.authenticate)
    made.add_url_rule("/outgoing", view_func=get_outgoing, methods=["GET"])
    made.add_url_rule("/incoming", view_func=get_incoming, methods=["GET"])
    return made


def get_outgoing() -> Response:
    """What the agency sent."""
    return _answer(Side.OUTGOING)


def get_incoming() -> Response:
    """What reached the agency."""
    return _answer(Side.INCOMING)


def _answer(side: Side) -> Response:
    hub, form = identity.the_hub(), _format()
    asked = _asked(hub)
    if form == "json":
        return bodies.json(_page(hub, side, asked))
    lines = ledger.every(hub.database, side, asked, hub.rules_on(hub.now()))
    first = next(lines, None)  # what can fail at once fails before the answer has begun
    cells = ledger_table.rows(chain([] if first is None else [first], lines), side)
    name = f"{ledger_table.TITLES[side]} {asked.agency_key} {vietnam_day(hub.now()).isoformat()}.{form}"
    body = write_csv(ledger_table.columns(side), cells) if form == "csv" else _workbook(side, cells)
    headers = {"Content-Disposition": bodies.as_download(name), "Vary": "Accept"}
    return Response(body, content_type=_content_type(form), headers=headers)


def _format() -> str:
    if "format" not in request.args:
        best = request.accept_mimetypes.best_match(list(FORMATS.values()), default=FORMATS["json"])
        return next(form for form, media in FORMATS.items() if media == best)
    return _one_of("format", FORMATS)


def _content_type(form: str) -> str:
    return f"{FORMATS[form]}; charset=utf-8" if form == "csv" else FORMATS[form]


def _asked(hub: Hub) -> Asked:
    first, last = parameters.day("from"), parameters.day("to")
    if first and last and last < first:
        raise BadRequest(f"{first}..{last}", field="from", expected="from ≤ to")
    urgency, partner = (
        _one_of("urgency", [one.name.lower() for one in Urgency]),
        parameters.words("partner", longest=200),
    )
    if partner and not code_key(partner):
        raise BadRequest(f"partner={partner[:40]!r}", field="partner", expected="an agency code")
    with hub.database.reading() as connection:
        own = identity.spoken_for(connection, parameters.words("agency", longest=200))
        named = agencies.find(connection, code_key(partner)) if code_key(partner) else None
    return Asked(
        code_key(own.code),
        words=parameters.words("q", longest=LONGEST),
        notation=parameters.words("notation", longest=LONGEST),
        document_id=parameters.words("document_id", longest=LONGEST),
        first_day=first,
        last_day=last,
        partner_key=code_key(named.code) if named else partner,  # an agency that nobody knows has no documents
        state=_one_of("state", ledgers.states()),
        urgency=int(Urgency[urgency.upper()]) if urgency else None,
        document_type=parameters.words("type", longest=LONGEST),
        after=parameters.words("after", longest=100),
        limit=parameters.number("limit", default=50, least=1, most=200),
    )


def _one_of(name: str, allowed: Any) -> str:
    """One of some words; empty when it is not said. Raises BadRequest."""
    text = request.args.get(name)
    if text is None:
        return ""
    if text not in allowed:
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected=" | ".join(sorted(allowed)))
    return text


def _workbook(side: Side, cells: Iterator[Any]) -> Iterator[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when the answer has gone)
    try:
        write_xlsx(ledger_table.columns(side), cells, file, title=ledger_table.TITLES[side])
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(bodies.CHUNK_BYTES):
            yield piece


def _page(hub: Hub, side: Side, asked: Asked) -> dict[str, Any]:
    with hub.database.reading() as connection:
        lines = ledger.page(connection, side, asked, hub.rules_on(hub.now()))
    following = lines[-1].cursor if len(lines) == asked.limit else None
    return {"agency": asked.agency_key, "items": [_line(line) for line in lines], "next_after": following}


def _line(line: Line) -> dict[str, Any]:
    more = line.further
    return {
        "id": line.row_id,
        "cursor": line.cursor,
        "agency_id": line.agency_id,
        "document_id": {"written": line.document_id.written, "composed": line.document_id.composed},
        "notation": line.notation,
        "issued_on": _day(line.issued_on),
        "document_type": line.document_type,
        "subject": line.subject,
        "attachments": [{"name": file.name, "size_bytes": file.size_bytes} for file in line.attachments],
        "processing": [{**_word(word), "count": count} for word, count in line.processing],
        "signer": {"position": line.signer.position, "name": line.signer.name},
        "urgency": _word(line.urgency),
        "sender": {"code": line.sender.code, "name": line.sender.name},
        "receivers": [_receiver(one) for one in line.receivers],
        "receivers_in_all": line.receivers_in_all,
        "sent_at": vietnam_time(line.sent_at),
        "received_at": shown.time_of(line.received_at),
        "due_on": _day(line.due_on),
        "history": [{"at": vietnam_time(step.at), **_word(step.what)} for step in line.history],
        "other": {
            "paper": _word(more.paper),
            "signature": _word(more.signature),
            "replaces_paper": more.replaces_paper,
            "document": _word(more.document),
            "replaced_by": more.newer_document_id or None,
            "arrival_year": more.arrival_year,
            "arrival_number": more.arrival_number,
            "duplicates": [{"why": one.why, "document_id": one.document_id} for one in more.duplicates],
        },
    }


def _receiver(place: Place) -> dict[str, Any]:
    return {
        "code": place.code,
        "name": place.name,
        "status": _word(place.status) if place.status else None,
        "received_at": shown.time_of(place.received_at),
    }


def _word(word: Word) -> dict[str, Any]:
    return {"code": word.code, "name": language.both(word.vi, word.en)}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
