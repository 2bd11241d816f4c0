"""The attacks E17 to E19 on envelope signatures, each by its number: what is signed, changes on the way."""

from __future__ import annotations

import itertools
import unicodedata
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.domain.signatures import SignatureReport, SignatureState
from hub.signatures import algorithms, trees
from hub.signatures.trees import ds, edxml
from tests.oracle.second_opinion import Received, received
from tests.signatures.builder import FILES, Case, anchors, codes, part, pki, refused, signed

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


def test_e18_a_file_and_its_signature_taken_over_into_another_envelope() -> None:
    """A sound signature of G22 in an envelope that says it comes from G30: the header is signed, so it fails."""
    refused(signed().replaced("<edXML:OrganId>G22", "<edXML:OrganId>G30"), "signature.digest_mismatch")


def test_e18_a_signature_that_leaves_the_sender_out_does_not_cover_the_header() -> None:
    """Moved under another sender it still verifies; the map says that nobody has signed who sends."""
    moved = signed(references=("#trace", "#body", "cid:tep-1", "cid:tep-2"), prepare=name_parts)
    report = moved.replaced("<edXML:OrganId>G22", "<edXML:OrganId>G30").judged()
    assert (report.state, report.coverage.header, report.coverage.whole) == (SignatureState.VALID, False, False)
    assert [finding.evidence["parts"] for finding in report.findings] == ["MessageHeader"]


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


# --- E17 the coverage map is the truth --------------------------------------------------------------------

MAPS: dict[str, tuple[str, ...] | None] = {
    "usual": None,
    "whole text": ("",),
    "header only": ("#header",),
    "message header only": ("#message",),
    "header and one file": ("#header", "cid:tep-1"),
    "manifest and files": ("#manifest", "cid:tep-2", "cid:tep-1"),
    "parts one by one": ("#message", "#trace", "#body", "cid:tep-1", "cid:tep-2"),
    "files only": ("cid:tep-1", "cid:tep-2"),
    "twice covered": ("", "#header", "cid:tep-1"),
}


def name_parts(root: Tree) -> None:
    """Gives every part of the regulation an Id of its own."""
    named = {"edXMLHeader": "header", "MessageHeader": "message", "TraceHeaderList": "trace"}
    for name, identifier in (named | {"edXMLBody": "body", "edXMLManifest": "manifest"}).items():
        part(root, name).set("Id", identifier)


def claimed(report: SignatureReport, element: Tree) -> bool:
    """Does the report say that this element lies in a signed part?"""
    above = {trees.local_name(one) for one in (element, *element.iterancestors())}
    return (report.coverage.header and "edXMLHeader" in above) or (report.coverage.manifest and "edXMLBody" in above)


@pytest.mark.parametrize("way", MAPS)
def test_e17_nothing_that_is_said_to_be_signed_can_be_changed(way: str) -> None:
    """Every text, attribute and file in turn: what still verifies when changed was never claimed as covered."""
    case = signed(references=MAPS[way], prepare=name_parts)
    report = case.judged()
    assert report.state is SignatureState.VALID
    count = len(list(case.root.iter(etree.Element)))
    for number in range(count):
        root = case.root
        element = list(root.iter(etree.Element))[number]
        if any(one.tag == ds("Signature") for one in (element, *element.iterancestors())):
            continue
        element.text = (element.text or "") + "x"
        changed = Case(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), case.files)
        after = changed.judged()
        agrees = after.state is SignatureState.VALID
        assert not (agrees and claimed(after, element)), trees.path_of(element)
    for name, is_signed in report.coverage.attachments.items():
        other = Case(case.content, {**case.files, name: case.files[name] + b"x"})
        assert (other.judged().state is SignatureState.VALID) == (not is_signed), name


def test_e17_a_signature_of_the_header_alone_says_so() -> None:
    report = signed(references=("#header",), prepare=name_parts).judged()
    assert (report.coverage.header, report.coverage.manifest) == (True, False)
    assert report.coverage.attachments == {"tep-1": False, "tep-2": False}
    assert codes(report) == ["signature.not_covered"]
    assert report.findings[0].evidence["parts"] == "edXMLManifest, cid:tep-1, cid:tep-2"


def test_e17_several_references_in_any_order_and_all_of_them_count() -> None:
    """`cid:` references before, between and after others; one that does not agree spoils the whole."""
    parts = ("#message", "cid:tep-2", "#trace", "cid:tep-1", "#body")
    for order in itertools.islice(itertools.permutations(parts), 0, None, 7):
        case = signed(references=order, prepare=name_parts)
        assert case.judged().coverage.whole, order
        case.files = {**FILES, "tep-2": b"other"}
        refused(case, "signature.digest_mismatch")


def test_e17_a_manifest_that_names_another_file_than_the_one_signed() -> None:
    """The manifest is signed text and the file is signed bytes; neither can be exchanged for the other's sake."""
    refused(
        signed().replaced("<edXML:ContentId>cid:tep-1</edXML:ContentId></edXML:Reference>", "</edXML:Reference>"),
        "signature.digest_mismatch",
    )
    renamed = signed().replaced("<ContentId>cid:tep-1</ContentId>", "<ContentId>cid:tep-9</ContentId>")
    renamed.files = {"tep-9": FILES["tep-1"], "tep-2": FILES["tep-2"]}
    refused(renamed, "signature.attachment_missing")


def test_e17_one_content_id_for_two_files_covers_one_of_them() -> None:
    """The reader gives the second file another name, so a `cid:` reference never speaks for both."""
    content = signed().content.replace(b"cid:tep-2</ContentId>", b"cid:tep-1</ContentId>")
    case = received(content)
    assert isinstance(case, Received)
    assert len(case.files) == 2
    refused(case, "signature.attachment_missing")
