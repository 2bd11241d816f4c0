"""`hub trust`: the certificates that this hub trusts, and what is known of the revocations behind them.

Owns: the commands; files in the trust folder appear whole or not at all; every change is audited.
Never: trusts what it was not given by name; changes a process that is running.
Source: domain notes §6; issue 3 point 3.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import click

from hub import settings
from hub.cli import opened
from hub.domain.evidence import EvidenceKind
from hub.errors import HubError
from hub.signatures.anchor_facts import AnchorFacts, Standing, facts_in, pem_of
from hub.signatures.anchors import Purpose
from hub.stations import utc_now
from hub.store import evidence
from hub.store.engine import Database

EXPIRES_SOON = timedelta(days=30)
CLOCK_IS_LATE = timedelta(minutes=15)
MANY_FAILURES = 3  # one or two are a restart or a bad line
MOST_HOSTS = 20
RESTART = (
    "Khởi động lại các tiến trình của trục để áp dụng. / Restart the hub's processes: they read the folder at start."
)
NO_CRL = (
    "Xem lỗi trên; mạng kín thì đặt tệp CRL vào evidence_mirror. / See the error above; on a closed network put the "
    "CRL file into evidence_mirror."
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_WORDS = {
    Standing.ROOT: "CA gốc / root",
    Standing.SUB_CA: "CA trung gian / sub-CA",
    Standing.LEAF: "chứng thư cuối / leaf",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One certificate in the trust folder, with the file and purpose under which it lies."""

    purpose: Purpose
    file: Path
    facts: AnchorFacts


@dataclass(frozen=True, slots=True)
class Look:
    """One line of `hub trust check`: what was looked at, what was seen, what to do (empty when fine)."""

    about: str
    seen: str
    advice: str = ""


_purpose = click.argument("purpose", type=click.Choice([purpose.value for purpose in Purpose]))


@click.group()
def trust() -> None:
    """CA tin cậy và dữ liệu thu hồi / trusted CAs and revocation evidence."""


@trust.command()
@_purpose
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Tên tệp trong kho tin cậy / name of the file in the trust folder.")
def add(*, purpose: str, file: Path, name: str | None) -> None:
    """Tin cậy chứng thư trong tệp (PEM hoặc DER) / trust the certificates of a file, all or none."""
    wanted, found = Purpose(purpose), facts_in(file)
    for facts in found:
        _describe(facts)
    known = {kept.facts.certificate.sha256: kept for kept in _kept() if kept.purpose is wanted}
    for facts in found:
        _refuse_wrong(facts, wanted)
        twin = known.get(facts.certificate.sha256)
        if twin is not None:
            _refuse(f"Chứng thư này đã được tin cậy: {_place(twin)}.", f"It is trusted already: {_place(twin)}.")
    place = settings.load().trust / wanted.value / f"{_name_for(name, found[0])}.pem"
    if place.exists():
        _refuse(
            f"Đã có tệp {place.name}; hãy chọn --name khác.", f"There is a file {place.name}; choose another --name."
        )
    _write(place, pem_of(file))
    _audit("trust.added", purpose=purpose, file=place.name, sha256=" ".join(f.certificate.sha256 for f in found))
    click.echo(f"Đã tin cậy / trusted: {wanted.value}/{place.name}")
    click.echo(RESTART)


@trust.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
def list_trust(*, as_json: bool) -> None:
    """Liệt kê chứng thư được tin cậy / list what is trusted."""
    kept = list(_kept())
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in kept], ensure_ascii=False, indent=2))
        return
    for one in kept:
        until = one.facts.certificate.not_after
        click.echo(
            f"{_place(one):<40} {_WORDS[one.facts.standing]:<24} {until:%Y-%m-%d}  {one.facts.certificate.subject}"
        )
        click.echo(f"    sha256 {one.facts.certificate.sha256}")
    if not kept:
        click.echo("Chưa tin cậy CA nào; xem `hub trust add`. / No CA is trusted yet; see `hub trust add`.")


@trust.command()
@_purpose
@click.argument("name")
def remove(*, purpose: str, name: str) -> None:
    """Thôi tin cậy một tệp / stop trusting the certificates of a file."""
    found = [kept for kept in _kept() if kept.purpose.value == purpose and name in (kept.file.name, kept.file.stem)]
    if not found:
        _refuse(
            f"Không có tệp {purpose}/{name}; xem `hub trust list`.", f"No file {purpose}/{name}; see `hub trust list`."
        )
    files = {kept.file for kept in found}
    if len(files) > 1:
        names = ", ".join(sorted(file.name for file in files))
        _refuse(
            f"Nhiều tệp trùng tên, hãy ghi cả đuôi: {names}.", f"Several files have this name, give its end: {names}."
        )
    files.pop().unlink()
    sha256s = " ".join(kept.facts.certificate.sha256 for kept in found)
    _audit("trust.removed", purpose=purpose, file=found[0].file.name, sha256=sha256s)
    click.echo(f"Đã thôi tin cậy / no longer trusted: {_place(found[0])}")
    click.echo(RESTART)


@trust.command()
def check() -> None:
    """Khám các CA tin cậy và dữ liệu thu hồi / look at the trusted CAs and their revocation evidence."""
    kept, now, wrong = list(_kept()), utc_now(), 0
    looks = [*_look_at_files(kept, now)]
    looks += [_look_at_certificate(one, now) for one in kept]
    for look in looks:
        wrong += _show(look)
    with opened.database() as database:
        for look in look_at_evidence(database, kept, now):
            wrong += _show(look)
    raise SystemExit(1 if wrong else 0)


def look_at_evidence(database: Database, kept: list[Kept], now: datetime) -> Iterator[Look]:
    """For each trusted CA its CRL; then the hosts where something else fails again and again."""
    cas = {one.facts.ca_key: one for one in kept if one.purpose is not Purpose.HUB}
    with database.reading() as connection:
        sources = evidence.sources(connection)
        found = {key: evidence.freshness(connection, key) for key in cas}
    for key, one in cas.items():
        named = [source for source in sources if source.issuer_key == key and source.kind is EvidenceKind.CRL]
        yield _look_at_crl(one, found[key], named, now)
    failing = [source for source in sources if source.failures >= MANY_FAILURES and source.issuer_key not in cas]
    by_host = {urlsplit(source.url).netloc: source for source in failing}
    for host, source in list(by_host.items())[:MOST_HOSTS]:
        yield Look(f"Nguồn / source {host}", _errors([source]), "Xem máy chủ này hoặc evidence_hosts / see this host")


def _look_at_files(kept: list[Kept], now: datetime) -> Iterator[Look]:
    if not any(one.purpose in (Purpose.GOVERNMENT, Purpose.PUBLIC) for one in kept):
        advice = "Chưa chữ ký nào được tin: chạy `hub trust add government TỆP`. / No signature is trusted: add a CA."
        yield Look("CA ký văn bản / CAs of signers", "0", advice)


def _look_at_certificate(one: Kept, now: datetime) -> Look:
    facts, left = one.facts, one.facts.certificate.not_after - now
    about = f"{_place(one)} ({_WORDS[facts.standing]})"
    seen = f"{facts.certificate.subject} → {facts.certificate.not_after:%Y-%m-%d}, {left.days} ngày / days"
    advice = ""
    if not facts.proven:
        advice = (
            "Chữ ký của CA gốc không đúng: gỡ ngay, lấy lại từ nguồn chính thức. / Its own signature fails: remove it."
        )
    elif facts.weak:
        advice = f"Khóa yếu ({facts.weak}): xin CA chứng thư mới. / Weak key: ask the CA for its successor."
    elif now < facts.certificate.not_before:
        advice = "Chưa đến ngày hiệu lực; xem đồng hồ máy. / Not yet valid; look at the machine's clock."
    elif left < EXPIRES_SOON and one.purpose is not Purpose.HUB:  # old certificates of hubs prove old receipts
        advice = "Hết hạn hoặc sắp hết hạn: thêm chứng thư kế tiếp của CA. / (Nearly) expired: add the CA's next one."
    return Look(about, seen, advice)


def _look_at_crl(one: Kept, found: evidence.Freshness | None, named: list[evidence.Source], now: datetime) -> Look:
    about, troubles = f"CRL · {one.facts.certificate.subject}", _errors(named)
    late = [s for s in named if s.next_fetch_at is not None and s.next_fetch_at < now - CLOCK_IS_LATE]
    start = "Khởi động clock: không ai lấy CRL. / Start the clock: nobody fetches." if late else ""
    if found is None and not named:
        return Look(about, "chưa văn bản nào cần đến / no document asked for it yet")
    if found is None:
        return Look(about, f"chưa có / none. {troubles}".strip(), start or (NO_CRL if troubles else ""))
    until = f"{found.next_update:%Y-%m-%d %H:%M} UTC" if found.next_update else "không rõ / not said"
    seen = f"hiệu lực đến / good until {until} ({found.source}). {troubles}".strip()
    if found.next_update is not None and found.next_update < now:
        fix = "CRL đã cũ: văn bản của CA này bị giữ lại. / It is stale: documents of this CA are held. "
        return Look(about, seen, fix + start)
    return Look(about, seen, start)


def _errors(named: list[evidence.Source]) -> str:
    failing = [source for source in named if source.failures]
    return " ".join(
        f"{source.url}: {source.last_error} "
        f"(× {source.failures}, lần tới / next {source.next_fetch_at:%Y-%m-%d %H:%M} UTC)"
        for source in failing
    )


def _show(look: Look) -> bool:
    click.echo(f"{'✗' if look.advice else '✓'} {look.about}: {look.seen}")
    if look.advice:
        click.echo(f"    → {look.advice}")
    return bool(look.advice)


def _kept() -> Iterator[Kept]:
    for purpose in Purpose:
        folder = settings.load().trust / purpose.value
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for file in files:
            if file.is_file() and not file.name.startswith("."):
                yield from (Kept(purpose, file, facts) for facts in facts_in(file))


def _place(one: Kept) -> str:
    return f"{one.purpose.value}/{one.file.name}"


def _describe(facts: AnchorFacts) -> None:
    certificate = facts.certificate
    click.echo(f"{_WORDS[facts.standing]}: {certificate.subject}")
    click.echo(f"    do / issued by: {certificate.issuer}")
    click.echo(f"    hiệu lực / valid: {certificate.not_before:%Y-%m-%d} → {certificate.not_after:%Y-%m-%d}")
    click.echo(f"    SHA-256: {certificate.sha256}")
    if facts.hosts:
        click.echo(f"    hỏi thu hồi tại / names for CRL and OCSP: {', '.join(facts.hosts)}")
    if facts.weak:
        click.echo(f"    ! khóa yếu / weak key: {facts.weak}")
    if certificate.not_after < utc_now():
        click.echo("    ! đã hết hạn / expired")


def _refuse_wrong(facts: AnchorFacts, purpose: Purpose) -> None:
    is_leaf = facts.standing is Standing.LEAF
    if is_leaf and purpose is not Purpose.HUB:
        _refuse(
            "Đây là chứng thư của người ký, không phải của CA. Hãy thêm chứng thư của CA đã cấp nó.",
            "This is a signer's certificate, not a CA's. Add the certificate of the CA that issued it.",
        )
    if not is_leaf and purpose is Purpose.HUB:
        _refuse(
            "Mục hub cần chứng thư mà một trục dùng để ký biên nhận, không phải chứng thư của CA.",
            "The purpose hub takes the certificate with which a hub signs its receipts, not a CA's.",
        )
    if not facts.proven:
        _refuse(
            "Chữ ký của chính CA gốc này không đúng: tệp đã bị sửa. Hãy lấy lại từ nguồn chính thức.",
            "The root's own signature fails: the file was changed. Get it again from the official source.",
        )


def _name_for(name: str | None, facts: AnchorFacts) -> str:
    """The name asked for, else one made of the subject's common name."""
    if name is not None:
        plain = name.removesuffix(".pem")
        if not _NAME.fullmatch(plain):
            _refuse("Tên chỉ gồm chữ không dấu, số, '.', '-', '_'.", "A name has letters, digits, '.', '-', '_'.")
        return plain
    subject = facts.certificate.subject
    common = re.search(r"(?:^|,)CN=((?:\\.|[^,\\])+)", subject)
    letters = unicodedata.normalize("NFKD", (common[1] if common else subject).replace("đ", "d").replace("Đ", "D"))
    slug = re.sub(r"[^a-z0-9]+", "-", letters.encode("ascii", "ignore").decode().lower()).strip("-")
    return slug[:60] or facts.certificate.sha256[:16]


def _write(place: Path, content: bytes) -> None:
    """The whole file or none; a name that begins with a dot is not read by a hub that starts meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
    os.chmod(draft.name, 0o644)
    os.replace(draft.name, place)


def _refuse(vi: str, en: str) -> NoReturn:
    click.echo(f"{vi}\n{en}", err=True)
    raise SystemExit(1)


def _audit(what: str, **facts: str) -> None:
    """Trust is set up before the database too; then the change stands in the folder only, and that is said."""
    try:
        with opened.database() as database, database.writing() as transaction:
            opened.audited(transaction, what, **facts)
    except HubError as away:
        click.echo(f"Chưa ghi được nhật ký / not in the audit: {str(away).splitlines()[0]}", err=True)


def _as_json(one: Kept) -> dict[str, object]:
    certificate = one.facts.certificate
    return {
        "purpose": one.purpose.value,
        "file": one.file.name,
        "standing": one.facts.standing.value,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "sha256": certificate.sha256,
        "weak": one.facts.weak,
        "hosts": list(one.facts.hosts),
    }
