"""The attacks E8 to E14 on envelope signatures, each by its number: wrapping, doubles, addresses."""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Callable

import pytest
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.signatures.trees import ds, edxml
from tests.signatures.builder import FILES, Case, codes, part, refused, signed, unsigned, written

Tree = etree._Element
WAYS = {"by-parts": None, "whole-text": ("",)}


# --- E8 signature wrapping --------------------------------------------------------------------------------


def forge(envelope: Tree) -> Tree:
    """A copy of the signed envelope that says something else, without the signature."""
    evil = copy.deepcopy(envelope)
    signature = part(evil, ds("Signature"))
    signature.getparent().remove(signature)
    part(evil, "Subject").text = "Nội dung giả"
    return evil


def wrap_in_object(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    evil = forge(envelope)
    signature = part(envelope, ds("Signature"))
    root.replace(envelope, evil)
    part(evil, "edXMLHeader").append(signature)
    etree.SubElement(signature, ds("Object")).append(envelope)


def wrap_aside(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    evil = forge(envelope)
    signature = part(envelope, ds("Signature"))
    root.replace(envelope, evil)
    part(evil, "edXMLHeader").append(signature)
    etree.SubElement(root, edxml("Wrapper")).append(envelope)


def sibling_before(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    envelope.addprevious(forge(envelope))


def sibling_after(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    envelope.addnext(forge(envelope))


def nested(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    evil = forge(envelope)
    evil.attrib.pop("Id", None)
    root.replace(envelope, evil)
    part(evil, "edXMLHeader").append(envelope)


def moved_header(root: Tree) -> None:
    header = part(root, "edXMLHeader")
    evil = copy.deepcopy(header)
    part(evil, "Subject").text = "Nội dung giả"
    signature = part(evil, ds("Signature"))
    evil.remove(signature)
    header.addprevious(evil)


def duplicate_id(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    etree.SubElement(root, edxml("Wrapper"), Id=envelope.get("Id", "envelope"))
    envelope.set("Id", "envelope")


def to_a_wrapper(root: Tree) -> None:
    envelope = part(root, "edXMLEnvelope")
    wrapper = etree.SubElement(root, edxml("Wrapper"), Id="w")
    wrapper.append(copy.deepcopy(part(envelope, "MessageHeader")))
    for reference in root.iter(ds("Reference")):
        if not reference.get("URI", "").startswith("cid:"):
            reference.set("URI", "#w")


def other_namespace_header(root: Tree) -> None:
    evil = etree.SubElement(root, "{http://www.e-doc.vn/Schema/}edXMLHeader")
    etree.SubElement(evil, "{http://www.e-doc.vn/Schema/}MessageHeader")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    "attack",
    [
        wrap_in_object,
        wrap_aside,
        sibling_before,
        sibling_after,
        nested,
        moved_header,
        duplicate_id,
        to_a_wrapper,
        other_namespace_header,
    ],
)
@pytest.mark.parametrize("kind", ["document", "status"])
def test_e8_wrapping(attack: Callable[[Tree], None], way: tuple[str, ...] | None, kind: str) -> None:
    case = signed(references=way, files=FILES if kind == "document" else {})
    assert case.judged().state is SignatureState.VALID
    refused(case.changed(attack))


def test_e8_a_signed_part_at_another_place_is_refused_though_its_digest_agrees() -> None:
    def hide(root: Tree) -> None:
        wrapper = etree.SubElement(root, edxml("Wrapper"))
        etree.SubElement(wrapper, edxml("Bussiness"), Id="b")
        header = part(root, "Bussiness")
        header.getparent().remove(header)

    refused(signed(references=("#b",), prepare=hide), "signature.reference_refused")


def test_e8_a_file_inside_the_signed_envelope_is_refused() -> None:
    """The skeleton has no base64, so an elided text must never lie where a signature covers it."""

    def hide(root: Tree) -> None:
        etree.SubElement(part(root, "edXMLBody"), edxml("ContentTransferEncoded")).text = ""

    refused(signed(prepare=hide), "signature.attachment_inside")


# --- E9 identifiers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id", "{urn:x}Id"])
def test_e9_duplicate_identifier_in_any_spelling(attribute: str) -> None:
    refused(
        signed().changed(lambda root: part(root, "AttachmentEncoded").set(attribute, "envelope")),
        "signature.duplicate_id",
    )


# --- E10 two of something ---------------------------------------------------------------------------------


def test_e10_two_signatures() -> None:
    def double(root: Tree) -> None:
        signature = part(root, ds("Signature"))
        signature.addnext(copy.deepcopy(signature))

    refused(signed().changed(double), "signature.two_signatures")


def test_e10_a_second_signature_elsewhere_or_in_another_namespace() -> None:
    def elsewhere(root: Tree) -> None:
        root.append(copy.deepcopy(part(root, ds("Signature"))))

    refused(signed().changed(elsewhere), "signature.two_signatures")
    refused(signed().changed(lambda root: etree.SubElement(root, edxml("Signature"))), "signature.two_signatures")


def test_e10_signature_outside_the_header() -> None:
    refused(signed().changed(lambda root: root.append(part(root, ds("Signature")))), "signature.misplaced")


def test_e10_two_signed_infos() -> None:
    def double(root: Tree) -> None:
        signed_info = part(root, ds("SignedInfo"))
        evil = copy.deepcopy(signed_info)
        part(evil, ds("DigestValue")).text = b64encode(bytes(32)).decode()
        signed_info.addprevious(evil)

    refused(signed().changed(double), "signature.two_signed_infos")


def test_e10_reference_added_repeated_or_taken_away() -> None:
    def again(root: Tree) -> None:
        reference = part(root, ds("Reference"))
        reference.addnext(copy.deepcopy(reference))

    def away(root: Tree) -> None:
        part(root, ds("SignedInfo")).remove(part(root, ds("SignedInfo"))[-1])

    refused(signed().changed(again), "signature.reference_refused")
    refused(signed().changed(away), "signature.value_mismatch")


# --- E11 comments and the like ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DigestValue", "SignatureValue", "X509Certificate"])
@pytest.mark.parametrize("node", [etree.Comment("x"), etree.ProcessingInstruction("x"), etree.Element("x")], ids=str)
def test_e11_nodes_inside_values(name: str, node: Tree) -> None:
    def split(root: Tree) -> None:
        element = part(root, ds(name))
        text = element.text or ""
        inner = copy.deepcopy(node)
        element.text = text[:8]
        element.append(inner)
        inner.tail = text[8:]

    refused(signed().changed(split), "signature.malformed")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_e11_comment_inside_an_organ_id(way: tuple[str, ...] | None) -> None:
    """Canonical XML drops comments, so the digest still agrees; a reader might stop at the comment."""

    def split(root: Tree) -> None:
        organ = part(root, "OrganId")
        organ.text = "G"
        comment = etree.Comment("x")
        organ.append(comment)
        comment.tail = "22"

    refused(signed(references=way).changed(split), "signature.hidden_content")


def test_e11_processing_instruction() -> None:
    case = signed(references=("",))
    refused(case.replaced("<edXML ", '<?xml-stylesheet href="a.xsl"?><edXML '), "signature.hidden_content")


def test_e11_comment_between_elements_and_cdata_are_harmless() -> None:
    assert signed().replaced("<edXML:edXMLBody>", "<!-- x --><edXML:edXMLBody>").judged().state is SignatureState.VALID
    case = signed().replaced("G22,2026/11/20", "<![CDATA[G22,2026/11/20]]>")
    assert case.judged().state is SignatureState.VALID


# --- E12 namespaces ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "namespace", ["", "http://www.mic.gov.vn/TBT/QCVN_102_2016", "http://www.w3.org/2000/09/xmldsig"]
)
def test_e12_signature_of_another_namespace_is_legacy_never_valid(namespace: str) -> None:
    text = (
        signed()
        .content.decode()
        .replace("ds:", "")
        .replace(' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"', f' xmlns="{namespace}"')
    )
    report = Case(text.encode()).judged()
    assert (report.state, codes(report), report.trusted) == (SignatureState.LEGACY, ["signature.legacy"], False)


def test_e12_placeholder_is_legacy() -> None:
    root = unsigned()
    etree.SubElement(part(root, "edXMLHeader"), edxml("DigitalSignature"))
    assert Case(written(root)).judged().state is SignatureState.LEGACY


def test_e12_prefix_bound_to_another_namespace() -> None:
    refused(signed().replaced('xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016"', 'xmlns:edXML="urn:evil"'))


# --- E13 transforms ---------------------------------------------------------------------------------------

TRANSFORMS = [
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2002/06/xmldsig-filter2",
    "http://www.w3.org/2000/09/xmldsig#base64",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2010/xml-c14n2",
    "urn:unknown",
    "",
]


@pytest.mark.parametrize("algorithm", TRANSFORMS)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_e13_transform_outside_the_list(algorithm: str, position: int) -> None:
    def add(root: Tree) -> None:
        step = etree.Element(ds("Transform"), Algorithm=algorithm)
        part(root, ds("Transforms")).insert(position, step)

    refused(signed().changed(add), "signature.transform_refused")


def test_e13_order_and_number() -> None:
    def swap(root: Tree) -> None:
        transforms = part(root, ds("Transforms"))
        transforms.append(transforms[0])

    def double(root: Tree) -> None:
        transforms = part(root, ds("Transforms"))
        transforms.append(copy.deepcopy(transforms[1]))

    refused(signed().changed(swap), "signature.transform_refused")
    refused(signed().changed(double), "signature.transform_refused")


def test_e13_transform_of_a_file() -> None:
    def add(root: Tree) -> None:
        reference = root.findall(f".//{ds('Reference')}")[1]
        holder = etree.Element(ds("Transforms"))
        reference.insert(0, holder)
        etree.SubElement(holder, ds("Transform"), Algorithm="http://www.w3.org/2000/09/xmldsig#base64")

    refused(signed().changed(add), "signature.transform_refused")


# --- E14 addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://attacker.example/x",
        "file:///etc/passwd",
        "ftp://x/",
        "//x",
        "envelope",
        "#",
        "##envelope",
        "#none",
        "#xpointer(/)",
        "#xpointer(id('envelope'))",
        "#envelope ",
        " ",
        "CID:tep-1",
    ],
)
def test_e14_reference_to_elsewhere(uri: str) -> None:
    refused(signed().changed(lambda root: part(root, ds("Reference")).set("URI", uri)), "signature.reference_refused")


def test_e14_reference_without_uri_or_with_a_type() -> None:
    refused(signed().changed(lambda root: part(root, ds("Reference")).attrib.pop("URI")), "signature.reference_refused")
    manifest = "http://www.w3.org/2000/09/xmldsig#Manifest"
    refused(
        signed().changed(lambda root: part(root, ds("Reference")).set("Type", manifest)), "signature.reference_refused"
    )


def test_e14_file_that_is_not_there() -> None:
    refused(signed().replaced('"cid:tep-1"', '"cid:tep-9"'), "signature.attachment_missing")


def test_e14_retrieval_method() -> None:
    def fetch(root: Tree) -> None:
        etree.SubElement(part(root, ds("KeyInfo")), ds("RetrievalMethod"), URI="http://attacker.example/")

    refused(signed().changed(fetch), "signature.key_info_refused")
