"""The attack E8 on envelope signatures: a signed part moved to one of eight positions, in every type of message."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable

import pytest
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.signatures import xmldsig
from hub.signatures.trees import ds, edxml
from tests.signatures.builder import Case, part, refused, seal, signed, written
from tests.support import envelopes

Tree = etree._Element
WAYS = {"by-parts": None, "whole-text": ("",)}


def _business(number: int, more: str) -> str:
    return (
        f"<edXML:Bussiness><edXML:BussinessDocType>{number}</edXML:BussinessDocType>"
        f"<edXML:BussinessDocReason>Vì sai sót</edXML:BussinessDocReason>{more}"
        "<edXML:Paper>0</edXML:Paper></edXML:Bussiness>"
    )


_EARLIER = "<edXML:DocumentId>000.00.00.G99,2026/03/01,11/BTN-VP</edXML:DocumentId>"
MESSAGES: dict[str, Callable[[], bytes]] = {
    "new": envelopes.document,
    "recall": lambda: envelopes.document(trace=envelopes.TRACE + _business(1, _EARLIER)),
    "update": lambda: envelopes.document(
        trace=envelopes.TRACE
        + _business(
            2,
            "<edXML:BussinessDocumentInfo><edXML:DocumentInfo>1</edXML:DocumentInfo>"
            f"<edXML:DocumentReceiver>0</edXML:DocumentReceiver></edXML:BussinessDocumentInfo>{_EARLIER}",
        )
    ),
    "replace": lambda: envelopes.document(
        trace=envelopes.TRACE
        + _business(
            3,
            f"<edXML:ReplacementInfoList><edXML:ReplacementInfo>{_EARLIER}<edXML:OrganIdList>"
            "<edXML:OrganId>H41</edXML:OrganId></edXML:OrganIdList></edXML:ReplacementInfo>"
            "</edXML:ReplacementInfoList>",
        )
    ),
    "status": envelopes.status,
}


def signed_message(kind: str, way: str) -> Case:
    """One message of this kind as the regulation has it, with its attachment when it has one, signed."""
    root = etree.fromstring(MESSAGES[kind]())
    files = {} if kind == "status" else {"1": envelopes.PDF}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    who = seal()
    xmldsig.sign(root, key=who.key, certificates=who.chain, references=WAYS[way], digests=digests)
    return Case(written(root), files)


def reword(part_of: Tree) -> None:
    """Puts a lie into the first field that people or agencies act upon."""
    places = (part_of.find(f".//{edxml(name)}") for name in ("Subject", "StatusCode", "OrganId"))
    next(one for one in places if one is not None).text = "Nội dung giả"


def forge(envelope: Tree) -> Tree:
    """A copy of the signed envelope that says something else, without the signature."""
    evil = copy.deepcopy(envelope)
    signature = part(evil, ds("Signature"))
    signature.getparent().remove(signature)
    reword(evil)
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
    reword(evil)
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


ATTACKS = (
    *(wrap_in_object, wrap_aside, sibling_before, sibling_after, nested, moved_header, duplicate_id, to_a_wrapper),
    other_namespace_header,
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", MESSAGES)
def test_e8_wrapping(attack: Callable[[Tree], None], way: str, kind: str) -> None:
    """Eight positions and one more, against a signature by parts and one of the whole text, in every message."""
    case = signed_message(kind, way)
    attacked = case.changed(attack)
    assert attacked.content != case.content
    refused(attacked)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", MESSAGES)
def test_e8_the_messages_are_sound_before_they_are_attacked(kind: str, way: str) -> None:
    report = signed_message(kind, way).judged()
    assert (report.state, report.coverage.whole) == (SignatureState.VALID, True)


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
