"""Counted documents made up, the slow and plain way of counting them, and how they get into a database.

Owns: strategies of whole histories, a count of each document by its own times, folding a history day by day.
Never: asks hub/domain/counting.py `movements`: what is compared with it must not rest on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hub.domain.counting import MARKS, Cell, Counted, Direction, Measure, Paper, Signed, Validity
from hub.store import counted as counted_rows
from hub.store import report_tables, tables
from hub.store.engine import Database, Transaction
from hub.store.recount import Found

DAY = timedelta(days=1)
FIRST, LAST = date(2027, 12, 20), date(2028, 4, 10)  # a turn of the year and a leap day
CELLS = (
    Cell("bao_cao", 0, Paper.PAPER_FREE, Signed.BOTH, Validity.VALID),
    Cell("bao_cao", 2, Paper.WITH_PAPER, Signed.NONE, Validity.UNSIGNED),
    Cell("giay_moi", 0, Paper.PAPER_FREE, Signed.AGENCY, Validity.INVALID),
    Cell("giay_moi", 0, Paper.NOT_REPLACING, Signed.PERSON, Validity.UNDETERMINED),
    Cell("other", 1, Paper.NOT_SAID, Signed.NONE, Validity.UNSIGNED),
)
AGENCIES = ("G22", "H41", "H41.1.2", "H14", "G30.1")
PEOPLE = tuple(letter * 32 for letter in "abc")  # digests of those who sign
CARRIERS = tuple(f"carrier-{number:02}" for number in range(4))  # the consignments that counted rows refer to
NEVER_SHORTENED = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def end_of(day: date) -> datetime:
    """When a Vietnamese day is over: 17:00 UTC, written down without the hub's own time zone."""
    return datetime.combine(day, time(17), UTC)


def bears(one: Counted, measure: Measure, day: date | None = None) -> bool:
    """Whether a document counted for a measure at the end of a day, or counts now, told from its times alone."""
    if day is not None and one.day > day:
        return False
    known, left = _by(one.known_at, day), _by(one.left_at, day)
    if measure is Measure.LEFT:
        return left
    if measure is Measure.DOCUMENTS:
        return known and not left
    return known and not left and _by(one.marks.get(measure), day)


def plainly(many: Iterable[Counted], day: date | None = None) -> Counter[Measure]:
    """The sums of these documents, one by one; without zeros."""
    return Counter(measure for one in many for measure in Measure if bears(one, measure, day))


def by_cell(many: Iterable[Counted], day: date | None = None) -> dict[Cell, Counter[Measure]]:
    """The same for each kind of document that counts for anything."""
    found: dict[Cell, Counter[Measure]] = {}
    for one in many:
        sums = plainly([one], day)
        if sums:
            found.setdefault(one.cell, Counter()).update(sums)
    return found


def without_zeros(sums: Counter[Measure]) -> Counter[Measure]:
    """The sums as `plainly` gives them; a negative one stays, so that it is seen."""
    return Counter({measure: count for measure, count in sums.items() if count})


@st.composite
def documents(draw: st.DrawFn, number: int = 0) -> Counted:
    """One document with any life: known days late, marked in any order, gone before or after its marks."""
    direction = draw(st.sampled_from(Direction))
    day = FIRST + draw(st.integers(0, (LAST - FIRST).days)) * DAY
    begun = end_of(day) - DAY + _while(draw, 23)
    known_at = begun + draw(st.sampled_from([timedelta(), timedelta(hours=3), 4 * DAY]))
    borne = draw(st.sets(st.sampled_from(MARKS)))
    marks = {mark: known_at + _while(draw, 24 * 60) - timedelta(hours=2) for mark in sorted(borne)}
    left_at = known_at + _while(draw, 24 * 60) if draw(st.booleans()) else None
    if left_at is not None and draw(st.booleans()) and marks:
        marks[min(marks)] = left_at  # at the same moment
    return Counted(
        subject_id=f"subject-{number:04}",
        consignment_id=draw(st.sampled_from(CARRIERS)),
        direction=direction,
        agency_key=draw(st.sampled_from(AGENCIES)),
        day=day,
        cell=draw(st.sampled_from(CELLS)),
        known_at=known_at,
        left_at=left_at,
        marks=marks,
        people=frozenset(draw(st.sets(st.sampled_from(PEOPLE)))) if direction is Direction.SENT else frozenset(),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[Counted]:
    """Some documents; some subjects are there twice, as a copy that failed first and arrived later is."""
    count = draw(st.integers(1, most))
    found = [draw(documents(number)) for number in range(count)]
    for one in list(found):
        if one.direction is Direction.UNDELIVERED and draw(st.booleans()):
            found.append(replace(one, direction=Direction.RECEIVED))
    return found


def as_of(one: Counted, day: date) -> Counted | None:
    """What the hub knew of it at the end of a day: nothing, or without what came later."""
    if not _by(one.known_at, day):
        return None
    left = one.left_at if _by(one.left_at, day) else None
    return replace(one, left_at=left, marks={mark: at for mark, at in one.marks.items() if _by(at, day)})


def days_of(many: Iterable[Counted]) -> list[date]:
    """Every day on which anything became known, and the one before and after."""
    times = {at for one in many for at in (one.known_at, one.left_at, *one.marks.values()) if at is not None}
    days = {(at + timedelta(hours=7)).date() for at in times}
    return sorted({day + step * DAY for day in days for step in (-1, 0, 1)})


def fold(transaction: Transaction, many: Iterable[Counted | None], subjects: Collection[str] = ()) -> int:
    """Bring the rows and their sums up to date."""
    found = Found(counted={(one.subject_id, one.direction): one for one in many if one is not None})
    return counted_rows.bring_up_to_date(transaction, {*subjects, *(key for key, _ in found.counted)}, found)


def carried(database: Database) -> None:
    """The consignments that the made-up rows refer to."""
    at = datetime(2027, 12, 1, tzinfo=UTC)
    with database.writing() as transaction:
        for number, carrier in enumerate(CARRIERS):
            transaction.execute(sa.insert(tables.consignments), consignment(carrier, number, at))


def emptied(database: Database) -> None:
    """Nothing is counted any more."""
    with database.writing() as transaction:
        for name in ("counted", "tallies", "totals", "late_movements", "signers"):
            transaction.execute(sa.delete(report_tables.metadata.tables[name]))


def consignment(row_id: str, number: int, at: datetime, **facts: object) -> dict[str, object]:
    """A row of an accepted document of G22."""
    row: dict[str, object] = {
        "id": row_id,
        "caller_key": "G22",
        "key_scope": "G22",
        "idempotency_key": row_id,
        "sender_key": "G22",
        "kind": "document",
        "state": "routed",
        "lane": "normal",
        "sha256": f"{number:064}",
        "size_bytes": 1,
        "body_kept": True,
        "document_id": f"doc-{number}",
        "notation": f"{number}/BC-G22",
        "issued_on": at.date(),
        "attachments_sha256": "a",
        "business_type": 0,
        "paper": 0,
        "signature_state": "absent",
        "header": {"document_type_name": "Báo cáo", "urgency": 0},
        "signature": {},
        "files": [],
        "findings": [],
        "rule_pack": "qd28-2018",
        "trace_id": "",
        "received_at": at,
        "judged_at": at,
        "document_ref": row_id,
    }
    return row | facts


def _by(at: datetime | None, day: date | None) -> bool:
    return at is not None and (day is None or at < end_of(day))


def _while(draw: st.DrawFn, hours: int) -> timedelta:
    """Any time up to so many hours, often a whole number of them."""
    return draw(st.integers(0, hours)) * timedelta(hours=1) + timedelta(microseconds=draw(st.sampled_from([0, 0, 1])))
