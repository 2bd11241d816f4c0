"""`hub audit chain`: walks all seals and the receipts below them, and names the first bad link.

Owns: the walk in bounded memory, the words for each way in which the chain may be broken; exit 0 or 1.
Never: repairs, or skips a receipt; what came after the newest seal it was told of (`--head`) it cannot know.
Source: design §6; RFC 6962 §2.1; threats E22, E23.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from hub import settings, wiring
from hub.domain import merkle
from hub.domain.findings import describe
from hub.domain.seals import leaf_of
from hub.errors import ReceiptNotGenuine
from hub.signatures import timestamps
from hub.signatures.jws import verify_receipt
from hub.signatures.keys import trusted_of
from hub.signatures.timestamps import Expected, chain_judge
from hub.stations import Hub
from hub.store import seals
from hub.store.seals import Seal, SealedRow

_HEAD = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TELL_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class BadLink:
    """Where the chain breaks first: `code` for programs, `where` in numbers, and what was done, in both languages."""

    code: str
    where: str
    vi: str
    en: str


@dataclass(slots=True)
class Walk:
    """What was walked, and the first bad link (None: the chain is whole).

    `undetermined` counts timestamps that could not be judged to the end, `reason` says why for the last of them.
    """

    seals: int = 0
    receipts: int = 0
    unsealed: int = 0
    stamped: int = 0
    undetermined: int = 0
    reason: str = ""
    head: str = ""
    head_was_seal: int = 0
    bad: BadLink | None = None


@click.group()
def audit() -> None:
    """Kiểm toán / audit."""


@audit.command()
@click.option("--head", default="", help="Mã đầu chuỗi đã ghi lại trước đây / a head that was noted earlier (hex).")
def chain(*, head: str) -> None:
    """Đi hết chuỗi niêm phong, chỉ ra mắt xích hỏng đầu tiên / walk the seals, name the first bad link."""
    wanted = head.strip().lower()
    if wanted and not _HEAD.fullmatch(wanted):
        raise click.BadParameter("64 chữ số hex / 64 hex digits", param_hint="--head")
    hub = wiring.open_hub(settings.load())
    try:
        walk = walked(hub, head=wanted, tell=_Progress())
    finally:
        hub.close()
    _report(walk, wanted)
    sys.exit(1 if walk.bad else 0)


def walked(hub: Hub, *, head: str = "", tell: Callable[[Walk], None] = lambda _: None) -> Walk:
    """The whole chain walked up to its first bad link; `head` must be among its heads. Raises StoreUnavailable."""
    walk = Walk()
    with closing(_bad_links(hub, walk, head, tell)) as found:
        walk.bad = next(found, None)
    return walk


def _bad_links(hub: Hub, walk: Walk, head: str, tell: Callable[[Walk], None]) -> Iterator[BadLink]:
    trusted = trusted_of(hub.key, hub.trust)
    with hub.database.reading() as connection:
        for link in seals.walk(connection):
            yield from _statement(link, walk)
            yield from _rows(link, seals.receipts_of(connection, link.statement.number), walk, trusted)
            yield from _token(link, walk, hub)
            walk.seals, walk.head = walk.seals + 1, link.head
            if link.head == head:
                walk.head_was_seal = walk.seals
            tell(walk)
        yield from _tail(walk, seals.beyond(connection, walk.seals), head)
        for row in seals.receipts_of(connection, None):
            yield from _testimony(row, f"receipt {row.receipt_id}", trusted)
            walk.unsealed += 1


def _statement(link: Seal, walk: Walk) -> Iterator[BadLink]:
    said, expected = link.statement, walk.seals + 1
    if said.number != expected:
        yield _missing_seal(expected)
    where = f"seal {said.number}"
    leaves = _leaves(link)
    if len(link.leaves) != said.size * merkle.HASH_BYTES or merkle.root_of(leaves).hex() != said.root:
        yield BadLink(
            "seal.changed", where, "Gốc hoặc lá của niêm phong đã bị sửa.", "Its root or leaves were changed."
        )
    if said.head != link.head:
        yield BadLink("seal.changed", where, "Nội dung niêm phong đã bị sửa.", "What it states was changed.")
    if said.previous != walk.head:
        vi = f"Niêm phong không nối với niêm phong {expected - 1}: một trong hai đã bị thay (rẽ nhánh)."
        en = f"It is not linked to seal {expected - 1}: one of the two was replaced (a fork)."
        yield BadLink("seal.forked", where, vi, en)


def _missing_seal(number: int) -> BadLink:
    return BadLink("seal.deleted", f"seal {number}", "Niêm phong này đã bị xóa.", "This seal was deleted.")


def _rows(link: Seal, rows: Iterator[SealedRow], walk: Walk, trusted: Sequence[Any]) -> Iterator[BadLink]:
    """Every leaf has its row, every row its leaf, in the same order and with the same bytes."""
    leaves, expected = _leaves(link), 0
    for row in rows:
        where = f"seal {link.statement.number}, leaf {row.leaf}, receipt {row.receipt_id}"
        if row.leaf is None or not 0 <= row.leaf < len(leaves) or row.leaf < expected:
            yield BadLink("receipt.inserted", where, "Biên nhận bị chèn thêm.", "This receipt was inserted.")
        elif row.leaf > expected:
            yield _missing_row(link, expected)
        elif leaf_of(row.jws) != leaves[expected]:
            yield _other_row(row, where, leaves)
        yield from _testimony(row, where, trusted)
        expected += 1
        walk.receipts += 1
    if expected < len(leaves):
        yield _missing_row(link, expected)


def _missing_row(link: Seal, leaf: int) -> BadLink:
    where = f"seal {link.statement.number}, leaf {leaf}, hash {_leaves(link)[leaf].hex()}"
    return BadLink("receipt.deleted", where, "Biên nhận ở chỗ này đã bị xóa.", "The receipt here was deleted.")


def _other_row(row: SealedRow, where: str, leaves: Sequence[bytes]) -> BadLink:
    own = leaf_of(row.jws)
    if own in leaves:
        place = leaves.index(own)
        vi, en = f"Biên nhận bị đổi chỗ; chỗ đúng là lá {place}.", f"This receipt was moved; its place is leaf {place}."
        return BadLink("receipt.moved", where, vi, en)
    return BadLink("receipt.changed", where, "Biên nhận đã bị sửa sau khi niêm phong.", "It was changed after sealing.")


def _testimony(row: SealedRow, where: str, trusted: Sequence[Any]) -> Iterator[BadLink]:
    """The hub signed the receipt, and the row says nothing else than the receipt itself."""
    try:
        claims = verify_receipt(row.jws, trusted=trusted)
    except ReceiptNotGenuine as fault:
        vi = f"Biên nhận không phải do trục này ký ({fault})."
        yield BadLink("receipt.not_genuine", where, vi, f"This hub did not sign the receipt ({fault}).")
        return
    stored = (row.receipt_id, row.consignment_id, row.delivery_id, row.event)
    if stored != tuple(claims.get(name) for name in ("jti", "consignment", "delivery", "event")):
        vi = "Dòng dữ liệu nói khác với chính biên nhận (mã, lượt gửi, lượt nhận hoặc sự kiện)."
        en = "The row says something else than its receipt (id, consignment, delivery or event)."
        yield BadLink("receipt.row_changed", where, vi, en)


def _token(link: Seal, walk: Walk, hub: Hub) -> Iterator[BadLink]:
    if link.token is None:
        return
    expected = Expected(bytes.fromhex(link.head), not_before=link.statement.sealed_at, not_after=hub.now())
    report = timestamps.verify_token(link.token, expected, judge=chain_judge(hub.trust, hub.book))
    if report.invalid or report.timestamp is None:
        words = describe(report.findings[0])
        yield BadLink("seal.wrong_timestamp", f"seal {link.statement.number}", words.vi, words.en)
    walk.stamped += report.valid
    walk.undetermined += not report.valid
    if not report.valid:
        walk.reason = describe(report.findings[0]).vi if report.findings else ""


def _tail(walk: Walk, beyond: tuple[str, int] | None, head: str) -> Iterator[BadLink]:
    if beyond is not None:
        receipt, number = beyond
        vi = f"Biên nhận {receipt} thuộc niêm phong {number} nhưng niêm phong đó không còn: đuôi chuỗi bị cắt."
        en = f"Receipt {receipt} belongs to seal {number}, which is not there: the tail was cut off."
        yield BadLink("seal.tail_cut", f"seal {walk.seals + 1}", vi, en)
    if head and not walk.head_was_seal:
        vi = "Mã đầu chuỗi đã ghi không có trong chuỗi: đuôi chuỗi bị cắt, hoặc chuỗi bị làm lại."
        en = "The noted head is not in the chain: its tail was cut off, or the chain was made anew."
        yield BadLink("seal.head_unknown", f"after seal {walk.seals}", vi, en)


def _leaves(link: Seal) -> list[bytes]:
    step = merkle.HASH_BYTES
    return [link.leaves[at : at + step] for at in range(0, len(link.leaves), step)]


class _Progress:
    """One line on a terminal, rewritten at most once a second; nothing into files and pipes."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TELL_EVERY_SECONDS

    def __call__(self, walk: Walk) -> None:
        """Shows how far the walk is."""
        if time.monotonic() < self._next or not sys.stderr.isatty():
            return
        self._next = time.monotonic() + _TELL_EVERY_SECONDS
        click.echo(f"\r  {walk.seals} niêm phong / seals, {walk.receipts} biên nhận / receipts …", nl=False, err=True)


def _report(walk: Walk, wanted: str) -> None:
    click.echo(f"Niêm phong / seals: {walk.seals}")
    click.echo(f"Biên nhận đã niêm phong / sealed receipts: {walk.receipts}")
    if walk.bad is not None:
        click.echo(f"✗ Mắt xích hỏng đầu tiên / first bad link: {walk.bad.where} [{walk.bad.code}]")
        click.echo(f"    {walk.bad.vi}\n    {walk.bad.en}")
        click.echo(
            "    → Giữ nguyên hiện trạng, so với bản sao lưu và gói bằng chứng của các đơn vị. / "
            "Leave everything as it is; compare with the backup and with the agencies' evidence bundles."
        )
        return
    click.echo(f"Chưa niêm phong / not sealed yet: {walk.unsealed}")
    without = walk.seals - walk.stamped - walk.undetermined
    click.echo(
        f"Dấu thời gian / timestamps: {walk.stamped} hợp lệ / valid, {walk.undetermined} chưa rõ / undetermined, "
        f"{without} chưa có / none yet"
    )
    if walk.undetermined:
        click.echo(f"    ? {walk.reason}")
    if walk.seals and not walk.stamped:
        click.echo(
            "    ! Chưa dấu thời gian nào làm chứng: ai sửa được cơ sở dữ liệu cũng làm lại được cả chuỗi. / "
            "No timestamp vouches for the chain: who can write the database could make all of it anew."
        )
    if wanted:
        click.echo(f"Mã đã ghi / noted head: niêm phong / seal {walk.head_was_seal}")
    click.echo("✓ Chuỗi nguyên vẹn / the chain is whole")
    if walk.head:
        click.echo(f"Mã đầu chuỗi / head: {walk.head}")
        click.echo("    → Ghi lại ở nơi khác, lần sau dùng --head / note it elsewhere, give it as --head next time")
