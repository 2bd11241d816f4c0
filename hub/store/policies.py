"""What the hub demands of one agency's signatures, where it differs from the rule pack.

Owns: reading and writing the rows; each has a last day or none; one that was replaced or taken back stays, ended.
Never: decides which row holds (hub/domain/signature_policy.py).
Source: domain notes §6; a compatibility profile ends on a day that everybody can see.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.store.engine import Transaction
from hub.store.life_tables import signature_policies


def of_agency(connection: Connection, agency_key: str) -> list[PolicyRow]:
    """The agency's own rows that stand, also those whose last day has passed, in a fixed order."""
    return [
        PolicyRow(Demand(row.demand), Level(row.level), row.document_type, row.until)
        for row in connection.execute(_OF_AGENCY, {"agency": agency_key})
    ]


def keep(transaction: Transaction, agency_key: str, row: PolicyRow, *, now: datetime) -> None:
    """Set one row; an earlier one for the same demand and type ends."""
    if row in of_agency(transaction.connection, agency_key):
        return
    forget(transaction, agency_key, row.demand, row.document_type, now=now)
    values = {
        "code_key": agency_key,
        "document_type": row.document_type,
        "demand": row.demand.value,
        "level": row.level.value,
        "until": row.until,
        "set_at": now,
    }
    transaction.execute(sa.insert(signature_policies).values(values))


def forget(transaction: Transaction, agency_key: str, demand: Demand, document_type: str, *, now: datetime) -> None:
    """Back to what the rule pack says; harmless when nothing was set."""
    standing = sa.update(signature_policies).where(
        signature_policies.c.code_key == agency_key,
        signature_policies.c.demand == demand.value,
        signature_policies.c.document_type == document_type,
        signature_policies.c.ended_at.is_(None),
    )
    transaction.execute(standing.values(ended_at=now))


_OF_AGENCY = (
    sa.select(signature_policies)
    .where(signature_policies.c.code_key == sa.bindparam("agency"), signature_policies.c.ended_at.is_(None))
    .order_by(signature_policies.c.demand, signature_policies.c.document_type)
)
