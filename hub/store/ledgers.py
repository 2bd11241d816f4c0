"""The registers as they are looked up: pages of what an agency sent and of what reached it, newest first.

Owns: Asked and what each field finds, cursors, what belongs to a page (recipients, history, duplicates).
Never: names anything in words (hub/reports/ledger.py); reads staff data.
Source: Decision 28/2018/QĐ-TTg Art. 10(2); Decree 30/2020/NĐ-CP Annex VI (search on all fields, warn of duplicates);
threats W6, W7.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from hub.domain.agencies import plain
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import CHANGES
from hub.domain.envelopes import BusinessType
from hub.domain.periods import VIETNAM
from hub.domain.statuses import StatusCode
from hub.errors import BadRequest
from hub.store.life_tables import documents, duties
from hub.store.tables import Name, agencies, consignments, deliveries, statuses

MOST_WORDS = 12  # of a search; more narrow nothing further
MOST_RECIPIENTS = 100  # shown of one document; all are counted
MOST_STEPS = 50  # shown of one history, the newest
MOST_DUPLICATES = 3
_CURSOR = re.compile(r"([0-9]{1,17})-([0-9a-z-]{1,36})", re.ASCII)  # microseconds since 1970, the row's id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CARRYING = [BusinessType.NEW.value, BusinessType.REPLACE.value]
_PROMISED = [state.value for state in (ConsignmentState.ACCEPTED, ConsignmentState.ROUTED, ConsignmentState.CLOSED)]
_NO_COPY = [DeliveryState.ALREADY_HELD.value, DeliveryState.NEEDLESS.value]
_NOT_ARRIVED = [*_NO_COPY, DeliveryState.DUE.value]
_DOCUMENT_STATES = frozenset(state.value for state in DocumentState)
_COPY_STATES = frozenset(state.value for state in DeliveryState)
_ANSWERS = frozenset({StatusCode.RECALL_REQUESTED, StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_DECLINED})


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose register, and what is looked for in it; days are Vietnamese, both inclusive.

    `words`: parts of number, symbol and subject, all of which must occur. `state`: a word of DeliveryState or
    DocumentState, or a status code. `partner_key`: a recipient of what was sent, the sender of what arrived.
    """

    agency_key: str
    words: str = ""
    notation: str = ""
    document_id: str = ""
    first_day: date | None = None
    last_day: date | None = None
    partner_key: str = ""
    state: str = ""
    urgency: int | None = None
    document_type: str = ""
    after: str = ""
    limit: int = 50


def outgoing(connection: Connection, asked: Asked) -> list[Row[Any]]:
    """One page of the documents of a sender. Raises BadRequest for a cursor that is none."""
    found = _OUTGOING.where(documents.c.sender_key == asked.agency_key, *_named(asked), *_about(documents, asked))
    found = found.where(*_in_days(documents.c.sent_at, asked))
    if asked.partner_key:
        found = found.where(_copy_exists(deliveries.c.recipient_key == asked.partner_key))
    if asked.state:
        found = found.where(_state(asked.state, any_copy=True))
    return _page(connection, found, (documents.c.sent_at, documents.c.id), asked)


def incoming(connection: Connection, asked: Asked) -> list[Row[Any]]:
    """One page of the documents that reached a recipient. Raises BadRequest for a cursor that is none."""
    found = _INCOMING.where(deliveries.c.recipient_key == asked.agency_key, *_named(asked))
    found = found.where(*_in_days(deliveries.c.created_at, asked))
    if sought := list(_about(_sought, asked)):
        found = found.where(_is_any(sa.select(_sought.c.id).where(_sought.c.id == documents.c.id, *sought)))
    if asked.partner_key:
        found = found.where(documents.c.sender_key == asked.partner_key)
    if asked.state:
        found = found.where(_state(asked.state, any_copy=False))
    return _page(connection, found, (deliveries.c.created_at, deliveries.c.id), asked)


def cursor(at: datetime, row_id: str) -> str:
    """The place of a row, to be given as `after`."""
    return f"{(at - _EPOCH) // _MICROSECOND}-{row_id}"


def states() -> frozenset[str]:
    """Every word that `Asked.state` may be."""
    return (_DOCUMENT_STATES | _COPY_STATES | {code.value for code in StatusCode}) - {*_NO_COPY}


def recipients(connection: Connection, refs: Sequence[str]) -> list[Row[Any]]:
    """What each recipient of these documents holds, by document and code, at most MOST_RECIPIENTS of each."""
    return list(connection.execute(_RECIPIENTS, {"refs": list(refs), "most": MOST_RECIPIENTS})) if refs else []


def tallies(connection: Connection, refs: Sequence[str]) -> list[Row[Any]]:
    """How many recipients of these documents hold what; all of them."""
    return list(connection.execute(_TALLIES, {"refs": list(refs)})) if refs else []


def changes_asked(connection: Connection, delivery_ids: Sequence[str]) -> list[Row[Any]]:
    """The changes that were asked about these deliveries, oldest first."""
    return _steps(connection, _CHANGES_ASKED, delivery_ids)


def statuses_said(connection: Connection, delivery_ids: Sequence[str]) -> list[Row[Any]]:
    """The statuses that were said about these deliveries, oldest first."""
    return _steps(connection, _STATUSES_SAID, delivery_ids)


def sendings(connection: Connection, refs: Sequence[str]) -> list[Row[Any]]:
    """The messages by which the sender issued, changed or recalled these documents, oldest first."""
    return _steps(connection, _SENDINGS, refs)


def same_number(connection: Connection, refs: Sequence[str], *, recipient_key: str = "") -> list[Row[Any]]:
    """Other documents of the same sender, number, symbol and year; of those that reached the recipient, if named."""
    asked = {"refs": list(refs), "most": MOST_DUPLICATES, "recipient": recipient_key}
    return list(connection.execute(_SAME_NUMBER_ARRIVED if recipient_key else _SAME_NUMBER, asked)) if refs else []


def earlier_arrivals(connection: Connection, refs: Sequence[str], recipient_key: str) -> list[Row[Any]]:
    """The first arrivals of these documents at the recipient."""
    asked = {"refs": list(refs), "most": MOST_DUPLICATES, "recipient": recipient_key}
    return list(connection.execute(_ARRIVALS, asked)) if refs else []


def _page(
    connection: Connection, found: sa.Select[Any], order: tuple[sa.Column[Any], sa.Column[Any]], asked: Asked
) -> list[Row[Any]]:
    at, row_id = order
    if asked.after:
        last = _place(asked.after)
        found = found.where(at <= last[0], sa.or_(at < last[0], row_id < last[1]))
    return list(connection.execute(found.order_by(at.desc(), row_id.desc()).limit(asked.limit)))


def _place(text: str) -> tuple[datetime, str]:
    found = _CURSOR.fullmatch(text)
    if not found:
        raise BadRequest(f"after={text[:40]!r}", field="after", expected="next_after of an earlier page")
    return _EPOCH + int(found[1]) * _MICROSECOND, found[2]


def _in_days(at: sa.Column[Any], asked: Asked) -> Iterable[sa.ColumnElement[bool]]:
    if asked.first_day is not None:
        yield at >= datetime.combine(asked.first_day, time(), VIETNAM)
    if asked.last_day is not None and asked.last_day < date.max:
        yield at < datetime.combine(asked.last_day + timedelta(days=1), time(), VIETNAM)


def _named(asked: Asked) -> Iterable[sa.ColumnElement[bool]]:
    if asked.document_id:
        yield documents.c.document_id == asked.document_id
    if asked.notation:
        yield documents.c.notation == asked.notation


def _about(document: Any, asked: Asked) -> Iterable[sa.ColumnElement[bool]]:
    if asked.urgency is not None:
        yield document.c.urgency == asked.urgency
    if asked.document_type:
        yield sa.func.lower(document.c.document_type) == sa.literal(asked.document_type.lower(), Name())
    for word in asked.words.split()[:MOST_WORDS]:
        yield _holds(document, word)


def _holds(document: Any, word: str) -> sa.ColumnElement[bool]:
    """A word without accents is found with and without them; one with accents only as it is written."""
    composed = unicodedata.normalize("NFC", word).lower()
    bare = plain(word)
    if bare and composed.isascii():
        return document.c.plain.contains(bare, autoescape=True)
    written = {composed, unicodedata.normalize("NFD", composed)}  # senders write both forms
    texts = [sa.func.lower(sa.type_coerce(column, sa.Text)) for column in (document.c.subject, document.c.notation)]
    return sa.or_(*(text.contains(form, autoescape=True) for form in sorted(written) for text in texts))


def _state(word: str, *, any_copy: bool) -> sa.ColumnElement[bool]:
    if word in _DOCUMENT_STATES:
        return documents.c.state == word
    if word in _ANSWERS:
        own = sa.select(statuses.c.id).where(statuses.c.delivery_id == deliveries.c.id, statuses.c.code == word)
        here = _is_any(own.correlate(deliveries))
    else:
        here = (deliveries.c.state if word in _COPY_STATES else deliveries.c.status_code) == word
    return _copy_exists(here) if any_copy else here


def _copy_exists(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    mine = consignments.alias("mine")
    copy = sa.select(deliveries.c.id).join(mine, mine.c.id == deliveries.c.consignment_id)
    return _is_any(copy.where(mine.c.document_ref == documents.c.id, _carries(mine), which).correlate(documents))


def _is_any(rows: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """As EXISTS, but asked line by line: PostgreSQL makes one about something rare a scan of all agencies' rows."""
    return rows.limit(1).scalar_subquery().isnot(None)


def _carries(sending: Any) -> sa.ColumnElement[bool]:
    return sa.and_(sending.c.kind == "document", sending.c.business_type.in_(_CARRYING))


def _steps(connection: Connection, statement: sa.Select[Any], keys: Sequence[str]) -> list[Row[Any]]:
    return list(connection.execute(statement, {"keys": list(keys), "most": MOST_STEPS})) if keys else []


def _rank(by: Sequence[Any], order: Sequence[Any]) -> sa.Label[int]:
    return sa.func.row_number().over(partition_by=by, order_by=order).label("rank")


# What a page shows of a document: its own row, what came first (`_carried`), and what describes it now (`_described`).
# Only the parts of the header that are shown are read: it holds staff data, and the texts of a thousand addressees.
_carried, _described = consignments.alias("carried"), consignments.alias("described")
_from_header = (
    *(_carried.c.header[name].label(name) for name in ("attachments", "sender")),
    *(_carried.c.header[name].label(f"first_{name}") for name in ("signer", "code_number")),
    *(_described.c.header[name].label(name) for name in ("signer", "code_number")),
)
_facts = (
    *(_carried.c[name] for name in ("paper", "signature_state", "replaces_paper", "received_at")),
    *_from_header,
    documents.c.id.label("ref"),
    *(column for column in documents.c if column.name not in ("id", "state", "plain", "described_by")),
    documents.c.state.label("document_state"),
)
_newer, _sought = documents.alias("newer"), documents.alias("sought")
_OUTGOING = (
    sa.select(*_facts, agencies.c.name.label("agency_name"), _newer.c.document_id.label("newer_document_id"))
    .select_from(documents)
    .join(_carried, _carried.c.id == documents.c.id)
    .join(_described, _described.c.id == documents.c.described_by)
    .outerjoin(_newer, _newer.c.id == documents.c.replaced_by)
    .outerjoin(agencies, agencies.c.code_key == documents.c.sender_key)
)
_delivery = [column for column in deliveries.c if column.name != "replaced_by"]
_INCOMING = (
    sa.select(
        *_facts, *_delivery, agencies.c.name.label("agency_name"), _newer.c.document_id.label("newer_document_id")
    )
    .select_from(deliveries)
    .join(_carried, _carried.c.id == deliveries.c.consignment_id)
    .join(documents, documents.c.id == _carried.c.document_ref)
    .join(_described, _described.c.id == documents.c.described_by)
    .outerjoin(_newer, _newer.c.id == documents.c.replaced_by)
    .outerjoin(agencies, agencies.c.code_key == documents.c.sender_key)
    .where(_carries(_carried), deliveries.c.state.notin_(_NOT_ARRIVED))
)

_REFS, _KEYS = sa.bindparam("refs", expanding=True), sa.bindparam("keys", expanding=True)
_MOST = sa.bindparam("most", type_=sa.Integer)
_copies = (  # every copy that a recipient ever had of these documents, its newest first
    sa.select(
        consignments.c.document_ref,
        *_delivery,
        _rank(
            (consignments.c.document_ref, deliveries.c.recipient_key), (deliveries.c.created_at.desc(), deliveries.c.id)
        ),
    )
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(consignments.c.document_ref.in_(_REFS), _carries(consignments), deliveries.c.state.notin_(_NO_COPY))
    .subquery("copies")
)
_changes = [kind.value for kind in CHANGES]
_latest = (  # the latest change that was asked about each of them
    sa.select(
        duties.c.delivery_id,
        duties.c.kind,
        duties.c.outcome,
        _rank((duties.c.delivery_id,), (duties.c.opened_at.desc(), duties.c.id.desc())),
    )
    .join(deliveries, deliveries.c.id == duties.c.delivery_id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(consignments.c.document_ref.in_(_REFS), duties.c.kind.in_(_changes))
    .subquery("latest")
)
_holdings = (
    sa.select(
        _copies,
        _latest.c.kind.label("asked"),
        _latest.c.outcome,
        sa.func.row_number().over(partition_by=_copies.c.document_ref, order_by=_copies.c.recipient_key).label("place"),
    )
    .outerjoin(_latest, sa.and_(_latest.c.delivery_id == _copies.c.id, _latest.c.rank == 1))
    .where(_copies.c.rank == 1)
    .subquery("holdings")
)
_RECIPIENTS = (
    sa.select(_holdings, agencies.c.name.label("recipient_name"))
    .outerjoin(agencies, agencies.c.code_key == _holdings.c.recipient_key)
    .where(_holdings.c.place <= _MOST)
    .order_by(_holdings.c.document_ref, _holdings.c.place)
)
_held = (_holdings.c.document_ref, _holdings.c.state, _holdings.c.status_code, _holdings.c.asked, _holdings.c.outcome)
_was_fetched = _holdings.c.fetched_at.isnot(None)
_TALLIES = sa.select(*_held, _was_fetched.label("fetched"), sa.func.count().label("many")).group_by(
    *_held, _was_fetched
)


def _newest(columns: Sequence[Any], by: sa.Column[Any], at: sa.Column[Any], *where: sa.ColumnElement[bool]) -> Any:
    """The newest MOST_STEPS rows of each key, oldest first."""
    ranked = sa.select(*columns, by.label("of"), at.label("at"), _rank((by,), (at.desc(),)))
    found = ranked.where(by.in_(_KEYS), *where).subquery("steps")
    return sa.select(found).where(found.c.rank <= _MOST).order_by(found.c.at, found.c.rank.desc())


_CHANGES_ASKED = _newest(
    (duties.c.kind, duties.c.outcome, duties.c.ended_at, duties.c.id),
    duties.c.delivery_id,
    duties.c.opened_at,
    duties.c.kind.in_(_changes),
)
_STATUSES_SAID = _newest((statuses.c.code, statuses.c.by_hub), statuses.c.delivery_id, statuses.c.recorded_at)
_SENDINGS = _newest(
    (consignments.c.business_type, consignments.c.id),
    consignments.c.document_ref,
    consignments.c.received_at,
    consignments.c.kind == "document",
    consignments.c.state.in_(_PROMISED),
)
_own, _others = documents.alias("own"), documents.alias("others")
_arrived_there = (
    sa.select(deliveries.c.id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(
        consignments.c.document_ref == _others.c.id,
        _carries(consignments),
        deliveries.c.recipient_key == sa.bindparam("recipient"),
        deliveries.c.state.notin_(_NOT_ARRIVED),
    )
    .correlate(_others)
    .exists()
)


def _of_same_number(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    ranked = (
        sa.select(_own.c.id.label("ref"), _others.c.document_id, _rank((_own.c.id,), (_others.c.sent_at, _others.c.id)))
        .join(
            _others,
            sa.and_(
                _others.c.sender_key == _own.c.sender_key,
                _others.c.notation == _own.c.notation,
                sa.extract("year", _others.c.issued_on) == sa.extract("year", _own.c.issued_on),
                _others.c.id != _own.c.id,
            ),
        )
        .where(_own.c.id.in_(_REFS), _own.c.notation != "", *where)
        .subquery("ranked")
    )
    return sa.select(ranked).where(ranked.c.rank <= _MOST).order_by(ranked.c.ref, ranked.c.rank)


_SAME_NUMBER, _SAME_NUMBER_ARRIVED = _of_same_number(), _of_same_number(_arrived_there)
_mine = deliveries.alias("mine")
_own_copy = (  # there is at most one; joined by recipient, SQLite would read all that the recipient ever got
    sa.select(_mine.c.id)
    .where(_mine.c.consignment_id == consignments.c.id, _mine.c.recipient_key == sa.bindparam("recipient"))
    .correlate(consignments)
    .scalar_subquery()
)
_arrivals = (
    sa.select(
        consignments.c.document_ref.label("ref"),
        deliveries.c.id,
        deliveries.c.created_at,
        _rank((consignments.c.document_ref,), (deliveries.c.created_at, deliveries.c.id)),
    )
    .select_from(consignments)
    .join(deliveries, deliveries.c.id == _own_copy)
    .where(
        consignments.c.document_ref.in_(_REFS),
        _carries(consignments),
        deliveries.c.state.notin_(_NOT_ARRIVED),
    )
    .subquery("arrivals")
)
_ARRIVALS = sa.select(_arrivals).where(_arrivals.c.rank <= _MOST).order_by(_arrivals.c.ref, _arrivals.c.rank)
