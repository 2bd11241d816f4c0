"""The attacks E17 to E19 on envelope signatures, each by its number: what is signed, changes on the way."""

from __future__ import annotations

import unicodedata
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, trees
from hub.signatures.trees import ds, edxml
from tests.signatures.builder import FILES, Case, anchors, part, pki, refused, signed

Tree = etree._Element
WAYS = {"by-parts": None, "whole-text": ("",)}


# --- E17 coverage and attachments -------------------------------------------------------------------------


def test_e17_attachment_swapped_after_signing() -> None:
    for way in WAYS.values():
        case = signed(references=way)
        files = {**FILES, "tep-1": b"%PDF-1.7 noi dung gia"}
        old, new = (b64encode(one["tep-1"]).decode() for one in (FILES, files))
        swapped = case.replaced(old, new)
        swapped.files = files
        refused(swapped, "signature.digest_mismatch")


def test_e17_attachments_exchanged() -> None:
    case = signed()
    case.files = {"tep-1": FILES["tep-2"], "tep-2": FILES["tep-1"]}
    refused(case, "signature.digest_mismatch")


def test_e17_extra_unsigned_attachment_is_named() -> None:
    case = signed()
    case.files = {**FILES, "tep-3": b"extra"}
    report = case.judged()
    assert report.state is SignatureState.VALID
    assert report.coverage.attachments == {"tep-1": True, "tep-2": True, "tep-3": False}
    assert not report.coverage.whole
    assert [finding.evidence["parts"] for finding in report.findings] == ["cid:tep-3"]


def test_e17_attachment_taken_away() -> None:
    case = signed()
    case.files = {"tep-1": FILES["tep-1"]}
    refused(case, "signature.attachment_missing")


def test_e17_same_content_id_twice_under_a_text_signature() -> None:
    def rename(root: Tree) -> None:
        root.findall(f".//{edxml('ContentId')}")[-1].text = "cid:tep-1"

    refused(signed(references=("",), prepare=rename), "signature.parsers_differ")


def test_e17_order_of_attachments_is_part_of_a_text_signature_only() -> None:
    def swap(root: Tree) -> None:
        holder = part(root, "AttachmentEncoded")
        holder.append(holder[0])

    assert signed().changed(swap).judged().state is SignatureState.VALID
    refused(signed(references=("",)).changed(swap), "signature.digest_mismatch")


# --- E18 the report names the certificate, so that another agency's token is noticed ----------------------


def test_e18_report_names_whose_seal_it_is() -> None:
    other = pki().agency_seal("Bộ B", "G30")
    report = signed(by=other).judged()
    assert report.certificate is not None
    assert "G30" in report.certificate.subject
    assert report.certificate.pem.encode() == other.certificate.public_bytes(Encoding.PEM)


# --- E19 changes on the way -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<edXML:To>", "<edXML:To> "),
        ("<edXML:Subject>Về", "<edXML:Subject> Về"),
        ("Về việc", "Về  việc"),
        ("Về việc", unicodedata.normalize("NFD", "Về việc")),
        ("    <edXML:edXMLBody>", "<edXML:edXMLBody>"),
        ("<edXML:OrganId>G22", "<edXML:OrganId>g22"),
    ],
)
def test_e19_a_changed_document_is_not_repaired(way: tuple[str, ...] | None, old: str, new: str) -> None:
    refused(signed(references=way).replaced(old, new), "signature.digest_mismatch")


def test_e19_wrong_canonicalization_named() -> None:
    def other(root: Tree) -> None:
        part(root, ds("Transforms"))[1].set("Algorithm", algorithms.C14N)

    refused(signed().changed(other), "signature.value_mismatch")


def test_e19_line_ends_are_the_one_change_that_xml_itself_undoes() -> None:
    """XML 1.0 §2.11 turns CRLF into LF before anybody sees it; a literal carriage return does not pass."""
    case = signed()
    crlf = Case(case.content.replace(b"\n", b"\r\n"), case.files)
    assert crlf.judged().state is SignatureState.VALID
    refused(case.replaced("Về việc", "Về&#13; việc"), "signature.digest_mismatch")


def test_e19_every_byte_of_the_signed_info_counts() -> None:
    case = signed()
    start, end = case.content.index(b"<ds:SignedInfo"), case.content.index(b"</ds:SignedInfo>")
    for position in range(start, end, 23):
        flipped = bytes([case.content[position] ^ 1])
        spoilt = Case(case.content[:position] + flipped + case.content[position + 1 :], case.files)
        assert spoilt.judged().state is not SignatureState.VALID, position


def test_trees_refuse_what_the_tests_build_on() -> None:
    """The helper `refused` would pass on an unreadable document too: the base cases are readable and valid."""
    for way in WAYS.values():
        case = signed(references=way)
        assert trees.parse(case.source().skeleton).tag == edxml("edXML")
        assert case.judged(anchors()).state is SignatureState.VALID
