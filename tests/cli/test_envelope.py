"""`hub envelope check` says everything in two languages and ends with a number that scripts can use."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import hub.cli.envelope as command
from hub.domain.findings import Sentences
from tests.support import envelopes as built


@pytest.fixture(autouse=True)
def sentences(monkeypatch):
    """The sentences of refusals belong to another room."""
    words = Sentences("không đọc được", "unreadable", "sửa tệp", "fix the file", "")
    monkeypatch.setattr(command, "describe_error", lambda code, facts: words)


def run(tmp_path, content: bytes, *more: str):
    file = tmp_path / "a.edxml"
    file.write_bytes(content)
    return CliRunner().invoke(command.envelope, ["check", str(file), *more])


def test_a_good_file_is_accepted(tmp_path):
    result = run(tmp_path, built.document())
    assert result.exit_code == 0
    assert "ACCEPTED" in result.output


def test_errors_are_listed_in_two_languages(tmp_path):
    header = built.message_header(subject="", addressees=built.TO.replace("H41.1.2", "H41\u200b"))
    result = run(tmp_path, built.document(header=header))
    assert result.exit_code == 1
    assert "[error] schema.required" in result.output
    assert "Thiếu thông tin bắt buộc: trích yếu nội dung (Subject)." in result.output
    assert "Mandatory data missing: subject (Subject)." in result.output
    assert "\u200b" not in result.output


def test_json_holds_the_same(tmp_path):
    result = run(tmp_path, built.document(trace=built.TRACE), "--json")
    facts = json.loads(result.output)
    assert result.exit_code == 0
    assert facts["verdict"] == "accepted"
    assert [finding["code"] for finding in facts["findings"]] == ["edxml.bent.no_business", "schema.required"]
    assert facts["attachments"][0]["size_bytes"] == len(built.PDF)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_cannot_be_read_ends_with_two_and_its_code(tmp_path, more):
    result = run(tmp_path, built.document(prolog="<!DOCTYPE edXML>"), *more)
    assert result.exit_code == 2
    assert "envelope.dangerous_xml" in result.output
    assert "unreadable" in result.output


def test_a_status_names_what_it_answers(tmp_path):
    result = run(tmp_path, built.status("03"))
    answered = built.read(built.status("03")).envelope.status.response_for
    assert f"→ {answered.organ_id}  03: {answered.document_id}" in result.output
    assert answered.organ_id
    assert answered.document_id
