"""The reference pages are made from the code, and their check finds what is not current."""

from __future__ import annotations

from pathlib import Path

import msgspec
from click.testing import CliRunner

from hub.cli import docs
from hub.domain.findings import catalogue, error_sentences
from hub.errors import HubError
from hub.settings import Settings


def test_every_setting_error_and_finding_has_its_row() -> None:
    pages = docs.pages()
    for field in msgspec.structs.fields(Settings):
        assert f"| `HUB_{field.name.upper()}` |" in pages["settings.md"]
    for code in error_sentences():
        assert pages["errors.md"].count(f"| `{code}` |") == 1
    for code in catalogue():
        assert pages["checks.md"].count(f"| `{code}` |") == 1


def test_the_rows_say_type_default_and_meaning() -> None:
    rows = docs.pages()["settings.md"].splitlines()
    assert any(row.startswith("| `HUB_WEB_THREADS` | integer ≥ 4 | `32` | Threads per API worker") for row in rows)
    assert any("(512 MiB)" in row for row in rows if "HUB_MAX_ENVELOPE_BYTES" in row)
    assert any(r"text `^(json\|console)$`" in row for row in rows), "a bar would end the cell"


def test_every_class_of_error_is_listed_once() -> None:
    classes = docs.error_classes()
    assert HubError in classes
    assert len({kind.code for kind in classes}) == len(classes)


def test_written_pages_are_current_and_changed_ones_are_found(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(docs.docs, ["check", str(tmp_path)]).exit_code == 1
    assert runner.invoke(docs.docs, ["write", str(tmp_path)]).exit_code == 0
    assert runner.invoke(docs.docs, ["check", str(tmp_path)]).exit_code == 0
    assert {page.name for page in tmp_path.iterdir()} == {"settings.md", "errors.md", "checks.md", "indicators.md"}
    (tmp_path / "indicators.md").write_text("99,8 %", "utf-8")
    assert docs.stale(tmp_path) == ["indicators.md"]
    assert runner.invoke(docs.docs, ["write", str(tmp_path)]).exit_code == 0
    (tmp_path / "errors.md").write_text("old", "utf-8")
    checked = runner.invoke(docs.docs, ["check", str(tmp_path)])
    assert checked.exit_code == 1
    assert "errors.md" in checked.output
    assert docs.stale(tmp_path) == ["errors.md"]
