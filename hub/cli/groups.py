"""`hub groups`: codes that mean many agencies: add, list, show whom they mean today, remove.

Owns: the commands; every change is audited.
Never: expands for a delivery (the route station does, on its own day).
Source: issue 4 part 7; Decision 20/2020/QĐ-TTg (levels and letters of the codes).
"""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.groups import Group, GroupKind
from hub.domain.periods import vietnam_day
from hub.errors import Misconfigured, NoSuchThing
from hub.stations import utc_now
from hub.store import directory
from hub.store import groups as store
from hub.store.engine import Connection

NAMES_PER_QUERY = 500


@click.group()
def groups() -> None:
    """Nhóm đơn vị nhận / groups of recipients under one code."""


@groups.command()
@click.argument("code")
@click.argument("name")
@click.option("--members", "listed", help="Các mã, cách nhau bằng dấu phẩy / codes, split by commas.")
@click.option(
    "--members-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Mỗi dòng một mã / one code per line.",
)
@click.option("--below", help="Mọi đơn vị dưới mã này / every agency below this one.")
@click.option("--level-one", help="Mọi đơn vị cấp 1 có chữ cái này, ví dụ H / every level-1 agency of this letter.")
def add(
    *, code: str, name: str, listed: str | None, members_file: Path | None, below: str | None, level_one: str | None
) -> None:
    """Thêm hoặc thay một nhóm / add a group, or say anew whom it means.

    hub groups add TINH "Ủy ban nhân dân các tỉnh" --level-one H
    """
    ways = [way for way in (listed, members_file, below, level_one) if way is not None]
    if len(ways) != 1:
        raise click.UsageError(
            "Nêu đúng một cách / give exactly one of --members, --members-file, --below, --level-one"
        )
    kind = GroupKind.BELOW if below is not None else GroupKind.LEVEL_ONE if level_one is not None else GroupKind.MEMBERS
    codes = _lines(members_file) if members_file is not None else _split(listed or "")
    group = Group(code.strip(), name, kind, of=below or level_one or "")
    with opened.database() as database, database.writing() as transaction:
        new = store.keep(transaction, group, members=codes, now=utc_now())
        told = {"group": code_key(code), "kind": kind.value, "of": group.of, "members": str(len(codes))}
        opened.audited(transaction, "groups.added" if new else "groups.changed", **told)
        kept = _known(transaction.connection, code)
        reach = len(_meant(transaction.connection, kept))
    click.echo(f"{'Đã thêm / added' if new else 'Đã sửa / changed'}: {_line(kept)}")
    click.echo(f"{reach} đơn vị hôm nay / agencies today")


@groups.command("list")
def list_groups() -> None:
    """Liệt kê các nhóm / list the groups."""
    with opened.database() as database, database.reading() as connection:
        for group in store.all_groups(connection):
            click.echo(_line(group))


@groups.command()
@click.argument("code")
def show(*, code: str) -> None:
    """Nhóm này hôm nay gồm những ai / whom this group means today."""
    with opened.database() as database, database.reading() as connection:
        group = _known(connection, code)
        meant = _meant(connection, group)
        names = _names(connection, meant)
    click.echo(_line(group))
    for key in meant:
        click.echo(f"  {key:<20} {names.get(key, '')}")
    click.echo(f"{len(meant)} đơn vị hôm nay / agencies today")


@groups.command()
@click.argument("code")
def remove(*, code: str) -> None:
    """Bỏ một nhóm; văn bản đã gửi vẫn giữ nguyên người nhận / remove a group; what was sent keeps its recipients."""
    with opened.database() as database, database.writing() as transaction:
        group = _known(transaction.connection, code)
        store.drop(transaction, group.code)
        opened.audited(transaction, "groups.removed", group=code_key(group.code))
    click.echo(f"Đã bỏ / removed: {_line(group)}")


def _known(connection: Connection, code: str) -> Group:
    group = store.find(connection, code_key(code))
    if group is None:
        raise NoSuchThing(f"no group {code!r}")
    return group


def _meant(connection: Connection, group: Group) -> list[str]:
    return store.members(connection, group, on=vietnam_day(utc_now()), without="")


def _names(connection: Connection, keys: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(keys), NAMES_PER_QUERY):
        found |= directory.names_of(connection, keys[start : start + NAMES_PER_QUERY])
    return found


def _line(group: Group) -> str:
    return f"{group.code:<20} {group.kind.value:<10} {group.of:<12} {group.name}"


def _split(written: str) -> list[str]:
    return [code.strip() for code in written.split(",") if code.strip()]


def _lines(file: Path) -> list[str]:
    """The codes of a file, one per line. Raises Misconfigured when it is no text."""
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as wrong:
        raise Misconfigured(str(file), f"cannot be read: {wrong}", "Save it as text in UTF-8.") from wrong
