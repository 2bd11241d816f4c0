"""libxmlsec1, an independent verifier in C, asked about an envelope as our own reader received it.

Owns: what `cid:` means to xmlsec, its verdict, its signing; an envelope as the real reader hands it to `judge`.
Never: decides who is right; test_xmlsec.py compares.
"""

from __future__ import annotations

import hashlib
import io
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO
from xml.etree import ElementTree

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.demo.pki import Identity
from hub.domain.evidence import EvidenceBook
from hub.domain.signatures import SignatureReport
from hub.edxml.reader import Reading
from hub.errors import HubError
from hub.signatures import algorithms, trees, xmldsig
from hub.signatures.anchors import TrustAnchors
from hub.signatures.trees import ds
from tests.signatures.builder import LIMIT, NOW, Case, anchors, evidence
from tests.support.envelopes import read


@dataclass
class Files:
    """The attachments that `cid:` means just now, for xmlsec's global input callbacks."""

    current: dict[str, bytes]

    def matches(self, uri: bytes) -> bool:
        return uri.startswith(b"cid:") and uri.decode().removeprefix("cid:") in self.current

    def open(self, uri: bytes) -> list[bytes]:
        return [self.current[uri.decode().removeprefix("cid:")]]

    def read(self, handle: list[bytes], buffer: memoryview) -> int:
        size = min(len(buffer), len(handle[0]))
        buffer[:size] = handle[0][:size]
        handle[0] = handle[0][size:]
        return size

    def close(self, handle: list[bytes]) -> None:
        handle.clear()


@dataclass
class Received(Case):
    """A case whose skeleton, attachments and digests come from the hub's reader, not from the test."""

    reading: Reading | None = None

    def source(self) -> xmldsig.SignedSource:
        """As the station hands it over: only what the reader read, and the bytes received."""
        assert self.reading is not None
        spools = self.reading.spools

        def open_attachment(content_id: str) -> BinaryIO:
            spools[content_id].seek(0)
            return spools[content_id]

        start = max(self.content.find(b"<"), 0)
        return xmldsig.SignedSource(
            skeleton=self.reading.skeleton,
            digests={one.content_id: one.sha256 for one in self.reading.envelope.attachments},
            open_attachment=open_attachment,
            open_whole=lambda: io.BytesIO(self.content[start:]),
            size_bytes=self.reading.size_bytes,
        )

    def judged(self, trusted: TrustAnchors | None = None, limit: int = LIMIT) -> SignatureReport:
        """As `Case.judged`, with the same CRLs every time, so that a chain is judged once and then remembered."""
        return xmldsig.judge(
            self.source(), anchors=trusted or anchors(), moment=NOW, evidence=_book(), text_limit_bytes=limit
        )


@cache
def _book() -> EvidenceBook:
    return evidence()


def received(content: bytes) -> Received | HubError:
    """The case as the reader read it, or the reader's refusal."""
    try:
        reading = read(content)
    except HubError as refusal:
        return refusal
    files = {}
    for content_id, spool in reading.spools.items():
        spool.seek(0)
        files[content_id] = spool.read()
    return Received(content, files, reading=reading)


def xmlsec_says(case: Case, files: Files) -> bool:
    """True when xmlsec verifies the first signature with any certificate that KeyInfo carries."""
    files.current = dict(case.files)
    try:
        root = etree.fromstring(case.content)
    except etree.XMLSyntaxError:
        return False
    signature = next(root.iter(ds("Signature")), None)
    if signature is None:
        return False
    xmlsec.tree.add_ids(root, ["Id"])
    return any(_verifies(signature, holder.text or "") for holder in signature.iter(ds("X509Certificate")))


def _verifies(signature: etree._Element, certificate: str) -> bool:
    try:
        pem = x509.load_der_x509_certificate(b64decode(certificate)).public_bytes(Encoding.PEM)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.CERT_PEM)
        context.verify(signature)
    except (xmlsec.Error, ValueError):
        return False
    return True


def sign_by_xmlsec(root: etree._Element, signature: etree._Element, signer: Identity) -> None:
    """Fills DigestValue and SignatureValue of a template that stands in the tree."""
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(signer.key_pem(), xmlsec.KeyFormat.PEM)
    context.sign(signature)


def digested(case: Case) -> list[tuple[str, bool]]:
    """For each reference of an accepted envelope: does what we hold signed hash to the signed DigestValue?

    The exclusive form of a part is computed by the standard library, a third implementation; it cannot tell two
    prefixes of one namespace apart as a whole document needs it, so that one and C14N 1.0 are computed by lxml.
    """
    root = case.root
    signature = next(root.iter(ds("Signature")))
    references = list(signature.iter(ds("Reference")))
    _take_out(signature)
    return [(one.get("URI"), _hashed(case, root, one) == _announced(one)) for one in references]


def _take_out(signature: etree._Element) -> None:
    """Removes the element and leaves the text after it, which lxml would remove, too."""
    before, parent = signature.getprevious(), signature.getparent()
    if before is None:
        parent.text = (parent.text or "") + (signature.tail or "")
    else:
        before.tail = (before.tail or "") + (signature.tail or "")
    signature.tail = None
    parent.remove(signature)


def _announced(reference: etree._Element) -> bytes:
    return b64decode(reference.findtext(ds("DigestValue")))


def _hashed(case: Case, root: etree._Element, reference: etree._Element) -> bytes:
    uri = reference.get("URI")
    name = algorithms.DIGESTS[reference.find(ds("DigestMethod")).get("Algorithm")].hashlib_name
    if uri.startswith("cid:"):
        return hashlib.new(name, case.files[uri.removeprefix("cid:")]).digest()
    target = root if uri == "" else next(one for one in root.iter() if one.get("Id") == uri[1:])
    alone = trees.detached(target)
    steps = [step.get("Algorithm") for step in reference.iter(ds("Transform"))]
    if uri and algorithms.EXC_C14N in steps:
        text = ElementTree.canonicalize(etree.tostring(alone, encoding="unicode")).encode()
    else:
        text = trees.canonical(alone, algorithms.EXC_C14N if algorithms.EXC_C14N in steps else algorithms.C14N)
    return hashlib.new(name, text).digest()
