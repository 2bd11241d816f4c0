"""The check about files: what each fact weighs by the rules, and what is not told twice."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files
from types import SimpleNamespace

import pytest

from hub.checks import attachments
from hub.domain.attachment_rules import (
    AttachmentRules,
    FileFacts,
    Kind,
    ScannerDemand,
    Trouble,
    read_attachment_rules,
)
from hub.domain.envelopes import Attachment
from hub.domain.findings import Finding, Severity, catalogue, describe
from hub.ports import ScanResult

PACK = tomllib.loads((files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8"))
RULES = read_attachment_rules(PACK["attachments"])
PDF = "application/pdf"
CLEAN = FileFacts(PDF)


def told(
    facts: FileFacts | None, *, name: str = "a.pdf", size_bytes: int = 5, rules: AttachmentRules = RULES
) -> list[Finding]:
    """What the check says of one file; the envelope, the rules and the facts are all that it looks at."""
    attachment = Attachment("7", name, "", "", 0, 0, size_bytes, "", PDF)
    reading = SimpleNamespace(envelope=SimpleNamespace(attachments=(attachment,)))
    seen = {} if facts is None else {"7": facts}
    candidate = SimpleNamespace(reading=reading, files=seen, rules=SimpleNamespace(attachments=rules))
    return list(attachments.judge(candidate))


def weighed(findings: list[Finding]) -> dict[str, str]:
    return {finding.code.removeprefix("attachments."): finding.severity.value for finding in findings}


@pytest.mark.parametrize("name", ["a.pdf", "a.PDF", "a", "", "Quyết định"])
def test_a_pdf_is_passed_without_a_word(name):
    assert told(CLEAN, name=name) == []


def test_a_file_without_content_is_the_reader_s_to_tell():
    assert told(FileFacts("application/octet-stream"), size_bytes=0) == []
    assert told(None) == []


@pytest.mark.parametrize(
    ("media_type", "name", "expected"),
    [
        ("text/html", "a.html", {"refused_type": "error"}),
        ("application/x-executable", "a.pdf", {"refused_type": "error"}),
        ("text/plain", "run.bat", {"refused_extension": "error"}),
        ("application/octet-stream", "a.pdf", {"unknown_type": "warning"}),
        ("application/x-tar", "a.tar", {"unlisted_type": "warning"}),
        (PDF, "a.docx", {"name_differs": "warning"}),
        ("text/plain", "danh-sach.csv", {}),
        ("application/x-ole-storage", "a.DOC", {}),
    ],
)
def test_one_thing_is_said_about_the_type(media_type, name, expected):
    assert weighed(told(FileFacts(media_type), name=name)) == expected


@pytest.mark.parametrize(
    "field", ["unknown", "unlisted", "name_differs", "macros", "polyglot", "pdf_not_first", "unseen", "scan_skipped"]
)
def test_every_weight_comes_from_the_rules(field):
    octets, tar, docx = FileFacts("application/octet-stream"), FileFacts("application/x-tar"), "a.docx"
    seen = {
        "unknown": (octets, "a.pdf"),
        "unlisted": (tar, "a.pdf"),
        "name_differs": (CLEAN, docx),
        "macros": (replace(CLEAN, troubles=(Trouble(Kind.MACROS),)), "a.pdf"),
        "polyglot": (replace(CLEAN, troubles=(Trouble(Kind.POLYGLOT),)), "a.pdf"),
        "pdf_not_first": (replace(CLEAN, troubles=(Trouble(Kind.PDF_NOT_FIRST),)), "a.pdf"),
        "unseen": (replace(CLEAN, troubles=(Trouble(Kind.ENCRYPTED),)), "a.pdf"),
        "scan_skipped": (replace(CLEAN, scan=ScanResult(skipped="limit")), "a.pdf"),
    }
    facts, name = seen[field]
    for severity in (Severity.NOTE, Severity.ERROR):
        (finding,) = told(facts, name=name, rules=replace(RULES, **{field: severity}))
        assert finding.severity is severity


def test_a_busy_machine_is_no_reason_to_refuse_a_document():
    (finding,) = told(replace(CLEAN, troubles=(Trouble(Kind.TOO_SLOW),)))
    assert (finding.code, finding.severity) == ("attachments.too_slow", Severity.TRY_LATER)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_trouble_can_be_said_with_its_place(kind):
    (finding,) = told(replace(CLEAN, troubles=(Trouble(kind, "trong/tệp.txt"),)), name="ngoài.pdf")
    assert (finding.check, finding.where) == ("attachments", "cid:7")
    words = describe(finding)
    for sentence in (words.vi, words.en):
        assert "trong/tệp.txt" in sentence or "ngoài.pdf" in sentence
        assert "?" not in sentence


@pytest.mark.parametrize(
    ("demand", "facts", "expected"),
    [
        (ScannerDemand.NOTE, CLEAN, {}),
        (ScannerDemand.NOTE, replace(CLEAN, scan_failed=True), {"not_scanned": "warning"}),
        (ScannerDemand.NOTE, replace(CLEAN, scan=ScanResult()), {}),
        (ScannerDemand.REQUIRE, CLEAN, {"not_scanned": "try_later"}),
        (ScannerDemand.REQUIRE, replace(CLEAN, scan_failed=True), {"not_scanned": "try_later"}),
        (ScannerDemand.REQUIRE, replace(CLEAN, scan=ScanResult()), {}),
        (ScannerDemand.NOTE, replace(CLEAN, scan=ScanResult(skipped="limit")), {"scan_skipped": "warning"}),
        (ScannerDemand.NOTE, replace(CLEAN, scan=ScanResult(threat="Eicar")), {"malware": "error"}),
    ],
)
def test_a6_the_scanner_s_answer_and_its_absence_by_policy(demand, facts, expected):
    assert weighed(told(facts, rules=replace(RULES, scanner=demand))) == expected


def test_a6_the_name_of_the_threat_is_told():
    (finding,) = told(replace(CLEAN, scan=ScanResult(threat="Win.Test.EICAR_HDB-1")))
    assert "Win.Test.EICAR_HDB-1" in describe(finding).vi


def test_every_sentence_of_this_check_has_a_trouble_or_a_rule():
    sentences = {code.removeprefix("attachments.") for code in catalogue() if code.startswith("attachments.")}
    types = {"refused_type", "refused_extension", "unknown_type", "unlisted_type", "name_differs"}
    assert sentences == {kind.value for kind in Kind} | types | {"not_scanned", "scan_skipped", "malware"}
