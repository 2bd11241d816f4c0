"""The narrow form of XML signature that the hub believes; everything else is refused before any digest.

Owns: where a signature may stand, what it may point to, which transforms and values it may hold.
Never: verifies a digest or a key; it only makes sure that signxml and the reader see the same thing.
Source: XML-Signature 1.1; threats E8-E15 (wrapping, duplicates, comments, transforms, HMAC, SHA-1).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from hub.domain.findings import Finding, Severity
from hub.signatures import algorithms, trees
from hub.signatures.algorithms import Digest, Method
from hub.signatures.trees import ds, edxml

CHECK = "signature"

#: The parts that a reference may name by identifier, each at its one place below edXMLEnvelope.
_PLACES = {
    "edXMLEnvelope": (),
    "edXMLHeader": ("edXMLEnvelope",),
    "MessageHeader": ("edXMLHeader", "edXMLEnvelope"),
    "TraceHeaderList": ("edXMLHeader", "edXMLEnvelope"),
    "edXMLBody": ("edXMLEnvelope",),
    "edXMLManifest": ("edXMLBody", "edXMLEnvelope"),
}
_BUSINESS_PLACES = (("edXMLHeader", "edXMLEnvelope"), ("TraceHeaderList", "edXMLHeader", "edXMLEnvelope"))
#: Names of which a signed document has one at most: a second one is how wrapping attacks begin (E8).
_ONCE = frozenset(name.lower() for name in (*_PLACES, "Business"))
_TRANSFERRED = "contenttransferencoded"

_XML = "{http://www.w3.org/XML/1998/namespace}"
_FRAGMENT = re.compile(r"#([A-Za-z_][\w.\-]*)")
_PREFIXES = re.compile(r"(#default|[A-Za-z_][\w.\-]*)( (#default|[A-Za-z_][\w.\-]*))*")
_LONGEST_VALUE = 2048  # characters of a SignatureValue: RSA-8192 in base64 with line ends


@dataclass(frozen=True, slots=True)
class Reference:
    """One ds:Reference that may be believed once its digest agrees; `target` is None for cid:."""

    uri: str
    target: trees.Element | None
    digest: Digest
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the signature says that it is; usable only when `findings` is empty."""

    findings: tuple[Finding, ...]
    method: Method | None = None
    references: tuple[Reference, ...] = ()

    @property
    def covers_text(self) -> bool:
        """True when the whole document, base64 texts included, is signed by one reference."""
        return any(reference.uri == "" for reference in self.references)


@dataclass(frozen=True, slots=True)
class Location:
    """The one ds:Signature at its place, or the reason why it is old or the finding that refuses it."""

    signature: trees.Element | None = None
    legacy: str = ""
    refusal: Finding | None = None


def locate(root: trees.Element) -> Location:
    """Finds the signature; a Location without anything means that the document is not signed."""
    named = [one for one in root.iter(etree.Element) if trees.local_name(one) == "Signature"]
    modern = [one for one in named if one.tag == ds("Signature")]
    if len(named) > 1:
        return Location(refusal=_error("signature.two_signatures", named[1], count=str(len(named))))
    if modern:
        parent = modern[0].getparent()
        if parent is None or parent.tag != edxml("edXMLHeader") or not _at_its_place(parent):
            return Location(refusal=_error("signature.misplaced", modern[0]))
        return Location(signature=modern[0], legacy=_old_algorithm(modern[0]))
    if named:
        return Location(legacy=f"namespace {etree.QName(named[0]).namespace or '∅'}")
    placeholder = [one for one in root.iter(etree.Element) if trees.local_name(one) == "DigitalSignature"]
    return Location(legacy="DigitalSignature" if placeholder else "")


def examine(
    root: trees.Element, signature: trees.Element, *, content_ids: Collection[str], moment: datetime
) -> Profile:
    """The signature held against the profile, every departure a finding of its own."""
    malformed = [*_shape(signature)]
    if malformed:
        return Profile(tuple(malformed))
    signed_info = signature.find(ds("SignedInfo"))
    method, findings = _method(signed_info, moment)
    findings += [*_document(root), *_signature_value(signature)]
    references: list[Reference] = []
    for element in signed_info.findall(ds("Reference")):
        reference, faults = _reference(root, element, content_ids=content_ids, moment=moment)
        findings += faults
        if reference and any(reference.uri == other.uri for other in references):
            findings.append(_error("signature.reference_refused", element, uri=reference.uri, why="×2"))
        elif reference:
            references.append(reference)
    if not _only_exclusive(signed_info):
        findings += _inherited([signature, *(one.target for one in references if one.target is not None)])
    return Profile(tuple(findings), method, tuple(references))


def _old_algorithm(signature: trees.Element) -> str:
    for element in signature.iter(etree.Element):
        algorithm = element.get("Algorithm", "")
        if algorithm in algorithms.SHA1_ALGORITHMS:
            return algorithm.rpartition("#")[2]
        if algorithm == algorithms.MISSPELT_C14N:
            return algorithm
    return ""


def _shape(signature: trees.Element) -> Iterator[Finding]:
    """Only the elements of a plain signature, in order, without anything hidden between them."""
    for node in signature.iter():
        if not isinstance(node.tag, str):
            yield _error("signature.malformed", signature, why="comment")
            return
    names = [child.tag for child in signature]
    if names.count(ds("SignedInfo")) > 1:
        yield _error("signature.two_signed_infos", signature)
    elif ds("Object") in names or next(signature.iter(ds("Manifest")), None) is not None:
        yield _error("signature.object_refused", signature)
    elif names not in _orders():
        yield _error("signature.malformed", signature, why=_brief(names))
    else:
        yield from _signed_info_shape(signature[0])
        yield from _texts(signature)


def _orders() -> tuple[list[str], list[str]]:
    bare = [ds("SignedInfo"), ds("SignatureValue")]
    return bare, [*bare, ds("KeyInfo")]


def _signed_info_shape(signed_info: trees.Element) -> Iterator[Finding]:
    names = [child.tag for child in signed_info]
    head = [ds("CanonicalizationMethod"), ds("SignatureMethod")]
    if names[:2] != head or len(names) < 3 or set(names[2:]) != {ds("Reference")}:
        yield _error("signature.malformed", signed_info, why=_brief(names))
        return
    usual = [ds("DigestMethod"), ds("DigestValue")]
    for reference in signed_info.findall(ds("Reference")):
        parts = [child.tag for child in reference]
        if parts not in (usual, [ds("Transforms"), *usual]):
            yield _error("signature.malformed", reference, why=_brief(parts))


def _texts(signature: trees.Element) -> Iterator[Finding]:
    """DigestValue, SignatureValue, X509Certificate hold text only (a comment in them split a digest: E11)."""
    for name in ("DigestValue", "SignatureValue", "X509Certificate"):
        for element in signature.iter(ds(name)):
            if len(element):
                yield _error("signature.malformed", element, why=name)


def _document(root: trees.Element) -> Iterator[Finding]:
    """What in the rest of the document would let two readers see two documents."""
    seen: set[str] = set()
    for identifier, element in trees.identifiers(root):
        if identifier in seen:
            yield _error("signature.duplicate_id", element, id=identifier)
        seen.add(identifier)
    once: set[str] = set()
    for element in root.iter(etree.Element):
        name = trees.local_name(element).lower().replace("bussiness", "business")
        if name in once:
            yield _error("signature.part_repeated", element, part=trees.local_name(element))
        elif name in _ONCE:
            once.add(name)
        elif name == _TRANSFERRED and next(element.iterancestors(edxml("edXMLEnvelope")), None) is not None:
            yield _error("signature.attachment_inside", element)
    yield from _hidden(root)


def _hidden(root: trees.Element) -> Iterator[Finding]:
    """Comments are not signed, so none may split a text; processing instructions have no business here."""
    for node in root.getroottree().xpath("//comment() | //processing-instruction()"):
        parent = node.getparent()
        if node.tag is etree.ProcessingInstruction:
            yield _error("signature.hidden_content", root, what="processing instruction")
        elif parent is not None and any(text.strip() for text in parent.xpath("text()")):
            yield _error("signature.hidden_content", parent, what="comment")


def _only_exclusive(signed_info: trees.Element) -> bool:
    """True when exclusive C14N makes the canonical form of SignedInfo and of every part."""
    parts = [one for one in signed_info.findall(ds("Reference")) if not one.get("URI", "").startswith("cid:")]
    steps = [[signed_info[0]], *(list(one.iter(ds("Transform"))) for one in parts)]
    return all(any(step.get("Algorithm") == algorithms.EXC_C14N for step in some) for some in steps)


def _inherited(signed: list[trees.Element]) -> Iterator[Finding]:
    """Canonical XML 1.0 takes xml: attributes of outer elements into a signed part; signxml loses them."""
    for element in dict.fromkeys(above for part in signed for above in part.iterancestors()):
        for name in element.attrib:
            if name.startswith(_XML):
                yield _error("signature.hidden_content", element, what=f"xml:{name.removeprefix(_XML)}")


def _method(signed_info: trees.Element, moment: datetime) -> tuple[Method | None, list[Finding]]:
    canonicalization = signed_info[0]
    found = [*_canonicalization(canonicalization, "signature.canonicalization_refused")]
    element = signed_info[1]
    method = algorithms.method_in_force(element.get("Algorithm", ""), moment)
    if method is None or len(element):
        # a child is HMACOutputLength or RSAPSSParams: parameters that weaken what the name promises
        found.append(_error("signature.algorithm_refused", element, algorithm=element.get("Algorithm", "")))
    return method, found


def _canonicalization(element: trees.Element, code: str) -> Iterator[Finding]:
    algorithm = element.get("Algorithm", "")
    inclusive = f"{{{algorithms.EXC_C14N}}}InclusiveNamespaces"
    children = [child.tag for child in element]
    lists = [child.get("PrefixList", "") for child in element]
    plain = not children or (
        algorithm == algorithms.EXC_C14N and children == [inclusive] and _PREFIXES.fullmatch(lists[0])
    )
    if algorithm not in algorithms.CANONICALIZATIONS or not plain:
        yield _error(code, element, algorithm=algorithm)


def _signature_value(signature: trees.Element) -> Iterator[Finding]:
    element = signature[1]
    text = element.text or ""
    if len(text) > _LONGEST_VALUE or not trees.strict_base64(text):
        yield _error("signature.malformed", element, why="SignatureValue")


def _reference(
    root: trees.Element, element: trees.Element, *, content_ids: Collection[str], moment: datetime
) -> tuple[Reference | None, list[Finding]]:
    uri = element.get("URI")
    found: list[Finding] = []
    method = element.find(ds("DigestMethod"))
    digest = algorithms.digest_in_force(method.get("Algorithm", ""), moment)
    if digest is None or len(method):
        found.append(_error("signature.algorithm_refused", method, algorithm=method.get("Algorithm", "")))
    value = trees.strict_base64(element.findtext(ds("DigestValue")))
    if value is None or (digest and len(value) != digest.size_bytes):
        found.append(_error("signature.malformed", element, why="DigestValue"))
    if uri is None or element.get("Type") is not None:
        return None, [*found, _error("signature.reference_refused", element, uri=uri or "", why="URI, Type")]
    if uri.startswith("cid:"):
        found += _attachment_faults(element, uri, content_ids)
        target = None
    else:
        target, faults = _target(root, element, uri)
        found += [*faults, *_transforms(element)]
    if found or digest is None:
        return None, found
    return Reference(uri, target, digest, uri[4:] if target is None else ""), []


def _attachment_faults(element: trees.Element, uri: str, content_ids: Collection[str]) -> Iterator[Finding]:
    if element.find(ds("Transforms")) is not None:
        yield _error("signature.transform_refused", element, algorithm=uri)
    if uri.removeprefix("cid:") not in content_ids:
        yield _error("signature.attachment_missing", element, uri=uri)


def _target(root: trees.Element, element: trees.Element, uri: str) -> tuple[trees.Element | None, list[Finding]]:
    if uri == "":
        return root, []
    match = _FRAGMENT.fullmatch(uri)
    if match is None:
        return None, [_error("signature.reference_refused", element, uri=uri, why="URI")]
    found = [one for identifier, one in trees.identifiers(root) if identifier == match[1]]
    if len(found) != 1 or not _at_its_place(found[0]):
        why = trees.local_name(found[0]) if found else "0"
        return None, [_error("signature.reference_refused", element, uri=uri, why=why)]
    return found[0], []


def _transforms(reference: trees.Element) -> Iterator[Finding]:
    """At most enveloped-signature, then at most one canonicalization; signxml would skip unknown ones."""
    holder = reference.find(ds("Transforms"))
    steps = [] if holder is None else [*holder]
    for position, step in enumerate(steps):
        algorithm = step.get("Algorithm", "")
        sane = position == 0 if algorithm == algorithms.ENVELOPED else position == len(steps) - 1
        if step.tag != ds("Transform") or not sane or len(steps) > 2:
            yield _error("signature.transform_refused", step, algorithm=algorithm)
        elif algorithm != algorithms.ENVELOPED:
            yield from _canonicalization(step, "signature.transform_refused")
        elif len(step):
            yield _error("signature.transform_refused", step, algorithm=algorithm)


def _at_its_place(element: trees.Element) -> bool:
    """True for a part of the regulation at the only path where readers look for it."""
    name = trees.local_name(element)
    if element.tag != edxml(name):
        return False
    above = [ancestor.tag for ancestor in element.iterancestors()]
    known = (*_BUSINESS_PLACES,) if name == "Bussiness" else (_PLACES[name],) if name in _PLACES else ()
    for place in known:
        expected = [edxml(one) for one in place]
        if above in (expected, [*expected, edxml("edXML")]):
            return True
    return False


def _brief(names: list[str]) -> str:
    return " ".join(name.rpartition("}")[2] for name in names)[:120]


def _error(code: str, element: trees.Element, /, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, trees.path_of(element), evidence)
