"""The rule pack's table about attachments, and what happens when it is not as it must be."""

from __future__ import annotations

import copy
import tomllib
from importlib.resources import files

import pytest

from hub.domain.attachment_rules import ScannerDemand, extension_of, read_attachment_rules
from hub.domain.findings import Severity

RAW = tomllib.loads((files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8"))["attachments"]


def test_the_pack_of_decision_28():
    rules = read_attachment_rules(RAW)
    assert rules.types["application/pdf"] == {"pdf"}
    assert rules.polyglot is Severity.ERROR
    assert rules.scanner is ScannerDemand.NOTE
    assert rules.archives.depth == 2


def test_no_type_and_no_extension_is_both_allowed_and_refused():
    rules = read_attachment_rules(RAW)
    assert rules.refused_types.isdisjoint(rules.types)
    assert rules.refused_extensions.isdisjoint(set().union(*rules.types.values()))


@pytest.mark.parametrize(
    ("name", "media_type", "refused"),
    [
        ("a.exe", "text/plain", True),
        ("a.EXE. ", "application/pdf", True),
        ("a.pdf", "text/html", True),
        ("a.pdf", "application/pdf", False),
        ("exe", "application/pdf", False),
        ("", "", False),
    ],
)
def test_a_file_is_refused_for_what_it_is_or_for_its_name(name, media_type, refused):
    assert read_attachment_rules(RAW).refuses(name, media_type) is refused


@pytest.mark.parametrize(
    ("name", "extension"), [("a.PDF", "pdf"), ("a.pdf .", "pdf"), ("a", ""), ("", ""), ("a.", ""), (".pdf", "pdf")]
)
def test_the_extension_is_the_one_that_a_computer_opens_by(name, extension):
    assert extension_of(name) == extension


@pytest.mark.parametrize(
    "change",
    [
        {"polyglot": "loud"},
        {"unseen": None},
        {"scanner": "perhaps"},
        {"types": ["application/pdf"]},
        {"types": {"application/pdf": "pdf"}},
        {"refused_extensions": [1]},
        {"archives": {"entries": 1}},
        {"archives": RAW["archives"] | {"depth": 0}},
        {"archives": RAW["archives"] | {"depth": True}},
        {"archives": RAW["archives"] | {"more": 1}},
        {"invented": "warning"},
    ],
    ids=str,
)
def test_a_broken_table_is_never_taken_for_rules(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_attachment_rules(copy.deepcopy(RAW) | change)


@pytest.mark.parametrize("missing", sorted(RAW))
def test_every_row_is_needed(missing):
    with pytest.raises((KeyError, TypeError)):
        read_attachment_rules({name: value for name, value in RAW.items() if name != missing})
