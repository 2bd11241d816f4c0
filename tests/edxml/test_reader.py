"""Every dialect of the field is read into the same Envelope, and what was bent is said."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hub.domain.envelopes import BusinessType, Kind, Paper, Urgency
from hub.domain.findings import Severity
from hub.edxml.reader import Bounds, EnvelopeReader
from hub.errors import DangerousXml, NotEdxml
from tests.support import envelopes as built
from tests.support.envelopes import codes, read

SHARED = Path(__file__).resolve().parents[3] / "shared"


def test_the_canonical_document_is_read_without_any_note():
    reading = read(built.document())
    envelope = reading.envelope
    assert (envelope.kind, envelope.dialect) == (Kind.DOCUMENT, "qcvn102-2016")
    assert envelope.sender.organ_id == "000.00.00.G99"
    assert [party.organ_id for party in envelope.addressees] == ["H41.1.2"]
    assert envelope.document_id == "000.00.00.G99,2026/03/02,12/BTN-VP"
    assert envelope.notation == "12/BTN-VP"
    assert (envelope.issued_at_place, envelope.issued_on) == ("Hà Nội", date(2026, 3, 2))
    assert (envelope.document_type, envelope.document_type_name) == ("18", "Công văn")
    assert envelope.signer.full_name == "Lê Thị Mẫu"
    assert envelope.urgency is Urgency.URGENT
    assert envelope.business.paper is Paper.PAPER_FREE
    assert envelope.trace[0].at == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    assert envelope.notes == ()
    assert reading.payload_findings == ()


def test_an_attachment_is_decoded_hashed_and_found_again_at_its_place():
    content = built.document()
    reading = read(content)
    attachment = reading.envelope.attachments[0]
    assert reading.spools["1"].read() == built.PDF
    assert attachment.sha256 == hashlib.sha256(built.PDF).hexdigest()
    assert attachment.size_bytes == len(built.PDF)
    assert attachment.media_type == "application/pdf"
    place = slice(attachment.offset_bytes, attachment.offset_bytes + attachment.length_bytes)
    assert content[place].decode() == built.base64_text(built.PDF)
    assert (reading.size_bytes, reading.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_skeleton_is_the_message_without_its_base64_and_nothing_else_changed():
    content = b"\xef\xbb\xbf12" + built.document().replace(b"\n", b"\r\n")
    reading = read(content)
    place = reading.envelope.attachments[0]
    end = place.offset_bytes + place.length_bytes
    assert reading.skeleton == content[5 : place.offset_bytes] + content[end:]
    assert reading.spools["1"].read() == built.PDF


@pytest.mark.parametrize(
    ("namespace", "dialect"),
    [
        ("http://www.e-doc.vn/Schema/", "bkav"),
        ("http://www.go.vn/eDoc", "go-vn"),
        ("http://edxml.gov.vn/schema", "edxml-gov-vn"),
        ("http://www.mic.gov.vn/TBT/QCVN_102_2022", "qcvn102-other"),
    ],
)
def test_other_namespaces_are_read_and_noted(namespace, dialect):
    reading = read(built.document(namespace=namespace))
    assert reading.envelope.dialect == dialect
    assert reading.envelope.addressees[0].organ_id == "H41.1.2"
    assert codes(reading) == {"edxml.bent.namespace"}


def test_no_namespace_at_all_is_read():
    text = built.document().decode().replace(f' xmlns="{built.QCVN}"', "").replace("edXML:", "")
    reading = read(text.replace(f' xmlns:edXML="{built.QCVN}"', "").encode())
    assert reading.envelope.dialect == "no-namespace"
    assert reading.envelope.subject == "V/v thử nghiệm liên thông"


def test_the_flat_form_is_read_with_its_inline_file():
    reading = read(built.flat())
    assert reading.envelope.dialect == "flat"
    assert reading.envelope.subject == "V/v thử nghiệm liên thông"
    assert reading.envelope.attachments[0].name == "a.pdf"
    assert reading.envelope.attachments[0].declared_type == "application/pdf"
    assert reading.spools["attachment-1"].read() == built.PDF
    assert {"edxml.bent.flat", "edxml.bent.root", "edxml.bent.no_content_id"} <= codes(reading)
    assert not reading.payload_findings


def test_the_soap_form_is_read():
    envelope = read(built.soap()).envelope
    assert envelope.dialect == "soap2012"
    assert envelope.issued_on == date(2013, 5, 6)
    assert (envelope.document_type, envelope.document_type_name) == ("2", "Công văn")
    assert (envelope.signer.position, envelope.signer.full_name) == ("Phó Chủ tịch", "Phạm Văn Mẫu")
    assert envelope.urgency is Urgency.URGENT
    assert envelope.secrecy == ""
    assert envelope.trace[0].organ_id == "G99"
    assert envelope.trace[0].at == datetime(2013, 5, 6, 2, tzinfo=UTC)
    assert envelope.manifest[0].content_id == "9"


def test_a_soap_body_may_hold_a_whole_edxml_message():
    inner = built.document(prolog="").decode()
    wrapped = f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{inner}</s:Body></s:Envelope>'
    reading = read(wrapped.encode())
    assert reading.envelope.dialect == "qcvn102-2016"
    assert reading.spools["1"].read() == built.PDF
    assert codes(reading) == {"edxml.bent.soap"}


def test_status_messages_are_read_in_both_forms():
    for element, notes in (("MessageHeader", set()), ("Status", {"edxml.bent.status_element"})):
        reading = read(built.status("02", element=element))
        report = reading.envelope.status
        assert reading.envelope.kind is Kind.STATUS
        assert report is not None
        assert report.status_code == "02"
        assert (report.response_for.organ_id, report.response_for.code) == ("H41", "12/BTN-VP")
        assert report.at == datetime(2026, 3, 2, 2, tzinfo=UTC)
        assert report.staff is not None
        assert report.staff.staff == "Trần Văn Thử"
        assert codes(reading) == notes


def test_business_may_be_misspelt_missing_or_elsewhere():
    english = built.BUSINESS.replace("Bussiness", "Business").replace("Paper>0", "Paper>1")
    reading = read(built.document(trace=built.TRACE + english))
    assert reading.envelope.business.paper is Paper.WITH_PAPER
    assert "edxml.bent.spelling" in codes(reading)
    reading = read(built.document(trace=built.TRACE))
    assert reading.envelope.business.paper is None
    assert codes(reading) == {"edxml.bent.no_business"}
    reading = read(built.document(trace=built.BUSINESS + built.TRACE))
    assert reading.envelope.business.paper is Paper.PAPER_FREE
    assert codes(reading) == {"edxml.bent.order"}
    reading = read(built.document(trace=built.TRACE, signature=built.BUSINESS))
    assert reading.envelope.business.paper is Paper.PAPER_FREE
    assert codes(reading) == {"edxml.bent.business_place"}


def test_an_update_and_a_replacement_keep_their_lists():
    update = """<edXML:Bussiness><edXML:BussinessDocType>2</edXML:BussinessDocType>
    <edXML:BussinessDocReason>Đổi nơi nhận</edXML:BussinessDocReason><edXML:BussinessDocumentInfo>
    <edXML:DocumentInfo>0</edXML:DocumentInfo><edXML:DocumentReceiver>1</edXML:DocumentReceiver><edXML:ReceiverList>
    <edXML:Receiver><edXML:OrganId>H1</edXML:OrganId><edXML:ReceiverType>1</edXML:ReceiverType></edXML:Receiver>
    </edXML:ReceiverList></edXML:BussinessDocumentInfo><edXML:Paper>0</edXML:Paper></edXML:Bussiness>"""
    business = read(built.document(trace=update)).envelope.business
    assert business.business_type is BusinessType.UPDATE
    assert (business.metadata_changed, business.receivers_changed) == (False, True)
    assert [(change.organ_id, change.receiver_type) for change in business.receivers] == [("H1", "1")]
    replace = """<edXML:Bussiness><edXML:BussinessDocType>3</edXML:BussinessDocType><edXML:ReplacementInfoList>
    <edXML:ReplacementInfo><edXML:DocumentId>x</edXML:DocumentId><edXML:OrganIdList><edXML:OrganId>H1</edXML:OrganId>
    <edXML:OrganId>H2</edXML:OrganId></edXML:OrganIdList></edXML:ReplacementInfo></edXML:ReplacementInfoList>
    </edXML:Bussiness>"""
    business = read(built.document(trace=replace)).envelope.business
    assert business.business_type is BusinessType.REPLACE
    assert [(item.document_id, item.organ_ids) for item in business.replacements] == [("x", ("H1", "H2"))]


def test_an_unknown_business_type_is_an_error_and_never_silently_new():
    reading = read(
        built.document(trace=built.BUSINESS.replace(">0</edXML:BussinessDocType", ">7</edXML:BussinessDocType"))
    )
    finding = next(note for note in reading.envelope.notes if note.code == "edxml.value.unknown_business")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("text", "day", "code"),
    [
        ("2019/01/16", date(2019, 1, 16), None),
        ("2019/01/16 08:00:00", date(2019, 1, 16), "edxml.bent.date"),
        ("16/01/2019", date(2019, 1, 16), "edxml.bent.date"),
        ("16-01-2019 08:00:00", date(2019, 1, 16), "edxml.bent.date"),
        ("2019-01-16", date(2019, 1, 16), "edxml.bent.date"),
        ("2019-01-16T20:00:00Z", date(2019, 1, 17), "edxml.bent.date"),
        ("2019-01-16T20:00:00.123+07:00", date(2019, 1, 16), "edxml.bent.date"),
        ("1900/01/01", None, "edxml.bent.date"),
        ("0001-01-01T00:00:00", None, "edxml.bent.date"),
        ("2019/02/30", None, "edxml.date.unreadable"),
        ("9999-12-31T23:00:00Z", None, "edxml.date.unreadable"),
        ("2019-01-16T00:00:00+99:99", None, "edxml.date.unreadable"),
        ("hôm qua", None, "edxml.date.unreadable"),
        ("٢٠١٩/٠١/١٦", None, "edxml.date.unreadable"),
        ("", None, None),
    ],
)
def test_every_date_form_of_the_field(text, day, code):
    promulgation = built.PROMULGATION.replace("2026/03/02", text)
    reading = read(built.document(header=built.message_header(promulgation=promulgation)))
    assert reading.envelope.issued_on == day
    assert codes(reading) == ({code} if code else set())


def test_a_hop_without_agency_or_with_the_word_null_is_kept():
    trace = built.TRACE.replace("000.00.00.G99", "null") + "<edXML:TraceHeader></edXML:TraceHeader>" + built.BUSINESS
    reading = read(built.document(trace=trace))
    assert [hop.organ_id for hop in reading.envelope.trace] == ["", ""]
    assert reading.envelope.trace[1].at is None
    assert codes(reading) == {"edxml.bent.null_organ"}


@pytest.mark.parametrize(
    ("listed", "attached", "bent"),
    [
        ("cid:7", "cid:7", False),
        ("cid:7", "7", True),
        ("cid:cid:7", "cid:7", True),
        ("cid:7>", "cid:7", True),
    ],
)
def test_content_ids_meet_however_they_are_written(listed, attached, bent):
    reading = read(
        built.document(
            references=built.reference(content_id=listed.replace(">", "&gt;")),
            attachments=built.attachment(built.base64_text(built.PDF), content_id=attached),
        )
    )
    assert reading.envelope.manifest[0].content_id == reading.envelope.attachments[0].content_id == "7"
    assert ("edxml.bent.content_id" in codes(reading)) is bent


def test_a_lying_content_type_is_noted():
    reading = read(built.document(attachments=built.attachment("UEsDBA==", content_type="application/pdf")))
    note = next(note for note in reading.envelope.notes if note.code == "edxml.bent.content_type")
    assert note.evidence == {"seen": "application/pdf", "found": "application/zip"}


def test_the_sdk_wrapping_is_recognised_and_real_archives_are_not():
    def seen(content: bytes, name: str):
        text = built.base64_text(content)
        return read(built.document(attachments=built.attachment(text, name=name))).envelope.attachments[0]

    wrapped = seen(built.sdk_zip(built.PDF), "a.pdf")
    assert (wrapped.zip_entry, wrapped.media_type) == (built.SDK_ENTRY, "application/zip")
    assert seen(built.sdk_zip(built.PDF), "a.zip").zip_entry == ""
    assert seen(built.sdk_zip(built.PDF, "other.pdf"), "a.pdf").zip_entry == ""
    assert seen(built.sdk_zip(built.PDF, "../" + built.SDK_ENTRY), "a.pdf").zip_entry == ""


def test_the_official_signature_spot_is_seen_in_any_namespace():
    unsigned = read(built.document()).envelope
    legacy = read(built.document(signature=f'<Signature xmlns="{built.QCVN}"/>'))
    real = read(built.document(signature='<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'))
    placeholder = read(built.document(signature="<edXML:DigitalSignature/>"))
    assert not unsigned.has_signature_element
    assert all(reading.envelope.has_signature_element for reading in (legacy, real, placeholder))
    assert "edxml.bent.signature_namespace" in codes(legacy)
    assert "edxml.bent.signature_namespace" in codes(placeholder)
    assert "edxml.bent.signature_namespace" not in codes(real)


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        ({"other_info": "<edXML:OtherInfo><edXML:Secret>Tối mật</edXML:Secret></edXML:OtherInfo>"}, "Tối mật"),
        ({"other_info": "<edXML:OtherInfo><edXML:Secret>1</edXML:Secret></edXML:OtherInfo>"}, "1"),
        ({"other_info": "<edXML:OtherInfo><edXML:Secret>0</edXML:Secret></edXML:OtherInfo>"}, ""),
        ({"document_type": built.DOCUMENT_TYPE.replace("Công văn", "Công văn (Mật)")}, "Mật"),
        ({"document_type": built.DOCUMENT_TYPE.replace("Công văn", "TUYỆT MẬT")}, "TUYỆT MẬT"),
        ({"document_type": built.DOCUMENT_TYPE.replace("Công văn", "Tuye\u0302\u0323t ma\u0302\u0323t")}, "Tuyệt mật"),
        ({"subject": "<edXML:Subject>[MẬT] Kế hoạch</edXML:Subject>"}, "MẬT"),
        ({"subject": "<edXML:Subject>Về bảo vệ bí mật nhà nước</edXML:Subject>"}, ""),
        ({"document_type": built.DOCUMENT_TYPE.replace("Công văn", "Quy định bảo vệ bí mật")}, ""),
    ],
)
def test_a_secrecy_marking_is_carried_as_written(parts, level):
    assert read(built.document(header=built.message_header(**parts))).envelope.secrecy == level


def test_a_second_element_where_one_belongs_is_an_error():
    twice = built.FROM.replace("<edXML:OrganName>", "<edXML:OrganId>H99</edXML:OrganId><edXML:OrganName>")
    reading = read(built.document(header=built.message_header(sender=twice)))
    finding = next(note for note in reading.envelope.notes if note.code == "edxml.duplicate_element")
    assert (finding.severity, finding.evidence["field"]) == (Severity.ERROR, "OrganId")
    header = built.message_header()
    assert "edxml.duplicate_element" in codes(read(built.document(header=header + header)))
    assert "edxml.duplicate_element" in codes(read(built.document(trace=built.BUSINESS * 2)))


def test_two_envelopes_in_one_message_are_an_error():
    content = built.document().decode()
    start, end = content.index("<edXML:edXMLEnvelope"), content.index("</edXML:edXMLEnvelope>") + 22
    doubled = content[:end] + content[start:end] + content[end:]
    assert "edxml.duplicate_element" in codes(read(doubled.encode()))


def test_a_doubled_start_tag_is_read_through():
    inner = built.FROM
    reading = read(built.document(header=built.message_header(sender=f"<edXML:From>{inner}</edXML:From>")))
    assert reading.envelope.sender.organ_id == "000.00.00.G99"
    assert codes(reading) == {"edxml.bent.nested"}


@pytest.mark.parametrize(
    "value",
    ["000.00<!-- x -->.00.G99", "<edXML:b>000.00.00.G99</edXML:b>", "000<x/>.00"],
)
def test_markup_inside_a_value_is_refused_not_cut(value):
    broken = built.FROM.replace("000.00.00.G99", value)
    with pytest.raises(NotEdxml) as refusal:
        read(built.document(header=built.message_header(sender=broken)))
    assert refusal.value.facts["reason"] == "markup_in_value"


def test_undeclared_xlink_is_refused_with_its_reason():
    reference = built.reference().replace("<edXML:Reference>", '<edXML:Reference xlink:href="">')
    with pytest.raises(NotEdxml) as refusal:
        read(built.document(references=reference))
    assert refusal.value.facts["reason"] == "undeclared_prefix"
    assert refusal.value.facts["seen"] == "xlink:href"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"   \r\n ", "empty"),
        (b"hello" * 40, "no_xml"),
        (b"<a/>", "root"),
        (b'<edXML xmlns="urn:other"/>', "namespace"),
        (f'<edXML xmlns="{built.QCVN}"/>'.encode(), "header"),
        (built.document()[:-20], "malformed"),
        (built.document() + b"<x/>", "malformed"),
    ],
)
def test_what_is_no_edxml_is_refused_with_a_reason(content, reason):
    with pytest.raises(NotEdxml) as refusal:
        read(content)
    assert refusal.value.facts["reason"] == reason


def test_abandoning_closes_every_spool_at_any_time():
    spools: list[io.BytesIO] = []

    def new_spool() -> io.BytesIO:
        spools.append(io.BytesIO())
        return spools[-1]

    content = built.document(attachments=built.attachment("QUJD" * 50_000) * 2)
    reader = EnvelopeReader(Bounds(), new_spool=new_spool)
    reader.abandon()
    reader.feed(content[:150_000])
    reader.abandon()
    reader.abandon()
    assert spools
    assert all(spool.closed for spool in spools)


def test_the_shared_samples_are_read():
    samples = sorted((SHARED / "samples").glob("*.edxml"))
    if not samples:
        pytest.skip(f"the shared samples are not here: {SHARED / 'samples'}")
    for sample in samples:
        reading = read(sample.read_bytes())
        findings = (*reading.envelope.notes, *reading.payload_findings)
        assert reading.envelope.sender.organ_id, sample.name
        assert all(finding.severity is Severity.NOTE for finding in findings), sample.name


def test_the_shared_bombs_are_refused():
    bombs = sorted(path for path in (SHARED / "corpora" / "xml-bombs").glob("*") if path.is_file())
    if not bombs:
        pytest.skip(f"the shared corpora are not here: {SHARED / 'corpora'}")
    for bomb in bombs:
        with pytest.raises((DangerousXml, NotEdxml)):
            read(bomb.read_bytes())
