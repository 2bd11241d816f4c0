"""`hub docs write|check`: the reference pages that are made from the code.

Owns: docs/settings.md, errors.md, checks.md, indicators.md; a test asks `check` whether they are current.
Never: holds a fact that the code, schemas/codes or schemas/rules does not hold.
Source: design §2 (docs: generated, tested current).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import click
import msgspec
from msgspec import Meta

from hub.checks import ORDER
from hub.cli import docs_indicators
from hub.domain.findings import catalogue, error_sentences
from hub.domain.rules import packs
from hub.errors import HubError
from hub.settings import MIB, PREFIX, Settings
from hub.stations import judge_again

MADE = "<!-- Made by `hub docs write`; change the code or schemas/codes, not this page. -->"
RULED = "<!-- Made by `hub docs write`; change the rule pack in schemas/rules, not this page. -->"
_KINDS = {Path: "path", str: "text", int: "integer"}
_BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "pattern": "`{}`"}
_ROOMS = {
    "edxml.bent": "Cách viết khác quy chuẩn, hub vẫn đọc được / written otherwise than the regulation, and read",
    "edxml": "Đọc gói tin / reading the envelope",
    "schema": "Cấu trúc theo QCVN 102:2016 / structure by QCVN 102:2016",
    "secrecy": "Bí mật nhà nước / state secrets",
    "sender": "Bên gửi / the sender",
    "recipient": "Bên nhận / the recipients",
    "manifest": "Tệp đính kèm và bảng kê / attachments and manifest",
    "signature": "Chữ ký / the signature",
    "certificate": "Chứng thư / the signer's certificate",
    "pdf": "Chữ ký trong tệp PDF / signatures in PDF files",
    "attachments": "Nội dung tệp đính kèm / what the attachments are",
    "legal_value": "Có thay bản giấy không / does it replace paper",
    "duplicates": "Văn bản đã biết / known documents",
    "held": "Chờ chứng cứ / waiting for evidence",
    "status": "Trạng thái xử lý / statuses",
}


@click.group()
def docs() -> None:
    """Trang tra cứu sinh từ mã nguồn / reference pages made from the code."""


@docs.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"))
def write(*, folder: Path) -> None:
    """Ghi lại các trang / write the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")
        click.echo(str(folder / name))


@docs.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"))
def check(*, folder: Path) -> None:
    """Các trang có còn đúng không / are the pages current? Exit 1 when not."""
    old = stale(folder)
    for name in old:
        click.echo(f"{folder / name}: cũ, hãy chạy / is not current, run: hub docs write", err=True)
    sys.exit(1 if old else 0)


def stale(folder: Path) -> list[str]:
    """The pages in `folder` that are missing or differ from what the code says."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def pages() -> Mapping[str, str]:
    """File name → text of every page that is made from the code."""
    made = {
        "settings.md": _settings(),
        "errors.md": _errors(),
        "checks.md": _checks(),
        "indicators.md": (RULED, "", *docs_indicators.lines(packs())),
    }
    return {name: "\n".join([*lines, ""]) for name, lines in made.items()}


def _settings() -> Iterator[str]:
    yield from (MADE, "", "# Thiết đặt / settings", "")
    yield (
        "Đọc lần lượt từ tệp TOML (`HUB_SETTINGS_FILE`), biến môi trường, rồi tệp bí mật (`HUB_SECRETS_DIR`); "
        "giá trị đọc sau thay giá trị đọc trước. Sai một thiết đặt thì tiến trình không khởi động (mã thoát 78) và "
        "mọi chỗ sai được nêu cùng lúc."
    )
    yield ""
    yield (
        "Read from a TOML file (`HUB_SETTINGS_FILE`, names in lower case without `HUB_`), then the environment, then "
        "secret files (`HUB_SECRETS_DIR`, one file per setting, named like it in lower case); the later one wins. A "
        "wrong setting stops the start (exit 78), and all wrong ones are named at once."
    )
    yield from ("", "| Setting | Type | Default | Meaning |", "|---|---|---|---|")
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        kind, meta = _parts(hints[field.name])
        cells = (f"`{PREFIX}{field.name.upper()}`", _type_words(kind, meta), _shown(field.default), meta.description)
        yield _row(*cells)


def _parts(hint: Any) -> tuple[Any, Meta]:
    if get_origin(hint) is not Annotated:
        return hint, Meta(description="")
    kind, *metas = get_args(hint)
    return kind, next(meta for meta in metas if isinstance(meta, Meta))


def _type_words(kind: Any, meta: Meta) -> str:
    if get_origin(kind) is tuple:
        return "texts, separated by `,`"
    known = next(word for plain, word in _KINDS.items() if plain is kind or plain in get_args(kind))
    bounds = [words.format(getattr(meta, name)) for name, words in _BOUNDS.items() if getattr(meta, name) is not None]
    return " ".join([known, *bounds])


def _shown(default: object) -> str:
    if default is None or default in ("", ()):
        return "–"
    if isinstance(default, int) and default >= MIB:
        return f"`{default}` ({default // MIB} MiB)"
    return f"`{default}`"


def _errors() -> Iterator[str]:
    yield from (MADE, "", "# Lỗi / errors", "")
    yield (
        "Mỗi lỗi là một `application/problem+json` (RFC 9457) có `code` không đổi. *Thử lại* nghĩa là cùng yêu cầu đó "
        "có thể thành công sau; với các lỗi khác, bên gọi phải sửa trước khi gửi lại."
    )
    yield ""
    yield (
        "Every error is an `application/problem+json` (RFC 9457) with a stable `code`. *Retry* means that the same "
        "request may succeed later; with the others the caller must change something first. 4xx: what HTTP itself "
        "refuses (paths, methods, media types, ranges). A bad document is no error: it gets a verdict with findings "
        "([checks.md](checks.md))."
    )
    yield from ("", "| Code | HTTP | Axis | Retry | Sentence | What to do |", "|---|---|---|---|---|---|")
    classes = {kind.code: kind for kind in error_classes()}
    for code, row in error_sentences().items():
        kind = classes.get(code)
        retry = "thử lại / retry" if kind is not None and kind.retryable else ""
        http, axis = (str(kind.http), kind.vxp) if kind is not None else ("4xx", "")
        sentence, fix = f"{row['vi']}<br>{row['en']}", f"{row['fix_vi']}<br>{row['fix_en']}"
        yield _row(f"`{code}`", http, axis, retry, sentence, fix)


def error_classes() -> list[type[HubError]]:
    """Every class of error in hub/errors.py, each before those that derive from it."""
    found: list[type[HubError]] = [HubError]
    for kind in found:
        found += [derived for derived in kind.__subclasses__() if derived.__module__ == HubError.__module__]
    return found


def _checks() -> Iterator[str]:
    yield from (MADE, "", "# Kết quả kiểm tra / findings", "")
    yield (
        "Mức nặng do bước kiểm tra quyết định: `note` (ghi nhận), `warning` (cảnh báo), `try_later` (chờ chứng cứ, văn "
        "bản được giữ), `error` (từ chối). Riêng `duplicates.*` và `attachments.*` theo gói quy tắc đang có hiệu lực; "
        "`signature.absent`, `signature.required` và `pdf.*` theo chính sách chữ ký đối với bên gửi (`hub agencies "
        "policy`): `require` thì từ chối, `warn` thì cảnh báo (chữ ký hỏng vẫn bị từ chối), `ignore` thì ghi nhận. "
        "`{…}` được thay bằng điều đã thấy."
    )
    yield ""
    yield (
        "The check chooses the severity: `note`, `warning`, `try_later` (evidence is awaited, the document is held) or "
        "`error` (rejected). For `duplicates.*` and `attachments.*` the rule pack in force decides; for "
        "`signature.absent`, `signature.required` and `pdf.*` what is demanded of the sender (`hub agencies policy`): "
        "`require` rejects, `warn` warns (what is broken is rejected even so), `ignore` notes. `{…}` is filled with "
        "what was seen."
    )
    yield from ("", "| Check | Question | Says | Source |", "|---|---|---|---|")
    for check in (*ORDER, judge_again):
        question, _, source = (check.__doc__ or "").partition("Source:")
        says = ", ".join(f"`{prefix}…`" if prefix.endswith(".") else f"`{prefix}`" for prefix in check.SAYS)
        yield _row(f"`{check.CHECK}`", question.split("\n\n")[0], says, " ".join(source.split()))
    for room, codes in _by_room().items():
        yield from (
            "",
            f"## {_ROOMS.get(room, room)}",
            "",
            "| Code | Sentence | What to do | Source |",
            "|---|---|---|---|",
        )
        for code in codes:
            row = catalogue()[code]
            sentence, fix = f"{row['vi']}<br>{row['en']}", f"{row['fix_vi']}<br>{row['fix_en']}"
            yield _row(f"`{code}`", sentence, fix, row["source"])


def _by_room() -> Mapping[str, list[str]]:
    """Heading → its codes: the longest known beginning of the code, else its first word."""
    rooms: dict[str, list[str]] = {}
    for code in catalogue():
        fitting = [room for room in _ROOMS if code.startswith(f"{room}.")]
        rooms.setdefault(max(fitting, key=len, default=code.split(".")[0]), []).append(code)
    return rooms


def _row(*cells: str | None) -> str:
    return "| " + " | ".join((cell or "").replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
