"""What happens to a document, one file per event: receive, examine, verify, record, route, deliver, acknowledge, tally.

Owns: the Hub that every station gets, and the four promises each station keeps (tested for each):
1. it locks its row first and looks at the state; in the wrong state it does nothing, so duplicates are free;
2. it writes all that it decided in one transaction, including the outbox rows that wake the next station;
3. it talks to the outside world only through a port, before or after the transaction, never inside it;
4. it raises only HubErrors; a deferral leaves the row for the schedule, anything else is a bug and is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import uuid_utils

from hub.domain.notices import CarrierKind
from hub.domain.periods import vietnam_day
from hub.domain.rules import RulePack, pack_on
from hub.domain.working_time import WorkingCalendar
from hub.ports import AgencyAdapter, EvidenceSource, NoticeCarrier, PayloadStore, Scanner, TimestampAuthority
from hub.settings import Settings
from hub.signatures.anchors import Trust
from hub.signatures.keys import HubKey
from hub.signatures.pdf import PdfJudge
from hub.store.engine import Database
from hub.store.evidence import StoredBook

RESCUE_AFTER = timedelta(seconds=60)  # a row that did not move by then is woken again by the clock


def utc_now() -> datetime:
    """The time of the machine, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything that a station may use; made once per process by hub/wiring.py.

    `evidence_source`, `timestamps` and `carriers` reach outward and are for the clock alone; `book` is what was
    fetched.
    """

    settings: Settings
    database: Database
    payloads: PayloadStore
    agencies: Mapping[str, AgencyAdapter]
    trust: Trust
    book: StoredBook
    pdfs: PdfJudge
    key: HubKey
    evidence_source: EvidenceSource
    calendar: WorkingCalendar
    scanner: Scanner | None = None
    timestamps: TimestampAuthority | None = None
    carriers: Mapping[CarrierKind, NoticeCarrier] = field(default_factory=dict)
    now: Callable[[], datetime] = utc_now

    def close(self) -> None:
        """Let go of the child processes and the database."""
        self.pdfs.close()
        self.database.close()

    def rules_on(self, moment: datetime) -> RulePack:
        """The rule pack in force at a moment, by the Vietnamese day. Raises Misconfigured when there is none."""
        return pack_on(vietnam_day(moment))


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562): unique, and in the order of time."""
    return str(uuid_utils.uuid7())
