"""`hub agencies`: the directory: import, add, list, keys, certificates.

Owns: the commands; every change is audited.
Never: shows an API key twice.
Source: Decision 20/2020/QĐ-TTg; import files are shaped like the list of level-1 codes (domain notes §2.7).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import click

from hub.cli import opened
from hub.domain.agencies import Agency, AgencyStatus, code_key
from hub.domain.signature_policy import Demand, Level, PolicyRow, type_key
from hub.errors import Misconfigured
from hub.signatures.certificates import read_certificate
from hub.stations import utc_now
from hub.store import agencies as store
from hub.store import directory, policies
from hub.store.engine import Transaction

_LEVEL_1 = re.compile(r"[A-Z]\d\d", re.ASCII)
_CLOSED = re.compile(r"closed(?:\s+(\d{4}-\d\d-\d\d))?.*")
NEEDED_COLUMNS = ("code", "name_vi", "status")


@click.group()
def agencies() -> None:
    """Danh bạ đơn vị / the directory of agencies."""


@agencies.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(*, file: Path) -> None:
    """Nạp danh sách mã (CSV) / load a CSV: code,name_vi,status[,successor,source,note,parent,aliases]."""
    rows = _rows(file)
    with opened.database() as database, database.writing() as transaction:
        done = Counter(keep_imported(transaction, agency, aliases.split()) for agency, aliases in rows)
        opened.audited(transaction, "agencies.imported", file=file.name, rows=str(len(rows)))
    click.echo(
        f"{len(rows)} đơn vị / agencies: {done['new']} mới / new, {done['changed']} cập nhật / changed, "
        f"{done['same']} giữ nguyên / unchanged"
    )


def _rows(file: Path) -> list[tuple[Agency, str]]:
    """The agencies and their further aliases. Raises Misconfigured naming the file and line that is wrong."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in NEEDED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise Misconfigured(str(file), f"columns {', '.join(NEEDED_COLUMNS)}", f"Missing: {', '.join(missing)}")
            return [(agency_of(row, file, reader.line_num), row.get("aliases") or "") for row in reader]
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise Misconfigured(str(file), f"cannot be read: {wrong}", "Save it as CSV in UTF-8.") from wrong


def keep_imported(transaction: Transaction, agency: Agency, aliases: list[str]) -> Literal["new", "changed", "same"]:
    """Add or change an agency of a list; what an administrator set by hand (adapter) stays."""
    known = _known(transaction, agency.code)
    if known is not None:
        agency = replace(
            agency,
            parent=code_key(agency.parent or "") or known.parent,
            successor=code_key(agency.successor or "") or None,
            valid_from=known.valid_from,
            adapter=known.adapter,
            speaks_for_descendants=known.speaks_for_descendants,
            sees_staff=known.sees_staff,
        )
    if agency != known:
        store.keep(transaction, agency, now=utc_now())
    if _LEVEL_1.fullmatch(agency.code):
        aliases = [*aliases, f"000.00.00.{agency.code}"]  # the same body in the 2016 form (domain notes §2.7)
    store.keep_aliases(transaction, agency, aliases)
    return "new" if known is None else "changed" if agency != known else "same"


def agency_of(row: dict[str, str], file: Path, line: int) -> Agency:
    """One line of an import file. Raises Misconfigured naming the line."""
    if any(row.get(name) is None for name in NEEDED_COLUMNS):
        raise Misconfigured(f"{file}:{line}", "the line is too short", f"Give {', '.join(NEEDED_COLUMNS)}.")
    if not code_key(row["code"]):
        raise Misconfigured(f"{file}:{line}", f"code {row['code']!r}", "Letters, digits, '.', '-', '_'; at most 64.")
    status, closed = AgencyStatus.OPEN, _CLOSED.fullmatch(row["status"].strip())
    until = None
    if closed:
        status, until = AgencyStatus.CLOSED, _day(closed[1], file, line)
    elif row["status"].strip() not in ("open", ""):
        raise Misconfigured(f"{file}:{line}", f"status {row['status']!r}", "Use open, or closed YYYY-MM-DD.")
    return Agency(
        code=row["code"].strip(),
        name=row["name_vi"].strip(),
        parent=(row.get("parent") or "").strip() or None,
        successor=(row.get("successor") or "").strip() or None,
        status=status,
        valid_until=until,
        source=(row.get("source") or "").strip(),
        note=(row.get("note") or "").strip(),
    )


def _day(text: str | None, file: Path, line: int) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as wrong:
        raise Misconfigured(f"{file}:{line}", str(wrong), "Use closed YYYY-MM-DD.") from wrong


@agencies.command()
@click.argument("code")
@click.argument("name")
@click.option("--parent", help="Đơn vị cấp trên / code of the parent.")
@click.option("--alias", "aliases", multiple=True, help="Mã khác của đơn vị / another code of it.")
@click.option(
    "--speaks-for-descendants/--speaks-for-itself",
    default=None,
    help="Được gửi thay đơn vị dưới / may send for those below.",
)
@click.option(
    "--sees-staff/--sees-no-staff",
    default=None,
    help="Được xem cán bộ xử lý của văn bản mà mình chỉ giám sát / may see the clerks of documents of others.",
)
@click.option("--status", type=click.Choice([s.value for s in AgencyStatus]))
@click.option("--successor", help="Đơn vị kế thừa / code of the successor of a closed agency.")
def add(
    *,
    code: str,
    name: str,
    parent: str | None,
    aliases: tuple[str, ...],
    speaks_for_descendants: bool | None,
    sees_staff: bool | None,
    status: str | None,
    successor: str | None,
) -> None:
    """Thêm hoặc sửa một đơn vị; điều không nêu thì giữ nguyên / add an agency, or change what is given."""
    given = {
        "parent": parent,
        "successor": successor,
        "status": AgencyStatus(status) if status else None,
        "speaks_for_descendants": speaks_for_descendants,
        "sees_staff": sees_staff,
    }
    with opened.database() as database, database.writing() as transaction:
        known = _known(transaction, code) or Agency(code, "")
        agency = replace(known, name=name, **{field: value for field, value in given.items() if value is not None})
        new = store.keep(transaction, agency, now=utc_now())
        if _LEVEL_1.fullmatch(code_key(code)):
            aliases = (*aliases, f"000.00.00.{code}")
        store.keep_aliases(transaction, agency, aliases)
        opened.audited(transaction, "agencies.added" if new else "agencies.changed", agency=code)
    click.echo(f"{'Đã thêm / added' if new else 'Đã sửa / changed'}: {code} {name}")


def _known(transaction: Transaction, code: str) -> Agency | None:
    """The agency with exactly this code; an alias of another agency does not count."""
    found = store.find(transaction.connection, code_key(code))
    return found if found is not None and code_key(found.code) == code_key(code) else None


@agencies.command("list")
@click.option("--after", default="", help="Bắt đầu sau mã này / start after this code.")
@click.option("--limit", default=1000, show_default=True)
def list_agencies(*, after: str, limit: int) -> None:
    """Liệt kê danh bạ / list the directory."""
    with opened.database() as database, database.reading() as connection:
        for agency in directory.page(connection, after=after.upper(), limit=limit):
            towards = f" → {agency.successor}" if agency.successor else ""
            click.echo(f"{agency.code:<20} {agency.status.value:<10} {agency.name}{towards}")


@agencies.command()
@click.argument("code")
def key(*, code: str) -> None:
    """Cấp khóa API mới, chỉ hiện một lần / make a new API key, shown this once (two live at a time)."""
    with opened.database() as database, database.writing() as transaction:
        agency = store.require(transaction.connection, code)
        plain = store.new_key(transaction, agency, now=utc_now())
        opened.audited(transaction, "agencies.key_made", agency=agency.code)
    click.echo(plain)
    click.echo("Giữ kín khóa này; trục chỉ lưu mã băm. / Keep it secret; the hub stores only its hash.", err=True)


@agencies.command()
@click.argument("code")
def keys(*, code: str) -> None:
    """Liệt kê khóa của đơn vị / list the agency's keys by their public names."""
    with opened.database() as database, database.reading() as connection:
        for one in store.keys(connection, store.require(connection, code)):
            state = f"thu hồi / revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else "hiệu lực / live"
            click.echo(f"{one.key_id}  {one.created_at:%Y-%m-%d}  {state}")


@agencies.command("revoke-key")
@click.argument("key_id")
def revoke_key(*, key_id: str) -> None:
    """Thu hồi khóa ngay / revoke a key at once."""
    with opened.database() as database, database.writing() as transaction:
        done = store.revoke_key(transaction, key_id, now=utc_now())
        opened.audited(transaction, "agencies.key_revoked", key_id=key_id)
    click.echo("Đã thu hồi / revoked" if done else "Không có khóa hiệu lực nào như vậy / no such live key")
    raise SystemExit(0 if done else 1)


@agencies.command()
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def certificate(*, code: str, file: Path) -> None:
    """Ghi nhận chứng thư ký của đơn vị / register a certificate that belongs to the agency (PEM or DER)."""
    found = read_certificate(file)
    held = store.AgencyCertificate(
        sha256=found.sha256, subject=found.subject, not_after=found.not_after, pem=found.pem, withdrawn_at=None
    )
    with opened.database() as database, database.writing() as transaction:
        agency = store.require(transaction.connection, code)
        store.keep_certificate(transaction, agency, held, now=utc_now())
        opened.audited(transaction, "agencies.certificate_registered", agency=agency.code, sha256=found.sha256)
    click.echo(f"{agency.code}: {found.subject}, hết hạn / until {found.not_after:%Y-%m-%d}, sha256 {found.sha256}")


@agencies.command("withdraw-certificate")
@click.argument("sha256")
def withdraw_certificate(*, sha256: str) -> None:
    """Thôi coi chứng thư là của đơn vị / the certificate belongs to the agency no more; what it signed stays judged."""
    with opened.database() as database, database.writing() as transaction:
        done = store.withdraw_certificate(transaction, sha256.lower(), now=utc_now())
        if done:
            opened.audited(transaction, "agencies.certificate_withdrawn", sha256=sha256.lower())
    click.echo("Đã thôi ghi nhận / withdrawn" if done else "Không đơn vị nào giữ chứng thư này / no agency holds it")
    raise SystemExit(0 if done else 1)


@agencies.command()
@click.argument("code")
@click.argument("demand", type=click.Choice([d.value for d in Demand]), required=False)
@click.argument("level", type=click.Choice([*(v.value for v in Level), "default"]), required=False)
@click.option("--document-type", default="", help="Chỉ cho loại văn bản này / for this type of document only.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Ngày cuối còn áp dụng / last day on which it holds.")
def policy(*, code: str, demand: str | None, level: str | None, document_type: str, until: datetime | None) -> None:
    """Chính sách chữ ký của đơn vị: xem, đặt, bỏ / an agency's signature policy: show, set, or back to the pack's.

    hub agencies policy H41 agency_seal ignore --until 2027-06-30
    """
    if demand is not None and level is None:
        raise click.UsageError("Nêu mức: require, warn, ignore hoặc default / say a level, or default.")
    with opened.database() as database, database.writing() as transaction:
        agency = store.require(transaction.connection, code)
        if demand is not None and level is not None:
            last = until.date() if until else None
            _set_policy(transaction, agency, Demand(demand), level, document_type=document_type, until=last)
        rows = policies.of_agency(transaction.connection, code_key(agency.code))
    if not rows:
        click.echo(f"{agency.code}: theo bộ quy tắc / as the rule pack says")
    for row in rows:
        last_day = f"đến hết / until {row.until:%Y-%m-%d}" if row.until else "không thời hạn / until further notice"
        kinds = row.document_type or "mọi loại / every type"
        click.echo(f"{agency.code}  {row.demand.value:<19} {row.level.value:<8} {kinds}  {last_day}")


def _set_policy(
    transaction: Transaction, agency: Agency, demand: Demand, level: str, *, document_type: str, until: date | None
) -> None:
    key, kind = code_key(agency.code), type_key(document_type)
    if level == "default":
        policies.forget(transaction, key, demand, kind, now=utc_now())
    else:
        policies.keep(transaction, key, PolicyRow(demand, Level(level), kind, until), now=utc_now())
    told = {"agency": agency.code, "demand": demand.value, "level": level, "document_type": kind}
    opened.audited(transaction, "agencies.policy_set", **told, until=until.isoformat() if until else "")
