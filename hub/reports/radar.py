"""The radar: what does not move, why, since when, and who must act; counts exact, the list cut.

Owns: the thresholds of the settings as moments, the facts that fill the sentences.
Never: moves anything; tells anybody (hub/processes/notices.py).
Source: field notes §"What none of them has" 9; Decision 28/2018/QĐ-TTg Art. 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from hub.domain.causes import CERTIFICATE_CODES, EndingCertificate, Place, Stuck, StuckCause
from hub.domain.findings import Finding, Sentences, Severity, describe
from hub.domain.periods import VIETNAM, vietnam_day
from hub.settings import Settings
from hub.store import directory, radar
from hub.store.radar import Limits

HUB_IS_LATE = timedelta(hours=1)  # a delivery that waits longer is on the radar, whatever the schedule says
_JUDGED = frozenset({StuckCause.HELD_EVIDENCE, StuckCause.CERTIFICATE})
_DECIDING = frozenset({Severity.ERROR.value, Severity.TRY_LATER.value})


@dataclass(frozen=True, slots=True)
class Radar:
    """One look: a page of what is stuck; `counts` and `total` are of everything; `next` is None on the last page."""

    stuck: tuple[Stuck, ...]
    counts: Mapping[StuckCause, int]
    total: int
    certificates: tuple[EndingCertificate, ...]
    next: Place | None = None


def look(
    connection: Any,
    settings: Settings,
    now: datetime,
    *,
    agency_key: str | None = None,
    limit: int = 500,
    after: Place | None = None,
) -> Radar:
    """What does not move at `now`: of everybody, or what one agency sent or must act on; in one read transaction.

    Most urgent first, then the longest waiting; `after` is the `next` of the page before.
    """
    limits = _limits(settings, now)
    counts = radar.counts(connection, limits, agency_key=agency_key)
    rows = radar.page(connection, limits, agency_key=agency_key, after=after, limit=limit + 1) if counts else ()
    shown = rows[:limit]
    soon = now + timedelta(days=settings.radar_certificate_days)
    ending = radar.certificates(connection, before=soon, now=now, agency_key=agency_key, limit=limit)
    last = shown[-1] if len(rows) > limit else None
    return Radar(
        stuck=_with_facts(connection, shown, now),
        counts=counts,
        total=sum(counts.values()),
        certificates=tuple(ending),
        next=Place(last.urgency, last.since, last.item) if last else None,
    )


def sentences(one: Stuck) -> Sentences:
    """What happened to the document and who must do what next, in both languages."""
    return describe(finding(one.cause, one.evidence))


def finding(cause: StuckCause, evidence: Mapping[str, str]) -> Finding:
    """A cause as a finding, whose sentences are in schemas/codes/findings-radar.toml."""
    return Finding("radar", f"radar.{cause.value}", Severity.WARNING, "", evidence)


def _limits(settings: Settings, now: datetime) -> Limits:
    return Limits(
        now=now,
        tried_before=now - HUB_IS_LATE,
        taken_before=now - timedelta(hours=settings.radar_unfetched_hours),
        called_before=now - timedelta(hours=settings.radar_offline_hours),
        today=datetime.combine(vietnam_day(now), time(), VIETNAM),
        refusals=settings.radar_refusals,
    )


def _with_facts(connection: Any, rows: Any, now: datetime) -> tuple[Stuck, ...]:
    keys = {row.sender_key for row in rows} | {row.recipient_key for row in rows if row.recipient_key}
    names = directory.names_of(connection, keys) if keys else {}
    judged = {row.consignment_id for row in rows if StuckCause(row.cause) in _JUDGED}
    findings = radar.findings_of(connection, judged) if judged else {}
    return tuple(
        Stuck(
            item=row.item,
            cause=StuckCause(row.cause),
            consignment_id=row.consignment_id,
            delivery_id=row.delivery_id,
            sender_key=row.sender_key,
            recipient_key=row.recipient_key,
            must_act=row.must_act,
            since=row.since,
            urgency=row.urgency,
            document_id=row.document_id,
            notation=row.notation,
            evidence=_facts(row, names, now) | _of_findings(row, findings),
        )
        for row in rows
    )


def _facts(row: Any, names: Mapping[str, str], now: datetime) -> dict[str, str]:
    facts = {
        "document": row.notation or row.document_id or row.consignment_id,
        "sender": _named(row.sender_key, names),
        "since": _time(row.since),
        "hours": str(max(0, int((now - row.since).total_seconds() // 3600))),
    }
    if row.recipient_key:
        facts |= {"recipient": _named(row.recipient_key, names), "attempts": str(row.attempts)}
    if row.reason:
        facts["reason"] = row.reason
    if row.due_at:
        facts |= {"until": _time(row.due_at), "article": row.article}
    return facts


def _of_findings(row: Any, findings: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """The findings that held or rejected it: their codes, or the certificate that has ended."""
    cause = StuckCause(row.cause)
    deciding = [one for one in findings.get(row.consignment_id, []) if one["severity"] in _DECIDING]
    if cause is StuckCause.HELD_EVIDENCE:
        return {"codes": ", ".join(dict.fromkeys(one["code"] for one in deciding))}
    ended = next((one for one in deciding if one["code"] in CERTIFICATE_CODES), None)
    if cause is not StuckCause.CERTIFICATE or ended is None:
        return {}
    return {name: ended["evidence"].get(name, "?") for name in ("subject", "until")}


def _named(key: str, names: Mapping[str, str]) -> str:
    return f"{names[key]} ({key})" if names.get(key) else key


def _time(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M}"
