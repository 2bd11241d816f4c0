"""Envelopes to sign, spoil and judge: small, of our own making, with every part that the regulation names."""

from __future__ import annotations

import io
import re
from base64 import b64encode, encodebytes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import new as new_hash
from hashlib import sha256

from lxml import etree

from hub.demo.pki import CrlBook, DemoPki, Identity
from hub.domain.signatures import SignatureReport, SignatureState
from hub.signatures import xmldsig
from hub.signatures.signing import USUAL, Recipe
from hub.signatures.trees import edxml

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LIMIT = 50 << 20
FILES = {"tep-1": b"%PDF-1.7 quyet dinh", "tep-2": bytes(range(256)) * 5}

_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">
  <edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From><edXML:OrganId>G22</edXML:OrganId><edXML:OrganName>Bộ A</edXML:OrganName></edXML:From>
        <edXML:To><edXML:OrganId>H41</edXML:OrganId></edXML:To>
        <edXML:DocumentId>G22,2026/11/20,12/QĐ-A</edXML:DocumentId>
        <edXML:Subject>Về việc thử chữ ký &amp; kiểm tra</edXML:Subject>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList>
        <edXML:TraceHeader><edXML:OrganId>G22</edXML:OrganId></edXML:TraceHeader>
        <edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType></edXML:Bussiness>
      </edXML:TraceHeaderList>
    </edXML:edXMLHeader>
    <edXML:edXMLBody><edXML:edXMLManifest version="1.0">MANIFEST</edXML:edXMLManifest></edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded>FILES</AttachmentEncoded>
</edXML>
"""
_TEXT = re.compile(rb"(<(?:\w+:)?ContentTransferEncoded[^>]*>)[^<]*(</)")


@cache
def pki() -> DemoPki:
    """The authorities of these tests; made once."""
    return DemoPki(moment=NOW)


@cache
def seal() -> Identity:
    """The sender's seal, RSA-2048."""
    return pki().agency_seal("Bộ A", "G22")


def anchors() -> xmldsig.TrustAnchors:
    return xmldsig.TrustAnchors.of([pki().root.certificate])


def evidence() -> CrlBook:
    """The CRLs of all CAs that these tests have made so far; made anew only when there is one more."""
    return _evidence(len(pki().crl_issuers))


@cache
def _evidence(_issuers: int) -> CrlBook:
    return pki().evidence()


def unsigned(files: Mapping[str, bytes] = FILES) -> etree._Element:
    """A tree with these attachments in base64, line-wrapped as Java writes it."""
    entries = "".join(
        f"<edXML:Reference><edXML:ContentId>cid:{one}</edXML:ContentId></edXML:Reference>" for one in files
    )
    attachments = "".join(
        f"<Attachment><ContentId>cid:{one}</ContentId><AttachmentName>{one}.pdf</AttachmentName>"
        '<edXML:ContentTransferEncoded xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">'
        f"{encodebytes(content).decode()}</edXML:ContentTransferEncoded></Attachment>"
        for one, content in files.items()
    )
    text = _HEADER.replace("MANIFEST", entries).replace("FILES", attachments)
    return etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True))


@dataclass
class Case:
    """An envelope as bytes with what the reader would have found in it."""

    content: bytes
    files: Mapping[str, bytes] = field(default_factory=lambda: dict(FILES))
    opened: list[str] = field(default_factory=list)

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.content)

    def replaced(self, old: str, new: str) -> Case:
        """The case with one text replaced in its bytes; the text must be there."""
        assert old.encode() in self.content, old
        return Case(self.content.replace(old.encode(), new.encode(), 1), self.files)

    def changed(self, change: Callable[[etree._Element], None]) -> Case:
        """The case after a change of its tree."""
        root = self.root
        change(root)
        return Case(written(root), self.files)

    def source(self) -> xmldsig.SignedSource:
        def open_attachment(content_id: str) -> io.BytesIO:
            self.opened.append(content_id)
            return io.BytesIO(self.files[content_id])

        return xmldsig.SignedSource(
            skeleton=_TEXT.sub(rb"\1\2", self.content),
            digests={one: sha256(content).hexdigest() for one, content in self.files.items()},
            open_attachment=open_attachment,
            open_whole=lambda: io.BytesIO(self.content),
            size_bytes=len(self.content),
        )

    def judged(self, trusted: xmldsig.TrustAnchors | None = None, limit: int = LIMIT) -> SignatureReport:
        return xmldsig.judge(
            self.source(), anchors=trusted or anchors(), moment=NOW, evidence=evidence(), text_limit_bytes=limit
        )


def written(root: etree._Element) -> bytes:
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def signed(
    *,
    by: Identity | None = None,
    references: tuple[str, ...] | None = None,
    files: Mapping[str, bytes] = FILES,
    recipe: Recipe = USUAL,
    prepare: Callable[[etree._Element], None] = lambda root: None,
) -> Case:
    """An envelope signed as the recipe says; `prepare` may change the tree before."""
    root = unsigned(files)
    prepare(root)
    signer = by or seal()
    digest = recipe.digest.name
    xmldsig.sign(
        root,
        key=signer.key,
        certificates=signer.chain,
        references=references,
        digests={one: _hashed(digest, content) for one, content in files.items()},
        recipe=recipe,
    )
    return Case(written(root), files)


def _hashed(name: str, content: bytes) -> str:
    return new_hash(name, content).hexdigest()


def codes(report: SignatureReport) -> list[str]:
    return [finding.code for finding in report.findings]


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def part(root: etree._Element, name: str) -> etree._Element:
    found = root.find(f".//{name if name.startswith('{') else edxml(name)}")
    assert found is not None, name
    return found


def refused(case: Case, *expected: str) -> None:
    """The case is invalid, trusts nobody, covers nothing, and says one of these things (any when empty)."""
    report = case.judged()
    assert report.state is SignatureState.INVALID, (report.state, codes(report))
    assert not report.trusted
    assert not report.coverage.header
    assert not any(report.coverage.attachments.values())
    assert report.findings
    assert not expected or set(expected) & set(codes(report)), codes(report)
