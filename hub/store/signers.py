"""People who signed: how many documents of a day each signed for an agency, kept as differences in time.

Owns: the rows of signers, in step with the counted rows; the same sums made anew by the database; counting people.
Never: names a person (a row holds a digest); decides who signed (hub/domain/what_counts.py).
Source: hub/domain/counting.py `movements`; Decision 28/2018/QĐ-TTg Art. 9(1), 11; docs/decisions/0008-counting.md.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hub.domain.counting import Counted, Measure, movements
from hub.domain.scopes import Scope
from hub.store.engine import Transaction, asked_once
from hub.store.report_tables import counted, signers
from hub.store.scopes import within
from hub.store.set_sums import vietnam_day

COLUMNS = [column.name for column in signers.c]
_KEY = [column.name for column in signers.primary_key]


class Moved:
    """What is added to whose documents, signed."""

    def __init__(self) -> None:
        self._documents: Counter[tuple[str, date, str, date]] = Counter()

    def take(self, one: Counted, sign: int) -> None:
        """Add (or take off) one document of each who signed it."""
        for known_on, sums in movements(one).items() if one.people else ():
            for person in one.people:
                self._documents[one.agency_key, one.day, person, known_on] += sign * sums[Measure.DOCUMENTS]

    def rows(self) -> list[dict[str, Any]]:
        """The differences as rows."""
        some = sorted(key for key, documents in self._documents.items() if documents)
        return [dict(zip(COLUMNS, (*key, self._documents[key]), strict=True)) for key in some]


def add(transaction: Transaction, moved: Moved) -> None:
    """Write the differences."""
    rows = moved.rows()
    if rows:
        transaction.execute(_adding(transaction.connection.dialect.name), rows)


def people(
    connection: Connection, *, scope: Scope, first_day: date, last_day: date, known_on: date | None = None
) -> dict[str, int]:
    """Code key → how many different people signed its documents of these days, as known at the end of a day."""
    asked = ("people", scope, first_day, last_day, known_on)
    return asked_once(connection, asked, lambda: _people_of(connection, scope, (first_day, last_day), known_on))


def _people_of(connection: Connection, scope: Scope, days: tuple[date, date], known_on: date | None) -> dict[str, int]:
    first_day, last_day = days
    parts = [within(connection, signers.c.agency_key, scope), signers.c.day >= first_day, signers.c.day <= last_day]
    if known_on is not None:
        parts.append(signers.c.known_on <= known_on)
    each = sa.select(signers.c.agency_key).where(*parts).group_by(signers.c.agency_key, signers.c.person)
    signing = each.having(sa.func.sum(signers.c.documents) > 0).subquery()
    many = sa.select(signing.c.agency_key, sa.func.count().label("many")).group_by(signing.c.agency_key)
    return {row.agency_key: row.many for row in connection.execute(many)}


def of_counted(dialect: str) -> sa.Select[Any]:
    """The rows of `signers`, in the order of its columns, from `counted` alone; none that stands for nothing."""
    person = _people(dialect)
    moved = sa.union_all(
        _moved(dialect, person, counted.c.known_at, 1),
        _moved(dialect, person, counted.c.left_at, -1).where(counted.c.left_at.isnot(None)),
    ).subquery("moved")
    key, documents = [moved.c[name] for name in _KEY], sa.func.sum(moved.c.documents)
    return sa.select(*key, sa.cast(documents, sa.Integer).label("documents")).group_by(*key).having(documents != 0)


def _moved(dialect: str, person: sa.TableValuedAlias, at: sa.ColumnElement[Any], documents: int) -> sa.Select[Any]:
    day = vietnam_day(dialect, at)
    known_on = sa.case((day > counted.c.day, day), else_=counted.c.day)
    what = (person.c.value.label("person"), known_on.label("known_on"), sa.literal(documents).label("documents"))
    signed = sa.select(counted.c.agency_key, counted.c.day, *what).select_from(counted).join(person, sa.true())
    return signed.where(counted.c.people.isnot(None))


def _people(dialect: str) -> sa.TableValuedAlias:
    """A row for each who signed the counted document."""
    if dialect == "postgresql":
        return sa.func.jsonb_array_elements_text(counted.c.people).table_valued("value", name="person").render_derived()
    return sa.func.json_each(counted.c.people).table_valued("value", name="person")


@cache  # SQLAlchemy keeps with a statement what it derived from it
def _adding(dialect: str) -> sa.Executable:
    insert = postgresql.insert(signers) if dialect == "postgresql" else sqlite.insert(signers)
    both = signers.c.documents + insert.excluded.documents
    return insert.on_conflict_do_update(index_elements=_KEY, set_={"documents": both})
