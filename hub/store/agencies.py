"""The directory of agencies, their aliases, API keys and certificates.

Owns: look-ups by any written form of a code, imports, keys (only their hash is kept), certificates.
Never: decides who may speak for whom (hub/domain/agencies.py).
Source: Decision 20/2020/QĐ-TTg; domain notes §2.7 (aliases, successors, bulk import).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import Agency, AgencyStatus, code_key
from hub.errors import IllegalTransition, UnknownAgency
from hub.store.engine import Transaction
from hub.store.life_tables import agency_groups
from hub.store.tables import agencies, agency_aliases, agency_certificates, api_keys

KEY_BYTES = 32  # 256 random bits
KEYS_PER_QUERY = 500  # well below the parameter limits of both databases
MAX_LIVE_KEYS = 2  # the old one keeps working while the new one is rolled out


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: never the key itself, only its short public name."""

    key_id: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AgencyCertificate:
    """A certificate that belongs to an agency; `sha256` is hex of its DER."""

    sha256: str
    subject: str
    not_after: datetime
    pem: str
    withdrawn_at: datetime | None


def as_agency(row: Any) -> Agency:
    """A row of the table `agencies` as the domain knows it."""
    return Agency(
        code=row.code,
        name=row.name,
        parent=row.parent_key,
        successor=row.successor_key,
        status=AgencyStatus(row.status),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        source=row.source,
        note=row.note,
        adapter=row.adapter,
        speaks_for_descendants=row.speaks_for_descendants,
        sees_staff=row.sees_staff,
    )


def find(connection: Connection, key: str) -> Agency | None:
    """The agency with this code key or alias key, or None."""
    row = connection.execute(sa.select(agencies).where(agencies.c.code_key == key)).one_or_none()
    if row is None:
        meant = sa.select(agency_aliases.c.code_key).where(agency_aliases.c.alias_key == key)
        row = connection.execute(sa.select(agencies).where(agencies.c.code_key.in_(meant))).one_or_none()
    return as_agency(row) if row is not None else None


class Book:
    """The directory as one request sees it: the codes named at the start in one query, others when asked for."""

    def __init__(self, connection: Connection, codes: Iterable[str]) -> None:
        self._connection = connection
        self._known: dict[str, Agency | None] = {}
        wanted = sorted({code_key(code) for code in codes} - {""})
        for start in range(0, len(wanted), KEYS_PER_QUERY):
            self._fetch(wanted[start : start + KEYS_PER_QUERY])

    def find(self, key: str) -> Agency | None:
        """The agency with this code key or alias key, or None."""
        if key not in self._known:
            self._known[key] = find(self._connection, key)
        return self._known[key]

    def _fetch(self, keys: list[str]) -> None:
        self._known.update(dict.fromkeys(keys))
        for row in self._connection.execute(_ASKED, {"keys": keys}):
            if self._known[row.asked] is None or row.asked == row.code_key:  # an own code wins over an alias
                self._known[row.asked] = as_agency(row)


_KEYS = sa.bindparam("keys", expanding=True)
_ASKED = sa.union_all(  # statements of the hot path are made once: SQLAlchemy keeps what it derived from them
    sa.select(agencies, agencies.c.code_key.label("asked")).where(agencies.c.code_key.in_(_KEYS)),
    sa.select(agencies, agency_aliases.c.alias_key.label("asked"))
    .join(agency_aliases, agency_aliases.c.code_key == agencies.c.code_key)
    .where(agency_aliases.c.alias_key.in_(_KEYS)),
)
_A_GROUP = sa.select(agency_groups.c.code_key).where(agency_groups.c.code_key == sa.bindparam("key"))
_HOLDER = (
    sa.select(agencies)
    .join(agency_certificates, agency_certificates.c.code_key == agencies.c.code_key)
    .where(agency_certificates.c.sha256 == sa.bindparam("sha256"), agency_certificates.c.withdrawn_at.is_(None))
)
_NAMESAKE = (
    sa.select(agencies.c.code_key)
    .where(agencies.c.name == sa.bindparam("name"), agencies.c.code_key != sa.bindparam("own"))
    .limit(1)
)
_OF_KEY = (
    sa.select(agencies, api_keys.c.key_id)
    .join(api_keys, api_keys.c.code_key == agencies.c.code_key)
    .where(api_keys.c.key_sha256 == sa.bindparam("digest"), api_keys.c.revoked_at.is_(None))
)


def require(connection: Connection, code: str) -> Agency:
    """The agency with this code. Raises UnknownAgency."""
    agency = find(connection, code_key(code)) if code_key(code) else None
    if agency is None:
        raise UnknownAgency(f"no agency {code!r}", agency=code)
    return agency


def of_key(connection: Connection, api_key: str) -> tuple[Agency, str] | None:
    """The agency that holds this live API key and the key's public name, or None."""
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    row = connection.execute(_OF_KEY, {"digest": digest}).one_or_none()
    return (as_agency(row), row.key_id) if row is not None else None


def keep(transaction: Transaction, agency: Agency, *, now: datetime) -> bool:
    """Add the agency or change its facts; True when it is new. Raises UnknownAgency for a code that cannot be one."""
    key = code_key(agency.code)
    if not key:
        raise UnknownAgency(f"{agency.code!r} cannot be an agency code", agency=agency.code)
    facts = {
        "code": agency.code,
        "name": agency.name,
        "parent_key": code_key(agency.parent or "") or None,
        "successor_key": code_key(agency.successor or "") or None,
        "status": agency.status.value,
        "valid_from": agency.valid_from,
        "valid_until": agency.valid_until,
        "source": agency.source,
        "note": agency.note,
        "adapter": agency.adapter,
        "speaks_for_descendants": agency.speaks_for_descendants,
        "sees_staff": agency.sees_staff,
        "changed_at": now,
    }
    changed = transaction.execute(sa.update(agencies).where(agencies.c.code_key == key).values(facts))
    if changed.rowcount:
        return False
    _no_group_or_raise(transaction, key)
    transaction.execute(sa.insert(agencies).values(code_key=key, **facts))
    return True


def _no_group_or_raise(transaction: Transaction, key: str) -> None:
    """A code means an agency or a group, never both (hub/store/groups.py keeps the other half)."""
    if transaction.execute(_A_GROUP, {"key": key}).first() is not None:
        raise IllegalTransition(f"{key} means a group", thing="group", state=key)


def keep_aliases(transaction: Transaction, agency: Agency, aliases: Iterable[str]) -> None:
    """Other codes that mean this agency. Raises UnknownAgency for what cannot be a code."""
    for alias in aliases:
        if not code_key(alias):
            raise UnknownAgency(f"{alias!r} cannot be an agency code", agency=alias)
        row = {"alias": alias.strip(), "code_key": code_key(agency.code)}
        where = agency_aliases.c.alias_key == code_key(alias)
        if not transaction.execute(sa.update(agency_aliases).where(where).values(row)).rowcount:
            _no_group_or_raise(transaction, code_key(alias))
            transaction.execute(sa.insert(agency_aliases).values(alias_key=code_key(alias), **row))


def new_key(transaction: Transaction, agency: Agency, *, now: datetime) -> str:
    """A fresh API key, shown this once. Raises IllegalTransition when two are live already."""
    locked = sa.select(agencies.c.code_key).where(agencies.c.code_key == code_key(agency.code)).with_for_update()
    transaction.execute(locked).one()
    live = [key for key in keys(transaction.connection, agency) if key.revoked_at is None]
    if len(live) >= MAX_LIVE_KEYS:
        raise IllegalTransition(f"{agency.code} has {len(live)} live keys; revoke one", thing="API key", state="live")
    plain = "hub_" + secrets.token_urlsafe(KEY_BYTES)
    transaction.execute(
        sa.insert(api_keys).values(
            key_sha256=hashlib.sha256(plain.encode()).hexdigest(),
            key_id=secrets.token_hex(6),
            code_key=code_key(agency.code),
            created_at=now,
        )
    )
    return plain


def keys(connection: Connection, agency: Agency) -> list[ApiKey]:
    """All keys that the agency ever had, oldest first."""
    rows = connection.execute(
        sa.select(api_keys.c.key_id, api_keys.c.created_at, api_keys.c.revoked_at)
        .where(api_keys.c.code_key == code_key(agency.code))
        .order_by(api_keys.c.created_at)
    )
    return [ApiKey(row.key_id, row.created_at, row.revoked_at) for row in rows]


def revoke_key(transaction: Transaction, key_id: str, *, now: datetime) -> bool:
    """End a key at once; False when no such live key exists."""
    live = sa.and_(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
    return transaction.execute(sa.update(api_keys).where(live).values(revoked_at=now)).rowcount == 1


def keep_certificate(
    transaction: Transaction, agency: Agency, certificate: AgencyCertificate, *, now: datetime
) -> None:
    """The certificate belongs to the agency from now on. Raises IllegalTransition when it is, or was, another's."""
    ever = sa.select(agency_certificates.c.code_key, agency_certificates.c.withdrawn_at)
    rows = transaction.execute(ever.where(agency_certificates.c.sha256 == certificate.sha256)).all()
    others = sorted({row.code_key for row in rows} - {code_key(agency.code)})
    if others:
        raise IllegalTransition(f"certificate belongs to {others[0]}", thing="certificate", state=others[0])
    if any(row.withdrawn_at is None for row in rows):
        return
    transaction.execute(
        sa.insert(agency_certificates).values(
            sha256=certificate.sha256,
            code_key=code_key(agency.code),
            subject=certificate.subject,
            not_after=certificate.not_after,
            pem=certificate.pem,
            added_at=now,
        )
    )


def withdraw_certificate(transaction: Transaction, sha256: str, *, now: datetime) -> bool:
    """The certificate belongs to nobody from now on; what it signed before stays as it was judged. False: nobody's."""
    held = sa.and_(agency_certificates.c.sha256 == sha256, agency_certificates.c.withdrawn_at.is_(None))
    return transaction.execute(sa.update(agency_certificates).where(held).values(withdrawn_at=now)).rowcount == 1


def has_namesake(connection: Connection, agency: Agency) -> bool:
    """True when another agency of the directory is written with the same name (communes of two provinces are)."""
    return connection.execute(_NAMESAKE, {"name": agency.name, "own": code_key(agency.code)}).first() is not None


def certificate_holder(connection: Connection, sha256: str) -> Agency | None:
    """The agency to which a certificate belongs now, or None."""
    row = connection.execute(_HOLDER, {"sha256": sha256}).one_or_none()
    return as_agency(row) if row is not None else None
