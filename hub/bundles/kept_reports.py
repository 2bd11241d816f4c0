"""A report that is made, signed and kept with its files; made again as known on the same day it must be the same.

Owns: the forms of a kept report, the hub's claims about it, judging one that was kept, naming what differs.
Never: decides when a report is due or sends it (hub/processes/reporting.py); overwrites what was kept.
Source: issue 5 point 7; RFC 7515 (the signature); Decision 28/2018/QĐ-TTg Art. 15.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hub import reports
from hub.domain.periods import VIETNAM, Period, period, vietnam_time
from hub.domain.schedules import MOST_FIGURES, FileSaid, MainFigure, Told, Wish, wish_from
from hub.errors import PayloadsUnavailable, PdfNotMade, PdfUnavailable, ReceiptNotGenuine
from hub.reports import as_csv, as_json, as_pdf, as_xlsx
from hub.reports.figures import Asked
from hub.reports.formats import number_vi
from hub.reports.made import Made
from hub.reports.protocol import report_asked
from hub.signatures.jws import sign_receipt, verify_receipt
from hub.signatures.keys import trusted_of
from hub.stations import Hub, new_id
from hub.store import closings
from hub.store.engine import Connection
from hub.store.kept_reports import Kept, KeptFile

EVENT = "ReportKept"  # no event of a receipt about a document: hub/domain/receipts.py
DATA = "json"  # always kept: with it, a report that comes out otherwise can say where
MOST_NAMED = 50
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a report's file."""

    media_type: str
    write: Callable[[Made], bytes]


def _json(made: Made) -> bytes:
    return (json.dumps(as_json.shown(made), ensure_ascii=False, indent=1) + "\n").encode()


def _csv(made: Made) -> bytes:
    return b"".join(as_csv.write_made(made))


def _xlsx(made: Made) -> bytes:
    file = io.BytesIO()
    as_xlsx.write_made(made, file)
    return file.getvalue()


FORMS: Mapping[str, Form] = {
    DATA: Form("application/json", _json),
    "csv": Form("text/csv", _csv),
    "xlsx": Form("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "pdf": Form("application/pdf", as_pdf.write),
}


@dataclass(frozen=True, slots=True)
class Order:
    """One report to be made: of which period, as known at the end of which day."""

    report: str
    wish: Wish
    period: Period
    known_on: date
    schedule_id: str | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """As it is kept and signed; `order_of` reads it back."""
        return {"period": self.period.written, **self.wish.as_json()}


def order_of(kept: Kept) -> Order:
    """What was ordered when this report was made."""
    return Order(kept.report, wish_from(kept.asked), period(kept.asked["period"]), kept.known_on, kept.schedule_id)


def day_ends(day: date) -> datetime:
    """The moment at which a Vietnamese day is over."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=VIETNAM)


def ready(connection: Connection, known_on: date, now: datetime) -> bool:
    """Whether the figures as known on that day are final: the day is over, and all that happened by then is counted."""
    over = day_ends(known_on)
    return now >= over and not closings.uncounted(connection, before=over, now=now)


def made(hub: Hub, order: Order) -> Made:
    """The report as its figures stand in the database. Raises what the report raises."""
    asked = Asked(order.wish.scope, order.period, order.known_on, order.wish.document_type)
    question = report_asked(asked, hub.settings, now=hub.now(), compare=order.wish.compare)
    with hub.database.reading() as connection:
        return reports.make(connection, order.report, question)


def kept(hub: Hub, order: Order, report: Made) -> Kept:
    """The report with its files in the payload store and the hub's signature; the caller puts its row in place.

    A PDF that this hub cannot typeset is left out (`missing` names it): the figures are kept all the same.
    Raises PayloadsUnavailable, Deferral.
    """
    stem = f"{order.report}-{order.period.written}-{order.known_on.isoformat()}"
    one = Kept(
        id=new_id(),
        schedule_id=order.schedule_id,
        report=order.report,
        asked=order.asked,
        known_on=order.known_on,
        made_at=report.made_at,
        data_sha256=report.data_sha256,
        files=tuple(_files(hub, order.wish.formats, stem, report)),
        jws="",
    )
    claims = _claims(one, hub.settings.name) | {"rule_pack": report.rule_pack}
    return replace(one, jws=sign_receipt(claims, hub.key))


def content(hub: Hub, file: KeptFile) -> bytes:
    """The bytes of a kept file. Raises PayloadsUnavailable, also when they are not those that were kept."""
    digest, pieces = hashlib.sha256(), []
    with hub.payloads.open(file.sha256) as body:
        while piece := body.read(CHUNK_BYTES):
            digest.update(piece)
            pieces.append(piece)
    if digest.hexdigest() != file.sha256:
        raise PayloadsUnavailable(f"{file.name}: the bytes are not those that were kept")
    return b"".join(pieces)


def missing(one: Kept) -> list[str]:
    """The forms that were asked for and could not be made."""
    there = {file.name.rpartition(".")[2] for file in one.files}
    return [form for form in one.asked["formats"] if form not in there]


def signature_name(one: Kept) -> str:
    """The name of the file with the hub's signature, beside the others."""
    return f"{one.files[0].name.rpartition('.')[0]}.jws"


def data(hub: Hub, one: Kept) -> dict[str, Any]:
    """The report as JSON, as it was kept. Raises PayloadsUnavailable."""
    found: dict[str, Any] = json.loads(
        content(hub, next(f for f in one.files if f.media_type == FORMS[DATA].media_type))
    )
    return found


def faults(hub: Hub, one: Kept) -> list[tuple[str, str]]:
    """What is not as the hub signed it, Vietnamese and English; empty: signature, facts and files are genuine."""
    found = []
    try:
        claims = verify_receipt(one.jws, trusted=trusted_of(hub.key, hub.trust))
    except ReceiptNotGenuine as fault:
        return [(f"Chữ ký của trục không hợp lệ ({fault})", f"The hub's signature is not genuine ({fault})")]
    signed = _claims(one, claims.get("iss", ""))
    changed = sorted(name for name in signed if claims.get(name) != signed[name])
    found += [(f"“{name}” khác với điều đã ký", f"“{name}” is not what was signed") for name in changed]
    for file in one.files:
        try:
            content(hub, file)
        except PayloadsUnavailable as fault:
            found.append((f"{file.name}: không đọc được nguyên vẹn ({fault})", f"{file.name}: not readable ({fault})"))
    return found


def told(hub: Hub, one: Kept) -> Told:
    """What a mail says about a kept report; the files are those that its readers asked for. Raises as `data`."""
    shown, days = data(hub, one), period(one.asked["period"])
    wanted = set(one.asked["formats"])
    return Told(
        report_id=one.id,
        report=one.report,
        hub=hub.settings.name,
        title=_pair(shown["title"]),
        period=days.written,
        period_words=days.words,
        lines=[_pair(line) for line in shown["lines"]],
        figures=main_figures(shown),
        known_on=one.known_on,
        data_sha256=one.data_sha256,
        rule_pack=shown["rule_pack"],
        files=[FileSaid(f.name, f.sha256, f.size_bytes) for f in one.files if f.name.rpartition(".")[2] in wanted],
        missing=missing(one),
    )


def main_figures(shown: Mapping[str, Any]) -> list[MainFigure]:
    """The first of what the report is about, in both languages: a percent with so many of so many, or a count."""
    found = []
    for one in shown["figures"][:MOST_FIGURES]:
        vi, en = _pair(one["name"])
        found.append(MainFigure(f"{vi}: {_written(one)}", f"{en}: {_written(one)}"))
    return found


def _written(one: Mapping[str, Any]) -> str:
    """An indicator or a count as it is printed."""
    if "count" in one:
        return number_vi(one["count"])
    above, below = (number_vi(sum(one[side].values())) for side in ("numerator", "denominator"))
    return f"{one['percent_vi']} ({above}/{below})"


def _pair(words: Mapping[str, str]) -> tuple[str, str]:
    return words["vi"], words["en"]


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What came out when a kept report was made again; `differs` names places, old and new value."""

    data_sha256: str
    same: bool
    differs: tuple[tuple[str, str, str], ...] = ()


def reproduce(hub: Hub, one: Kept) -> Reproduced:
    """Make a kept report again, as known on the same day, and compare. Raises as `made` and `content` do."""
    again = made(hub, order_of(one))
    if again.data_sha256 == one.data_sha256:
        return Reproduced(again.data_sha256, same=True)
    before = data(hub, one)
    after = json.loads(FORMS[DATA].write(again))
    found = [place for place in _differences(before, after) if not _NOT_DATA.search(place[0])]
    return Reproduced(again.data_sha256, same=False, differs=tuple(found[:MOST_NAMED]))


# What the digest leaves out too: hub/reports/made.py
_NOT_DATA = re.compile(r"^made_at$|^data_sha256$|\.links\.|^letter\.(number|place|day)$")


def _differences(before: Any, after: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    """The places at which two JSON values differ, the deepest ones."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(name), after.get(name), f"{where}.{name}" if where else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{where}[{number}]")
    elif before != after:
        yield where, _short(before), _short(after)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:100] + "…"


def _claims(one: Kept, issuer: str) -> dict[str, Any]:
    """What the hub signs of a kept report, and what must be the same when it is judged."""
    return {
        "iss": issuer,
        "jti": one.id,
        "iat": int(one.made_at.timestamp()),
        "event": EVENT,
        "event_time": vietnam_time(one.made_at),
        "report": one.report,
        "asked": dict(one.asked),
        "known_on": one.known_on.isoformat(),
        "data_sha256": one.data_sha256,
        "files": [asdict(file) for file in one.files],
    }


def _files(hub: Hub, formats: Sequence[str], stem: str, report: Made) -> Iterator[KeptFile]:
    """Every form of the report that can be made, the data first, durably in the payload store."""
    for form_id in dict.fromkeys((DATA, *formats)):
        with suppress(PdfUnavailable, PdfNotMade):
            yield _file(hub, form_id, f"{stem}.{form_id}", report)


def _file(hub: Hub, form_id: str, name: str, report: Made) -> KeptFile:
    form = FORMS[form_id]
    body = form.write(report)
    file = KeptFile(name, form.media_type, hashlib.sha256(body).hexdigest(), len(body))
    if hub.payloads.free_bytes() - len(body) < hub.settings.min_free_bytes:
        raise PayloadsUnavailable("too little space is left to keep a report")
    draft = hub.payloads.begin()
    try:
        draft.write(body)
        draft.keep(file.sha256)
    except BaseException:
        draft.discard()
        raise
    return file
