"""What is written is read back as the same value, and in the form that SDK receivers can read."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.domain.envelopes import (
    Attachment,
    Business,
    BusinessType,
    Envelope,
    Hop,
    Kind,
    ManifestEntry,
    Paper,
    Party,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusReport,
    Urgency,
)
from hub.edxml import writer
from hub.edxml.attachments import open_attachment, open_wrapped
from hub.errors import NotEdxml, TooLarge
from tests.support import envelopes as built
from tests.support.envelopes import QCVN, read

CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufffe\uffff")
TEXT = st.text(CHARACTERS, max_size=30).map(str.strip)
WORD = st.text("abcXYZ012.ệẠ<&>'\"]", min_size=1, max_size=12).map(lambda text: f"w{text}w")
CODE = st.text("0123456789.HG", min_size=1, max_size=13)
DAY = st.dates(date(1950, 1, 1), date(2099, 12, 31))
TIME = st.datetimes(datetime(1950, 1, 2), datetime(2099, 12, 30)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
PARTY = st.builds(Party, CODE, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
STAFF = st.none() | st.builds(Staff, WORD, TEXT, TEXT, TEXT)
RESPONSE = st.builds(ResponseFor, CODE, TEXT, st.none() | DAY, TEXT)
LABELS = {b"%PDF-1.4 x": "application/pdf", b"\x89PNG\r\n\x1a\nx": "image/png", "chữ".encode(): "text/plain"}


@st.composite
def attachments(draw: st.DrawFn) -> tuple[dict[str, bytes], tuple[ManifestEntry, ...], tuple[Attachment, ...]]:
    """Files with their manifest entries and expected values; the places are filled after writing."""
    contents = draw(st.lists(st.sampled_from(sorted(LABELS)), max_size=3))
    files, entries, expected = {}, [], []
    for number, content in enumerate(contents):
        name, description = draw(WORD), draw(TEXT)
        label = LABELS[content]
        files[str(number)] = content
        entries.append(ManifestEntry(str(number), label, name, description))
        digest = hashlib.sha256(content).hexdigest()
        expected.append(Attachment(str(number), name, label, description, 0, 0, len(content), digest, label))
    return files, tuple(entries), tuple(expected)


BUSINESS = st.builds(
    Business,
    business_type=st.sampled_from(BusinessType),
    reason=TEXT,
    document_id=TEXT,
    paper=st.sampled_from(Paper),
    staff=STAFF,
    metadata_changed=st.booleans(),
    receivers_changed=st.booleans(),
    receivers=st.lists(st.builds(ReceiverChange, CODE, st.sampled_from("01")), max_size=2).map(tuple),
    replacements=st.lists(st.builds(Replacement, WORD, st.lists(CODE, max_size=2).map(tuple)), max_size=2).map(tuple),
)
DOCUMENT = st.builds(
    Envelope,
    kind=st.just(Kind.DOCUMENT),
    dialect=st.just("qcvn102-2016"),
    sender=PARTY,
    addressees=st.lists(PARTY, max_size=3).map(tuple),
    document_id=TEXT,
    code_number=TEXT,
    code_notation=TEXT,
    issued_at_place=TEXT,
    issued_on=st.none() | DAY,
    document_type=TEXT,
    document_type_detail=st.just("0"),
    document_type_name=WORD,
    subject=WORD,
    content=TEXT,
    signer=st.builds(Signer, TEXT, TEXT, TEXT),
    due_on=st.none() | DAY,
    to_places=st.lists(WORD, max_size=2).map(tuple),
    urgency=st.sampled_from(Urgency),
    sphere_of_promulgation=TEXT,
    type_notation=WORD,
    promulgation_amount=TEXT,
    page_amount=TEXT,
    direction=TEXT,
    appendixes=st.lists(WORD, max_size=2).map(tuple),
    response_for=st.lists(RESPONSE, max_size=2).map(tuple),
    steering_type=TEXT,
    trace=st.lists(st.builds(Hop, CODE, st.none() | TIME), max_size=2).map(tuple),
    business=BUSINESS,
)
STATUS = st.builds(
    Envelope,
    kind=st.just(Kind.STATUS),
    dialect=st.just("qcvn102-2016"),
    sender=PARTY,
    trace=st.lists(st.builds(Hop, CODE, TIME), max_size=2).map(tuple),
    status=st.builds(StatusReport, RESPONSE, st.sampled_from(("01", "02", "06")), TEXT, st.none() | TIME, STAFF),
)


def written(envelope: Envelope, files: dict[str, bytes]) -> bytes:
    """The bytes of the message."""
    out = io.BytesIO()
    writer.write(writer.build(envelope), {key: io.BytesIO(content) for key, content in files.items()}, out)
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(envelope=DOCUMENT, attached=attachments())
def test_a_document_comes_back_equal(envelope, attached):
    files, entries, expected = attached
    sent = replace(envelope, manifest=entries, attachments=expected)
    reading = read(written(sent, files))
    came = reading.envelope
    places = zip(expected, came.attachments, strict=True)
    filled = tuple(
        replace(one, offset_bytes=other.offset_bytes, length_bytes=other.length_bytes) for one, other in places
    )
    assert replace(came, notes=()) == replace(sent, attachments=filled)
    assert {key: spool.read() for key, spool in reading.spools.items()} == files
    assert not [note for note in came.notes if note.code != "edxml.bent.null_organ"]


@settings(max_examples=40, deadline=None)
@given(envelope=STATUS)
def test_a_status_comes_back_equal(envelope):
    out = io.BytesIO()
    writer.write(writer.status(envelope), {}, out)
    assert read(out.getvalue()).envelope == envelope


def canonical() -> tuple[Envelope, dict[str, bytes]]:
    """A document read from the builder, and its file."""
    reading = read(built.document())
    return reading.envelope, {key: spool.read() for key, spool in reading.spools.items()}


def test_the_prefix_is_literal_inside_and_absent_outside():
    text = written(*canonical()).decode()
    assert f'<edXML xmlns="{QCVN}"><edXML:edXMLEnvelope xmlns:edXML="{QCVN}"><edXML:edXMLHeader>' in text
    assert "<AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>" in text
    assert "<edXML:Paper>0</edXML:Paper>" in text
    assert "<edXML:PromulgationDate>2026/03/02</edXML:PromulgationDate>" in text
    assert "<edXML:Timestamp>2026/03/02 08:30:00</edXML:Timestamp>" in text


@pytest.mark.parametrize("dialect", [built.flat(), built.soap(), built.document(trace="")])
def test_every_dialect_leaves_in_the_canonical_form(dialect):
    reading = read(dialect)
    text = written(reading.envelope, {key: spool.read() for key, spool in reading.spools.items()})
    again = read(text).envelope
    assert again.dialect == "qcvn102-2016"
    assert again.business.paper is Paper.PAPER_FREE
    assert again.subject == reading.envelope.subject
    assert again.issued_on == reading.envelope.issued_on
    assert not again.notes


def test_a_real_archive_is_not_labelled_as_one_to_unwrap():
    archive = built.sdk_zip(b"x", "inside.txt")
    for name, label in (("ho-so.zip", "application/x-zip-compressed"), ("a.pdf", "application/zip")):
        content = archive if name.endswith("zip") else built.sdk_zip(b"x")
        text = built.base64_text(content)
        reading = read(built.document(attachments=built.attachment(text, name=name)))
        again = read(written(reading.envelope, {"1": content})).envelope
        assert again.attachments[0].declared_type == label
        assert again.manifest[0].content_type == label
        assert not again.notes


def test_what_was_added_to_the_tree_stays_as_it_was_serialised():
    envelope, files = canonical()
    root = writer.build(envelope, envelope_id="e1")
    header = root.find(f".//{{{QCVN}}}edXMLHeader")
    signature = etree.SubElement(
        header, "{http://www.w3.org/2000/09/xmldsig#}Signature", nsmap={"ds": "http://www.w3.org/2000/09/xmldsig#"}
    )
    signature.text = "x"
    before = etree.tostring(root.find(f"{{{QCVN}}}edXMLEnvelope"), method="c14n", exclusive=True)
    out = io.BytesIO()
    writer.write(root, {key: io.BytesIO(content) for key, content in files.items()}, out)
    reading = read(out.getvalue())
    again = etree.fromstring(reading.skeleton)
    assert etree.tostring(again.find(f"{{{QCVN}}}edXMLEnvelope"), method="c14n", exclusive=True) == before
    assert b'Id="e1"' in before
    assert reading.envelope.has_signature_element
    assert reading.spools["1"].read() == files["1"]
    assert etree.tostring(root, encoding="UTF-8", xml_declaration=True) == reading.skeleton.replace(
        b"></edXML:ContentTransferEncoded>", b"/>"
    )


def test_a_missing_payload_and_a_forbidden_character_are_refused():
    envelope, _ = canonical()
    with pytest.raises(KeyError):
        written(envelope, {})
    with pytest.raises(NotEdxml):
        writer.build(replace(envelope, subject="a\x01b"))
    with pytest.raises(ValueError, match="not a status"):
        writer.status(envelope)


def test_an_attachment_is_served_from_its_place_in_the_envelope():
    big = bytes(range(256)) * 3000
    content = built.document(attachments=built.attachment(built.base64_text(big, width=64)))
    attachment = read(content).envelope.attachments[0]
    pieces = list(open_attachment(io.BytesIO(content), attachment))
    assert b"".join(pieces) == big
    assert max(len(piece) for piece in pieces) <= 64 * 1024
    moved = replace(attachment, offset_bytes=attachment.offset_bytes - 3)
    with pytest.raises(NotEdxml):
        list(open_attachment(io.BytesIO(content), moved))
    with pytest.raises(NotEdxml):
        list(open_attachment(io.BytesIO(content[:500]), attachment))


def test_the_wrapped_file_is_opened_within_its_limit():
    wrapped = built.sdk_zip(built.PDF * 100)
    content = built.document(attachments=built.attachment(built.base64_text(wrapped)))
    reading = read(content)
    attachment, spool = reading.envelope.attachments[0], reading.spools["1"]
    assert b"".join(open_wrapped(spool, attachment)) == built.PDF * 100
    with pytest.raises(TooLarge):
        list(open_wrapped(spool, attachment, limit_bytes=100))
    with pytest.raises(NotEdxml):
        list(open_wrapped(io.BytesIO(wrapped[:40]), attachment))
