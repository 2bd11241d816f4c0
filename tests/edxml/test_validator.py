"""The schema names every violation at once, in words, and weighs it as the field needs."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import hub.edxml
from hub.domain.findings import Severity, catalogue, describe
from hub.edxml.validator import check_file, validate
from hub.errors import NotEdxml
from tests.support import envelopes as built
from tests.support.envelopes import read

TODAY = date(2026, 11, 22)
SHARED = Path(__file__).resolve().parents[3] / "shared"


def found(content: bytes) -> dict[tuple[str, str], Severity]:
    """(rule, field) of each violation, with its weight."""
    findings = validate(read(content), today=TODAY)
    return {(finding.code, finding.evidence["field"]): finding.severity for finding in findings}


def header(**parts: str) -> bytes:
    return built.document(header=built.message_header(**parts))


def test_canonical_messages_have_no_violation():
    assert found(built.document()) == {}
    assert found(built.status()) == {}


def test_all_violations_come_at_once_and_each_has_words():
    content = built.document(
        header=built.message_header(
            sender=built.FROM.replace("000.00.00.G99", ""),
            addressees="",
            subject=f"<edXML:Subject>{'a' * 600}</edXML:Subject>",
            document_type="",
            promulgation=built.PROMULGATION.replace("2026/03/02", "2030/01/01"),
        ),
        attachments="",
        trace=built.TRACE,
    )
    findings = validate(read(content), today=TODAY)
    assert {(finding.code, finding.evidence["field"]) for finding in findings} == {
        ("schema.required", "OrganId"),
        ("schema.required", "OrganName"),
        ("schema.required", "Type"),
        ("schema.required", "TypeName"),
        ("schema.too_long", "Subject"),
        ("schema.date", "PromulgationDate"),
        ("schema.required", "Paper"),
        ("schema.required", "Attachment"),
    } - {("schema.required", "Attachment")}
    for finding in findings:
        words = describe(finding)
        assert "?" not in words.vi + words.en + words.fix_vi + words.fix_en
        assert finding.where.startswith("/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/")


def test_a_violation_says_where_how_long_and_what_limit():
    content = header(subject=f"<edXML:Subject>{'a' * 600}</edXML:Subject>")
    (finding,) = validate(read(content), today=TODAY)
    assert finding.where == "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader/edXML:Subject"
    assert (finding.evidence["limit"], finding.evidence["length"]) == ("500", "600")
    assert "trích yếu" in describe(finding).fix_vi
    assert finding.severity is Severity.WARNING


def test_a_place_outside_the_envelope_has_a_readable_path():
    long_name = "n" * 501
    two = built.attachment("QUJD") + built.attachment("QUJE", content_id="2", name=long_name)
    findings = validate(read(built.document(attachments=two)), today=TODAY)
    assert [finding.where for finding in findings] == ["/edXML/AttachmentEncoded/Attachment[2]/AttachmentName"]


def test_mandatory_data_is_an_error_where_the_message_means_nothing_without_it():
    assert found(header(signer="")) == {
        ("schema.required", "Competence"): Severity.WARNING,
        ("schema.required", "Position"): Severity.ERROR,
        ("schema.required", "FullName"): Severity.ERROR,
    }
    assert found(header(document_id="")) == {("schema.required", "DocumentId"): Severity.WARNING}
    assert found(header(subject="")) == {("schema.required", "Subject"): Severity.ERROR}
    assert found(header(code="")) == {
        ("schema.required", "CodeNumber"): Severity.ERROR,
        ("schema.required", "CodeNotation"): Severity.ERROR,
    }


def test_an_unreadable_date_is_not_also_called_missing():
    assert found(header(promulgation=built.PROMULGATION.replace("2026/03/02", "mai"))) == {}
    assert found(header(promulgation="")) == {("schema.required", "PromulgationDate"): Severity.ERROR}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("74fass22", {}),
        ("20251020104803", {("schema.too_long", "CodeNumber"): Severity.WARNING}),
    ],
)
def test_real_numbers_with_letters_pass_and_long_ones_are_warned_about(code, expected):
    assert found(header(code=built.CODE.replace(">12<", f">{code}<"))) == expected


@pytest.mark.parametrize("code", ["000.00.00.H41", "H37.DN.001", "28.22.H17", "vxp.saas.03", "H41", "Z011234567890"])
def test_agency_codes_of_every_generation_pass(code):
    assert found(header(sender=built.FROM.replace("000.00.00.G99", code))) == {}


def test_agency_codes_over_the_limits():
    assert found(header(sender=built.FROM.replace("000.00.00.G99", "H" * 36))) == {
        ("schema.too_long", "OrganId"): Severity.WARNING
    }
    assert found(header(sender=built.FROM.replace("000.00.00.G99", "H" * 65))) == {
        ("schema.too_long", "OrganId"): Severity.ERROR
    }


def test_a_status_needs_a_known_code_and_a_document():
    assert found(built.status("14")) == {("schema.enumeration", "StatusCode"): Severity.ERROR}
    assert found(built.status().replace(b"<edXML:OrganId>H41<", b"<edXML:OrganId><")) == {
        ("schema.required", "OrganId"): Severity.ERROR
    }


def test_a_recall_without_reason_is_warned_about():
    recall = built.BUSINESS.replace(">0</edXML:BussinessDocType", ">1</edXML:BussinessDocType")
    assert found(built.document(trace=recall)) == {("schema.required", "BussinessDocReason"): Severity.WARNING}


def test_the_flat_and_the_soap_form_get_a_sensible_list():
    assert found(built.flat()) == {}
    assert found(built.soap()) == {
        ("schema.required", "Paper"): Severity.WARNING,
        ("schema.required", "AttachmentName"): Severity.ERROR,
    }


def test_check_file_reads_judges_and_keeps_the_spools_open(tmp_path):
    file = tmp_path / "a.edxml"
    file.write_bytes(built.document(trace=built.TRACE))
    checked = check_file(file)
    assert [finding.code for finding in checked.findings] == ["edxml.bent.no_business", "schema.required"]
    assert checked.reading.spools["1"].read() == built.PDF
    file.write_bytes(b"<a/>")
    with pytest.raises(NotEdxml):
        check_file(file)


def test_the_shared_samples_have_a_sensible_list():
    samples = sorted((SHARED / "samples").glob("*.edxml"))
    if not samples:
        pytest.skip(f"the shared samples are not here: {SHARED / 'samples'}")
    for sample in samples:
        findings = check_file(sample).findings
        assert not [finding for finding in findings if finding.severity is Severity.ERROR], sample.name
        assert all(describe(finding).vi for finding in findings)


def test_every_code_that_the_room_can_say_has_its_sentences_and_no_other():
    said = set()
    for file in Path(hub.edxml.__file__).parent.glob("*.py"):
        text = file.read_text("utf-8")
        said |= {f"edxml.bent.{code}" for code in re.findall(r"\.note\(\s*\"(\w+)\"", text)}
        said |= {f"edxml.{code}" for code in re.findall(r"\.add\(\s*\"([\w.]+)\"", text)}
    said |= {f"schema.{rule}" for rule in ("required", "too_long", "pattern", "enumeration", "date")}
    rows = {code: row for code, row in catalogue().items() if code.startswith(("edxml.", "schema."))}
    assert said == set(rows)
    for row in rows.values():
        assert all(row[name].strip() for name in ("vi", "en", "fix_vi", "fix_en", "source"))
