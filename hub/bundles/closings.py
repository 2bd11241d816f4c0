"""Closing a period: its figures are frozen under the hub's signature; later corrections are shown as such.

Owns: computing what is frozen, the receipt over it, judging it later, what changed since and when that became known.
Never: freezes what is not counted yet; changes a frozen figure.
Source: issue 5 point 8; RFC 7515 (the receipt); Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from hub.bundles.kept_reports import day_ends
from hub.domain.closing import (
    NOTHING,
    Amounts,
    Closing,
    Correction,
    Difference,
    Figures,
    amounts_of,
    differences,
    may_close,
    period_of,
    steps,
)
from hub.domain.counting import Direction, Measure, Sums
from hub.domain.periods import Period, vietnam_day, vietnam_time
from hub.domain.rules import RulePack, pack_on
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import ReceiptNotGenuine
from hub.reports import figures as worked_out
from hub.reports.figures import Asked
from hub.signatures.jws import canonical_json, sign_receipt, verify_receipt
from hub.signatures.keys import trusted_of
from hub.stations import Hub, new_id
from hub.store import closings as store
from hub.store import heartbeats
from hub.store.closings import Movement
from hub.store.engine import Connection

EVENT = "PeriodClosed"  # no event of a receipt about a document: hub/domain/receipts.py
_HUB = Scope(ScopeKind.HUB)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a closing would freeze, as the figures stand now."""

    period: Period
    rules: RulePack
    at: datetime
    hub: Figures
    agencies: Mapping[str, Figures]


def plan(hub: Hub, period: Period) -> Plan:
    """The figures that would be frozen.

    Raises: ValueError, its words Vietnamese and English, when the period has not ended, is closed already, or
    something that happened in it is not counted yet; Misconfigured without a rule pack for its last day.
    """
    now = hub.now()
    may_close(period, now)
    rules = pack_on(period.last_day)
    with hub.database.reading() as connection:
        if store.is_closed(connection, period):
            raise ValueError(_already(period))
        if store.uncounted(connection, before=day_ends(period.last_day), now=now):
            raise ValueError(
                f"{period.words[0]} còn sự kiện chưa được tổng hợp; chạy các tiến trình clock và tallier rồi thử lại / "
                f"{period.words[1]} has events that are not tallied yet; let the clock and the tallier run, "
                "then try again"
            )
        of_hub, agencies = _all(connection, period, rules)
    return Plan(period, rules, now, of_hub, agencies)


def close(hub: Hub, planned: Plan, *, by: str) -> Closing:
    """Freeze exactly the planned figures, sign them and put it on record. Raises ValueError when another was first."""
    closing = Closing(
        first_day=planned.period.first_day,
        last_day=planned.period.last_day,
        closed_at=planned.at,
        closed_by=by,
        rule_pack=planned.rules.pack_id,
        hub=planned.hub,
        agencies=planned.agencies,
    )
    closing = replace(closing, data_sha256=digest(closing))
    closing = replace(closing, jws=sign_receipt({"jti": new_id(), **_claims(closing, hub.settings.name)}, hub.key))
    facts = {"period": planned.period.written, "data_sha256": closing.data_sha256, "rule_pack": closing.rule_pack}
    with hub.database.writing() as transaction:
        if not store.add(transaction, closing):
            raise ValueError(_already(planned.period))
        heartbeats.audited(transaction, "reports.period_closed", who=by, at=planned.at, facts=facts)
    return closing


def digest(closing: Closing) -> str:
    """The SHA-256 over all that is frozen, in canonical JSON."""
    return hashlib.sha256(canonical_json(closing.data)).hexdigest()


def faults(hub: Hub, closing: Closing) -> list[tuple[str, str]]:
    """What is not as the hub signed it, Vietnamese and English; empty: figures, facts and receipt are genuine."""
    try:
        claims = verify_receipt(closing.jws, trusted=trusted_of(hub.key, hub.trust))
    except ReceiptNotGenuine as fault:
        return [(f"Chữ ký của trục không hợp lệ ({fault})", f"The hub's signature is not genuine ({fault})")]
    found = []
    if digest(closing) != claims.get("data_sha256"):
        found.append(("Số liệu đã chốt bị sửa sau khi ký", "The frozen figures were changed after they were signed"))
    signed = _claims(closing, claims.get("iss", ""))
    changed = sorted(name for name in signed if claims.get(name) != signed[name])
    found += [(f"“{name}” khác với điều đã ký", f"“{name}” is not what was signed") for name in changed]
    return found


@dataclass(frozen=True, slots=True)
class Today:
    """A closed period beside the figures of today; `agencies` has those that differ."""

    hub: Figures
    changed: tuple[Difference, ...]
    agencies: Mapping[str, tuple[Difference, ...]]


def today(connection: Connection, closing: Closing) -> Today:
    """How the figures stand now, and where they differ from the frozen ones, for the hub and for each agency."""
    of_hub, agencies = _all(connection, _period(closing), pack_on(closing.last_day))
    differing = {
        key: found
        for key in sorted({*closing.agencies, *agencies})
        if (found := differences(closing.agencies.get(key, {}), agencies.get(key, {})))
    }
    return Today(of_hub, differences(closing.hub, of_hub), differing)


def corrections(
    connection: Connection, closing: Closing, now: datetime, *, only: Collection[str], agency_key: str = ""
) -> list[Correction]:
    """What became known on which day since the closing, and by how much that changed `only` these indicators.

    Of the whole hub, or of one agency. What changed without a day being kept for it stands under today.
    """
    if not only:
        return []
    scope = Scope(ScopeKind.UNIT, agency_key) if agency_key else _HUB
    frozen = closing.of({agency_key} if agency_key else None)
    frozen = {one: amounts for one, amounts in frozen.items() if one in only}
    moved = store.movements_since(connection, closing, agency_key=agency_key)
    ends = [(day, _figures(connection, Asked(scope, _period(closing), day), only)) for day in moved]
    ends.append((vietnam_day(now), _figures(connection, Asked(scope, _period(closing)), only)))
    return [
        Correction(day, tuple(_reasons(moved.get(day, Movement()))), changes) for day, changes in steps(frozen, ends)
    ]


def _figures(connection: Connection, asked: Asked, only: Collection[str]) -> Figures:
    found = worked_out.figures(connection, asked, pack_on(asked.period.last_day), only=only)
    return {one: amounts_of(figure) for one, figure in found.items()}


def _all(connection: Connection, period: Period, rules: RulePack) -> tuple[Figures, Mapping[str, Figures]]:
    """Every indicator of the hub, and of each agency that has any number of it."""
    asked = Asked(_HUB, period)
    of_hub = {one: amounts_of(found) for one, found in worked_out.figures(connection, asked, rules).items()}
    agencies: dict[str, dict[str, Amounts]] = {}
    for indicator, figures in worked_out.by_agency(connection, asked, rules, of_hub).items():
        for key, figure in figures.items():
            amounts = amounts_of(figure)
            if amounts != NOTHING:
                agencies.setdefault(key, {})[indicator] = amounts
    return of_hub, agencies


def _claims(closing: Closing, issuer: str) -> dict[str, Any]:
    """What the hub signs of a closing, and what must be the same when it is judged; it names no person."""
    return {
        "iss": issuer,
        "iat": int(closing.closed_at.timestamp()),
        "event": EVENT,
        "event_time": vietnam_time(closing.closed_at),
        "first_day": closing.first_day.isoformat(),
        "last_day": closing.last_day.isoformat(),
        "rule_pack": closing.rule_pack,
        "data_sha256": closing.data_sha256,
        "agencies": len(closing.agencies),
    }


_SENT_OR_RECEIVED: Sequence[tuple[Direction, str, str]] = (
    (Direction.SENT, "gửi", "sent"),
    (Direction.RECEIVED, "nhận", "received"),
    (Direction.REJECTED, "bị từ chối", "rejected"),
    (Direction.UNDELIVERED, "không chuyển được", "not delivered"),
)


def _reasons(movement: Movement) -> Iterator[tuple[str, str]]:
    """Why figures changed on a day, in both languages."""
    for direction, vi, en in _SENT_OR_RECEIVED:
        sums: Sums = movement.sums.get(direction, Sums())
        left = sums[Measure.LEFT]
        if late := sums[Measure.DOCUMENTS] + left:
            yield f"{late:+} văn bản {vi} biết muộn", f"{late:+} {en} documents known late"
        if left:
            yield f"{left:+} văn bản {vi} bị thu hồi hoặc hủy", f"{left:+} {en} documents recalled or cancelled"
        if any(number for measure, number in sums.items() if measure not in (Measure.DOCUMENTS, Measure.LEFT)):
            yield f"trạng thái muộn của văn bản {vi}", f"late statuses of {en} documents"
    if movement.declared:
        yield f"{movement.declared} khai báo mới", f"{movement.declared} new declarations"
    if movement.corrected:
        yield f"{movement.corrected} khai báo được thay", f"{movement.corrected} declarations corrected"
    if movement.planned:
        yield f"{movement.planned} thay đổi kế hoạch kết nối", f"{movement.planned} changes of the connection plan"


def _period(closing: Closing) -> Period:
    return period_of(closing.first_day, closing.last_day)


def _already(period: Period) -> str:
    return f"{period.words[0]} đã chốt rồi / {period.words[1]} is closed already"


def empty_reason(correction: Correction) -> tuple[str, str]:
    """What to say when no movement explains a change."""
    day = f"{correction.known_on:%d/%m/%Y}"
    return (
        f"xếp loại lại hoặc danh mục thay đổi, thấy ngày {day}",
        f"classified anew, or the directory changed; seen on {day}",
    )


def reasons(correction: Correction) -> tuple[str, str]:
    """All reasons of a correction in one line of each language."""
    found = correction.reasons or (empty_reason(correction),)
    return "; ".join(vi for vi, _ in found), "; ".join(en for _, en in found)


def known_since(found: Sequence[Correction], indicator_id: str) -> date | None:
    """The first day on which an indicator was known to differ."""
    return next((one.known_on for one in found if indicator_id in one.changes), None)
