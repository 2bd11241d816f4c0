"""Groups of agencies: kept under a code of their own, and who is meant by one on a day.

Owns: the look-ups, the expansion to agencies, the rule that a code means a group or an agency, never both.
Never: makes deliveries (the route station does).
Source: issue 4 part 7; Decision 20/2020/QĐ-TTg, Decision 09/2025/QĐ-TTg Art. 2 (closed codes); domain notes §2.7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import Agency, code_key, resolve
from hub.domain.groups import Group, GroupKind, level_one_codes
from hub.errors import BadRequest, IllegalTransition, UnknownAgency
from hub.store import agencies, directory
from hub.store.engine import Transaction
from hub.store.life_tables import agency_group_members, agency_groups
from hub.store.tables import agencies as agencies_table

KEYS_PER_QUERY = 1000  # an envelope's addressees in one query; far below the parameter limits of both databases


def find(connection: Connection, key: str) -> Group | None:
    """The group with this code key, or None."""
    return find_many(connection, [key]).get(key)


def find_many(connection: Connection, keys: Collection[str]) -> dict[str, Group]:
    """Code key → group, of those that are groups; a thousand codes are one query."""
    wanted = sorted({*keys} - {""})
    found: dict[str, Group] = {}
    for start in range(0, len(wanted), KEYS_PER_QUERY):
        rows = connection.execute(_BY_KEYS, {"keys": wanted[start : start + KEYS_PER_QUERY]})
        found.update((row.code_key, _group(row)) for row in rows)
    return found


def all_groups(connection: Connection) -> list[Group]:
    """Every group, in the order of their codes."""
    return [_group(row) for row in connection.execute(_ALL)]


def members(connection: Connection, group: Group, *, on: date, without: str) -> list[str]:
    """The code keys, in order and each once, of the agencies meant on a day; `without` (the sender) is left out.

    A listed agency that is closed is followed to its successor; by descent or letter only those meant that exchange.
    Suspended agencies receive and stay.
    """
    followed = group.kind is GroupKind.MEMBERS
    named = _named(connection, group)
    book = agencies.Book(connection, [key for pair in named.items() for key in pair if key])
    meant: set[str] = set()
    for key in named:
        agency = resolve(key, on=on, look_up=book.find).agency if followed else book.find(key)
        if agency is not None and agency.exchanges_on(on) and (followed or code_key(agency.code) == key):
            meant.add(code_key(agency.code))
    return sorted(meant - {code_key(without)})


def keep(transaction: Transaction, group: Group, *, members: Iterable[str] = (), now: datetime) -> bool:
    """Add the group or change it; True when it is new. Raises BadRequest, IllegalTransition, UnknownAgency.

    `members` are codes or aliases and belong to the kind `members`; the code may not be that of an agency.
    """
    key = _free_key(transaction.connection, group.code)
    listed = _keys_of(transaction.connection, members) if group.kind is GroupKind.MEMBERS else []
    if group.kind is GroupKind.MEMBERS and not listed:
        raise BadRequest("a group of nobody", field="members", expected="A,B,…")
    row = {
        "code": group.code.strip(),
        "name": group.name,
        "kind": group.kind.value,
        "of": _of(transaction.connection, group),
        "changed_at": now,
    }
    new = transaction.insert_new(agency_groups, {"code_key": key, **row})
    if not new:
        transaction.execute(sa.update(agency_groups).where(agency_groups.c.code_key == key).values(row))
        transaction.execute(_FORGET_MEMBERS, {"of_group": key})
    if listed:
        rows = [{"group_key": key, "member_key": member} for member in listed]
        transaction.execute(sa.insert(agency_group_members), rows)
    return new


def drop(transaction: Transaction, code: str) -> bool:
    """Forget a group; False when there is none."""
    key = code_key(code)
    transaction.execute(_FORGET_MEMBERS, {"of_group": key})
    return transaction.execute(sa.delete(agency_groups).where(agency_groups.c.code_key == key)).rowcount == 1


def _group(row: Any) -> Group:
    return Group(row.code, row.name, GroupKind(row.kind), row.of)


def _named(connection: Connection, group: Group) -> dict[str, str | None]:
    """The code keys that the group names, each with its successor's where a closed one is followed."""
    if group.kind is GroupKind.MEMBERS:
        rows = connection.execute(_MEMBERS, {"of_group": code_key(group.code)})
        return {row.member_key: row.successor_key for row in rows}
    if group.kind is GroupKind.BELOW:
        return dict.fromkeys(directory.family(connection, group.of) - {group.of})
    return dict.fromkeys(level_one_codes(group.of))


def _of(connection: Connection, group: Group) -> str:
    if group.kind is GroupKind.BELOW:
        return code_key(agencies.require(connection, group.of).code)
    return level_one_codes(group.of)[0][0] if group.kind is GroupKind.LEVEL_ONE else ""


def _free_key(connection: Connection, code: str) -> str:
    key = code_key(code)
    if not key:
        raise BadRequest(f"{code!r} cannot be a code", field="code", expected="A-Z 0-9 . - _, 1-64")
    holder = agencies.find(connection, key)
    if holder is not None:
        raise IllegalTransition(f"{code} means the agency {holder.code}", thing="code", state=holder.code)
    return key


def _keys_of(connection: Connection, codes: Iterable[str]) -> list[str]:
    """The code keys of agencies written in any form. Raises UnknownAgency naming the first that is none."""
    written = list(codes)
    book = agencies.Book(connection, written)
    return sorted({code_key(_known(book, code).code) for code in written})


def _known(book: agencies.Book, code: str) -> Agency:
    agency = book.find(code_key(code)) if code_key(code) else None
    if agency is None:
        raise UnknownAgency(f"no agency {code!r}", agency=code)
    return agency


_BY_KEYS = sa.select(agency_groups).where(agency_groups.c.code_key.in_(sa.bindparam("keys", expanding=True)))
_ALL = sa.select(agency_groups).order_by(agency_groups.c.code_key)
_MEMBERS = (
    sa.select(agency_group_members.c.member_key, agencies_table.c.successor_key)
    .join(agencies_table, agencies_table.c.code_key == agency_group_members.c.member_key)
    .where(agency_group_members.c.group_key == sa.bindparam("of_group"))
)
_FORGET_MEMBERS = sa.delete(agency_group_members).where(agency_group_members.c.group_key == sa.bindparam("of_group"))
