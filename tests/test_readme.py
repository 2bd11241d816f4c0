"""What the README and the pages tell a newcomer to do is possible."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hub.__main__ import cli
from hub.domain.findings import Severity
from hub.edxml.validator import check_file

TREE = Path(__file__).resolve().parents[1]
PAGES = sorted([*TREE.glob("*.md"), *(TREE / "docs").rglob("*.md")])
COMMANDS = r"(?:^|`)(?:\.venv/bin/)?hub ((?:[a-z-]+)(?: [a-z-]+)*)"


def test_the_first_envelope_is_faultless() -> None:
    checked = check_file(TREE / "docs" / "examples" / "first-envelope.edxml")
    for spool in checked.reading.spools.values():
        spool.close()
    assert [f.code for f in checked.findings if f.severity is not Severity.NOTE] == []
    assert checked.reading.envelope.sender.organ_id == "T01"
    assert [party.organ_id for party in checked.reading.envelope.addressees] == ["T02"]
    readme = (TREE / "README.md").read_text("utf-8")
    assert "agencies add T01" in readme
    assert "agencies add T02" in readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TREE).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text("utf-8"))
    broken = [to for to in targets if "://" not in to and not (page.parent / to).exists()]
    assert broken == []


def test_every_command_in_the_pages_exists() -> None:
    said = {words for page in PAGES for words in re.findall(COMMANDS, page.read_text("utf-8"), re.MULTILINE)}
    assert {"doctor", "serve", "db upgrade"} <= said
    runner = CliRunner()
    unknown = [words for words in said if "No such command" in runner.invoke(cli, [*known(words), "--help"]).output]
    assert unknown == []


def known(words: str) -> list[str]:
    """The words up to the first that a command takes as its argument."""
    found = words.split()
    first = cli.get_command(click.Context(cli), found[0])
    return found[: 2 if isinstance(first, click.Group) else 1]


def test_every_target_of_the_makefile_explains_itself() -> None:
    text = (TREE / "Makefile").read_text("utf-8")
    phony = set(re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert phony == explained
    said = {
        word for page in PAGES for word in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= said <= phony
