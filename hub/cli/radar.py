"""`hub radar`: what does not move, why, and who must act.

Owns: the command, its table and its JSON.
Never: moves anything; `hub retry` and the parties do.
Source: field notes §"What none of them has" 9.
"""

from __future__ import annotations

import json
from typing import Any

import click

from hub import settings
from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.causes import EndingCertificate, Stuck
from hub.domain.periods import vietnam_time
from hub.reports import radar as report
from hub.reports.radar import Radar
from hub.stations import utc_now
from hub.store import agencies

HUB_ITSELF = "quản trị trục / the hub's administrators"


@click.command()
@click.option("--agency", default="", help="Chỉ của đơn vị này / only what this agency sent or must act on.")
@click.option("--limit", type=click.IntRange(min=1), default=500, show_default=True, help="Số dòng / most rows.")
@click.option("--json", "as_json", is_flag=True, help="JSON cho chương trình / for programs.")
def radar(*, agency: str, limit: int, as_json: bool) -> None:
    """Văn bản nào không đi tiếp, vì sao, ai phải làm gì / what does not move, why, and who must act."""
    configured = settings.load()
    with opened.database(configured) as database, database.reading() as connection:
        key = code_key(agencies.require(connection, agency).code) if agency else None
        seen = report.look(connection, configured, utc_now(), agency_key=key, limit=limit)
    click.echo(json.dumps(_plain(seen), ensure_ascii=False, indent=2) if as_json else _table(seen))


def _table(seen: Radar) -> str:
    lines = [_counts(seen), *(_line(one) for one in seen.stuck)]
    if len(seen.stuck) < seen.total:
        lines.append(f"… {seen.total - len(seen.stuck)} dòng nữa, dùng --limit / more rows, use --limit")
    return "\n".join([*lines, *(_ending(one) for one in seen.certificates)])


def _counts(seen: Radar) -> str:
    if not seen.total:
        return "Không có văn bản nào bị kẹt. / Nothing is stuck."
    rows = [f"  {many:>8}  {cause.value}" for cause, many in sorted(seen.counts.items(), key=lambda row: -row[1])]
    return "\n".join([f"Không đi tiếp / stuck: {seen.total}", *rows])


def _line(one: Stuck) -> str:
    words = report.sentences(one)
    return (
        f"\n{one.cause.value}  {one.document_id or one.notation}  {one.item}\n"
        f"  {words.vi} / {words.en}\n"
        f"  → {one.must_act or HUB_ITSELF}: {words.fix_vi} / {words.fix_en}"
    )


def _ending(one: EndingCertificate) -> str:
    state = "đã hết hạn / has ended" if one.ended else "sắp hết hạn / ends soon"
    return (
        f"\nChứng thư / certificate {one.agency_key} {one.agency_name}: {one.subject}, {one.ends_at:%Y-%m-%d}, {state}"
    )


def _plain(seen: Radar) -> dict[str, Any]:
    return {
        "total": seen.total,
        "counts": {cause.value: many for cause, many in sorted(seen.counts.items())},
        "stuck": [_stuck(one) for one in seen.stuck],
        "certificates": [
            {
                "agency": one.agency_key,
                "subject": one.subject,
                "ends_at": vietnam_time(one.ends_at),
                "ended": one.ended,
            }
            for one in seen.certificates
        ],
    }


def _stuck(one: Stuck) -> dict[str, Any]:
    words = report.sentences(one)
    return {
        "item": one.item,
        "cause": one.cause.value,
        "must_act": one.must_act,
        "since": vietnam_time(one.since),
        "urgency": one.urgency,
        "sender": one.sender_key,
        "recipient": one.recipient_key,
        "document_id": one.document_id,
        "notation": one.notation,
        "consignment": one.consignment_id,
        "delivery": one.delivery_id,
        "message": {"vi": words.vi, "en": words.en},
        "fix": {"vi": words.fix_vi, "en": words.fix_en},
        "facts": one.evidence,
    }
