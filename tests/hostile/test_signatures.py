"""The attacks E9 to E14 on envelope signatures, each by its number: doubles, hidden nodes, transforms, addresses."""

from __future__ import annotations

import copy
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, trees
from hub.signatures.signing import Recipe
from hub.signatures.trees import ds, edxml
from tests.signatures.builder import Case, codes, part, refused, seal, signed, unsigned, written

Tree = etree._Element
WAYS = {"by-parts": None, "whole-text": ("",)}


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


def test_e10_an_unsigned_reference_beside_the_signed_ones_counts_for_nothing() -> None:
    """signxml reads the references of the SignedInfo that was verified, never those of another element."""

    def beside(root: Tree) -> None:
        signature = part(root, ds("Signature"))
        signature.append(copy.deepcopy(part(root, ds("Reference"))))

    refused(signed().changed(beside), "signature.malformed")


# --- E11 comments and the like ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DigestValue", "SignatureValue", "X509Certificate"])
@pytest.mark.parametrize(
    "node",
    [etree.Comment("x"), etree.ProcessingInstruction("x"), etree.Element("x")],
    ids=["comment", "instruction", "element"],
)
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


def test_e12_default_namespace_swapped_below_the_signature() -> None:
    for xmlns in ("urn:evil", "http://www.w3.org/2000/09/xmldsig", ""):
        refused(signed().replaced("<ds:SignedInfo>", f'<ds:SignedInfo xmlns:ds="{xmlns or "urn:x"}">'))


@pytest.mark.parametrize("canonicalization", [algorithms.EXC_C14N, algorithms.C14N])
@pytest.mark.parametrize("prefix", ["", "ds:", "other:"])
def test_e12_the_prefix_of_a_signature_means_nothing(prefix: str, canonicalization: str) -> None:
    """A signature without prefix is what .NET and Java write; both canonical forms of it must be right."""
    xmlns = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    case = signed(prepare=lambda root: root.set("a", "b"), recipe=Recipe(canonicalization=canonicalization))
    text = case.content.decode().replace("ds:", prefix).replace("xmlns:ds=", f"{xmlns}=")
    renamed = Case(text.encode(), case.files)
    resigned = renamed.changed(sign_again)
    assert resigned.judged().state is SignatureState.VALID
    assert prefix == "ds:" or renamed.judged().state is SignatureState.INVALID


def sign_again(root: Tree) -> None:
    """A new SignatureValue for the SignedInfo as it stands, which names its elements with another prefix."""
    info = part(root, ds("SignedInfo"))
    algorithm = part(root, ds("CanonicalizationMethod")).get("Algorithm", "")
    value = seal().key.sign(trees.canonical(trees.detached(info), algorithm), padding.PKCS1v15(), hashes.SHA256())
    part(root, ds("SignatureValue")).text = b64encode(value).decode()


@pytest.mark.parametrize("place", ["{*}edXMLEnvelope", "{*}edXMLEnvelope/{*}edXMLHeader", "."])
@pytest.mark.parametrize("name", ["lang", "space", "base"])
def test_e12_xml_attributes_from_outside_a_signed_part(place: str, name: str) -> None:
    """Canonical XML 1.0 takes them into the part and its digest; signxml does not, so they are refused (E6: base)."""

    def put(root: Tree) -> None:
        root.find(place).set(f"{{http://www.w3.org/XML/1998/namespace}}{name}", "default")

    def name_header(root: Tree) -> None:
        part(root, "MessageHeader").set("Id", "m")

    inclusive = Recipe(canonicalization=algorithms.C14N)
    refused(signed(references=("#m",), prepare=name_header, recipe=inclusive).changed(put), "signature.hidden_content")
    plain = signed(references=("#m",), prepare=name_header).changed(put)
    assert plain.judged().state is SignatureState.VALID


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
