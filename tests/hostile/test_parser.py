"""Hostile tests E1-E6, A1, A3, A4 of the threat list, each under its number."""

from __future__ import annotations

import io
import socket
import struct
import time
import unicodedata
import zipfile

import pytest

from hub.domain.findings import Severity
from hub.edxml.reader import Bounds, EnvelopeReader
from hub.edxml.validator import validate
from hub.errors import DangerousXml, NotEdxml, TooLarge
from tests.support import envelopes as built
from tests.support.envelopes import codes, read

SECONDS_AT_MOST = 5.0


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """E7: reading opens no connection."""

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("a connection was opened while reading")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def read_in_pieces(content: bytes, bounds: Bounds) -> None:
    """Reads the bytes as a network would bring them."""
    reader = EnvelopeReader(bounds, new_spool=io.BytesIO)
    try:
        for at in range(0, len(content), 1500):
            reader.feed(content[at : at + 1500])
        reader.close()
    finally:
        reader.abandon()


def refused(content: bytes, error: type[Exception], *, bounds: Bounds | None = None) -> dict[str, str]:
    """The facts of the refusal, which must come quickly, in one piece and in small ones."""
    started = time.monotonic()
    with pytest.raises(error) as whole:
        read(content, bounds=bounds)
    with pytest.raises(error) as pieces:
        read_in_pieces(content, bounds or Bounds())
    assert time.monotonic() - started < SECONDS_AT_MOST
    assert whole.value.facts == pieces.value.facts
    return whole.value.facts


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE edXML>",
        '<!DOCTYPE edXML SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE edXML PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE edXML [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE edXML [<!ENTITY % p SYSTEM "http://127.0.0.1/p">%p;]>',
        "<!DOCTYPE edXML [<!ELEMENT edXML ANY>]>",
    ],
)
def test_e1_e2_any_doctype_is_refused(doctype):
    assert refused(built.document(prolog=built.XML + doctype), DangerousXml)["reason"] == "doctype"


def test_e2_an_entity_without_declaration_is_refused():
    subject = built.SUBJECT.replace("V/v", "&xxe;")
    facts = refused(built.document(header=built.message_header(subject=subject)), DangerousXml)
    assert facts["reason"] == "entity"


def test_e3_entity_bombs_are_refused_before_they_grow():
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE edXML [<!ENTITY l0 "ha">{levels}]><edXML>&l11;</edXML>'
    assert refused(bomb.encode(), DangerousXml)["reason"] == "doctype"
    quadratic = f'<!DOCTYPE e [<!ENTITY a "{"a" * 50_000}">]><e>{"&a;" * 50_000}</e>'
    assert refused(quadratic.encode(), DangerousXml)["reason"] == "doctype"


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (b"<a>" * 100_000, "depth"),
        (b"<r>" + b"<a/>" * 100_000, "elements"),
        (b"<r>" + b"t" * 10_000_000, "text_chars"),
        (b"<r " + b" ".join(b'a%d="1"' % n for n in range(1_000_000)) + b"/>", "token_bytes"),
        (b"<r " + b" ".join(b'xmlns:a%d="u"' % n for n in range(300_000)) + b"/>", "token_bytes"),
        (b"<r " + b" ".join(b'a%d="1"' % n for n in range(65)) + b"/>", "attributes"),
        (b"<r>" + b'<a xmlns:a="1" xmlns:b="2" xmlns:c="3"/>' * 10_000, "namespaces"),
        (b"<r><!--" + b"c" * 8_000_000, "token_bytes"),
        (b'<r a="' + b"v" * 8_000_000, "token_bytes"),
        (b"<r>" + b"<a>" + b"<!-- comment -->" * 400_000, "skeleton_bytes"),
        (b"<r><![CDATA[" + b"d" * 8_000_000, "text_chars"),
        (b"<r>" + b"<ContentTransferEncoded/>" * 501, "attachments"),
        (b"<" + b"n" * 8_000_000, "token_bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_e4_every_bound_is_enforced_while_the_bytes_arrive(content, limit):
    facts = refused(content, TooLarge)
    assert facts["reason"] == limit
    assert facts["limit"] == str(getattr(Bounds(), limit))


def test_e4_the_total_size_is_enforced():
    facts = refused(built.document(), TooLarge, bounds=Bounds(total_bytes=1000))
    assert (facts["reason"], facts["limit"]) == ("total_bytes", "1000")


def test_e4_a_comment_or_cdata_in_base64_cannot_smuggle_bytes_past_the_bounds():
    smuggled = "QUJD<![CDATA[" + "A" * 5_000_000 + "]]>"
    assert refused(built.document(attachments=built.attachment(smuggled)), TooLarge)["reason"] == "text_chars"


@pytest.mark.parametrize(
    "content",
    [
        built.document().decode().encode("utf-16"),
        built.document().decode().encode("utf-16-be"),
        built.document().decode().encode("utf-16-le"),
        built.document().decode().encode("utf-32"),
        built.document(prolog='<?xml version="1.0" encoding="UTF-7"?>'),
        built.document(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>'),
        built.document(prolog='<?xml version="1.0" encoding="UTF-16"?>'),
        built.document().replace("thử".encode(), b"\xc0\xafth"),
        built.document().replace("thử".encode(), b"\xe0\x80\xaf"),
        built.document().replace("thử".encode(), "thử".encode("cp1258", "replace") + b"\xff"),
        built.document().replace("thử".encode(), b"\xed\xa0\x80"),
        built.document().replace(b"Mau", b"M\x00u").replace("Mẫu".encode(), b"M\x00u"),
        built.document() + b"\x00",
    ],
)
def test_e5_anything_but_clean_utf8_is_refused(content):
    assert refused(content, NotEdxml)["reason"] in ("encoding", "nul", "malformed")


def test_e5_agency_codes_of_look_alike_letters_are_an_error():
    for code in ("000.00.00.\u041d41", "H41\u200b", "\uff28\uff14\uff11", unicodedata.normalize("NFD", "Hé1")):
        reading = read(built.document(header=built.message_header(sender=built.FROM.replace("000.00.00.G99", code))))
        found = [finding for finding in validate(reading) if finding.code == "schema.pattern"]
        assert [(finding.severity, finding.evidence["field"]) for finding in found] == [(Severity.ERROR, "OrganId")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (built.document(prolog=built.XML + '<?xml-stylesheet href="http://127.0.0.1/x.xsl"?>'), "instruction"),
        (built.document() + b"<?php x ?>", "instruction"),
        (built.document(header="<?x y?>" + built.message_header()), "instruction"),
        (built.document(attachments=built.attachment("QUJD<?x y?>")), "instruction"),
        (
            built.document(
                signature='<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"/>'
            ),
            "inclusion",
        ),
        (built.document(signature='<x xml:base="http://127.0.0.1/"/>'), "inclusion"),
    ],
)
def test_e6_instructions_and_inclusions_are_refused(content, reason):
    assert refused(content, DangerousXml)["reason"] == reason


def test_e11_e12_a_foreign_namespace_never_lends_a_value():
    foreign = built.FROM.replace("<edXML:OrganName>", '<OrganId xmlns="urn:evil">H99</OrganId><edXML:OrganName>')
    reading = read(built.document(header=built.message_header(sender=foreign)))
    assert reading.envelope.sender.organ_id == "000.00.00.G99"
    unprefixed = built.FROM.replace("<edXML:OrganName>", '<OrganId xmlns="">H99</OrganId><edXML:OrganName>')
    reading = read(built.document(header=built.message_header(sender=unprefixed)))
    assert "edxml.duplicate_element" in codes(reading)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "path"),
        ("..\\..\\x.pdf", "path"),
        ("C:\\x.pdf", "path"),
        ("C:x.pdf", "path"),
        ("/etc/x", "path"),
        ("CON", "device"),
        ("nul.pdf", "device"),
        ("a\u202efdp.exe", "direction_character"),
        ("a.pdf.exe", "hidden_program"),
        ("a.pdf .EXE ", "hidden_program"),
        ("a&#10;X-Evil: 1.pdf", "control_character"),
        ("a\u2028b.pdf", "control_character"),
    ],
)
def test_a1_names_that_could_harm_are_errors_and_stay_data(name, reason):
    reading = read(built.document(attachments=built.attachment("QUJD", name=name)))
    finding = next(found for found in reading.payload_findings if found.code == "edxml.attachment.name")
    assert (finding.severity, finding.evidence["reason"]) == (Severity.ERROR, reason)


def test_a1_a_very_long_name_and_a_slash_are_warnings():
    for name, reason in (("n" * 4096 + ".pdf", "length"), ("12/BTN-VP.pdf", "slash")):
        reading = read(built.document(attachments=built.attachment("QUJD", name=name)))
        finding = next(found for found in reading.payload_findings if found.code == "edxml.attachment.odd_name")
        assert (finding.severity, finding.evidence["reason"]) == (Severity.WARNING, reason)


def test_a1_a_name_with_nul_cannot_arrive():
    assert refused(built.document(attachments=built.attachment("QUJD", name="a&#0;.pdf")), NotEdxml)


def test_a3_a_zip_bomb_in_the_sdk_wrapping_is_an_error_and_never_unpacked():
    bomb = built.sdk_zip(b"\0" * 20_000_000)
    reading = read(built.document(attachments=built.attachment(built.base64_text(bomb))))
    assert codes(reading) >= {"edxml.attachment.zip_bomb"}
    assert reading.envelope.attachments[0].zip_entry == ""


def test_a3_a_huge_zip_directory_is_not_loaded():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(5000):
            archive.writestr(f"{number}", b"")
    reading = read(built.document(attachments=built.attachment(built.base64_text(out.getvalue()))))
    assert codes(reading) >= {"edxml.attachment.zip"}


def test_a3_a_zip_that_lies_about_its_directory_is_a_finding():
    lying = bytearray(built.sdk_zip(built.PDF))
    struct.pack_into("<I", lying, lying.rfind(b"PK\x05\x06") + 16, 0x7FFFFFF0)
    reading = read(built.document(attachments=built.attachment(built.base64_text(bytes(lying)))))
    assert codes(reading) >= {"edxml.attachment.zip"}


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("QUJD!!!RA==", "character"),
        ("QUJD-_RA", "character"),
        ("QUJDRA=", "length"),
        ("QUJDR", "length"),
        ("QUJDRA===", "length"),
        ("QUJD====", "padding"),
        ("QQ==QUJD", "padding"),
        ("QQ==" + " " * 70_000 + "QUJD", "padding"),
        ("QR==", "last_bits"),
        ("QUJE&#65;AAA", "character"),
        ("QU<!-- x -->JD", "comment"),
        ("<![CDATA[QUJD]]>", "cdata"),
        ("QUJD<x/>", "element"),
        ("QUJD\u00a0RA==", "character"),
        ("QUJD\u200bRA==", "character"),
    ],
)
def test_a4_base64_is_never_repaired(text, flaw):
    reading = read(built.document(attachments=built.attachment(text)))
    finding = next(found for found in reading.payload_findings if found.code == "edxml.attachment.base64")
    assert (finding.severity, finding.where, finding.evidence["seen"]) == (Severity.ERROR, "1", flaw)
    assert reading.spools["1"].read() == b""
    assert reading.envelope.attachments[0].size_bytes == 0


@pytest.mark.parametrize("text", ["QUJD\r\nRA==\r\n", "  QUJD\tRA = =", "Q\nU\nJ\nD\nR\nA\n=\n="])
def test_a4_blanks_and_line_breaks_are_allowed(text):
    reading = read(built.document(attachments=built.attachment(text)))
    assert reading.payload_findings == ()
    assert reading.spools["1"].read() == b"ABCD"


def test_a4_two_attachments_with_one_identifier_are_an_error():
    reading = read(built.document(attachments=built.attachment("QUJD") + built.attachment("QUJE")))
    assert "edxml.attachment.duplicate_id" in codes(reading)
    assert sorted(spool.read() for spool in reading.spools.values()) == [b"ABC", b"ABD"]


def test_a4_base64_outside_an_attachment_is_an_error():
    hidden = f'<edXML:ContentTransferEncoded xmlns:edXML="{built.QCVN}">QUJD</edXML:ContentTransferEncoded>'
    assert "edxml.attachment.misplaced" in codes(read(built.document(signature=hidden)))
    assert "edxml.attachment.misplaced" in codes(
        read(built.document(header=built.message_header(more=f"<edXML:Attachment>{hidden}</edXML:Attachment>")))
    )


def test_a4_two_files_in_one_attachment_are_an_error():
    hidden = f'<edXML:ContentTransferEncoded xmlns:edXML="{built.QCVN}">QUJE</edXML:ContentTransferEncoded>'
    doubled = built.attachment("QUJD").replace("</Attachment>", hidden + "</Attachment>")
    assert "edxml.duplicate_element" in codes(read(built.document(attachments=doubled)))


def test_an_attachment_element_without_a_file_is_an_error():
    assert "edxml.attachment.no_content" in codes(
        read(built.document(attachments="<Attachment><ContentId>cid:1</ContentId></Attachment>"))
    )
