"""What the benchmarks send: signed envelopes of a real shape, all different, and the directory that they need.

Owns: a 3 KB header with a 100 KB attachment and an RSA-2048 signature by `cid:`; the prepared hub.
Never: measures.
"""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub import wiring
from hub.demo.pki import DemoPki, Identity
from hub.domain.agencies import Agency
from hub.domain.envelopes import (
    Attachment,
    Business,
    Envelope,
    Hop,
    Kind,
    ManifestEntry,
    Paper,
    Party,
    Signer,
)
from hub.edxml import writer
from hub.settings import Settings
from hub.signatures import signing
from hub.signatures.keyinfo import described
from hub.signatures.revocation import read_crl
from hub.stations import utc_now
from hub.store import agencies, evidence, schema

SENDER, RECIPIENT = "G22", "H41"
ATTACHMENT_BYTES = 100 * 1024


@dataclass(frozen=True, slots=True)
class Directory:
    """The two agencies of a benchmark, their API keys and the sender's seal."""

    sender_key: str
    recipient_key: str
    seal: Identity


def trust_folder(pki: DemoPki, folder: Path) -> Path:
    """The anchors of the benchmark's PKI as a trust folder."""
    place = folder / "trust"
    (place / "government").mkdir(parents=True, exist_ok=True)
    (place / "government" / "roots.pem").write_bytes(pki.anchors_pem())
    return place


def prepare(settings: Settings, pki: DemoPki) -> Directory:
    """Bring the schema up and register the two agencies in the database of these settings."""
    database = wiring.open_database(settings)
    schema.upgrade(database)
    seal = pki.agency_seal("Văn phòng Chính phủ", SENDER)
    certificate = described(seal.certificate)
    with database.writing() as transaction:
        for code, name in ((SENDER, "Văn phòng Chính phủ"), (RECIPIENT, "UBND tỉnh Nghệ An")):
            agencies.keep(transaction, Agency(code, name), now=utc_now())
        sender = agencies.require(transaction.connection, SENDER)
        held = agencies.AgencyCertificate(
            certificate.sha256, certificate.subject, certificate.not_after, certificate.pem, None
        )
        agencies.keep_certificate(transaction, sender, held, now=utc_now())
        for crl in pki.crls():
            evidence.keep(transaction, read_crl(crl), source="benchmark", at=utc_now())
        keys = [
            agencies.new_key(transaction, agencies.require(transaction.connection, code), now=utc_now())
            for code in (SENDER, RECIPIENT)
        ]
    database.close()
    return Directory(keys[0], keys[1], seal)


def envelopes(count: int, seal: Identity, *, first_number: int = 1) -> list[tuple[str, bytes]]:
    """`count` different signed envelopes with their document ids; the attachments do not compress."""
    noise = random.Random(first_number)  # noqa: S311 - the same files in every run
    return [
        _one(number, seal, noise.randbytes(ATTACHMENT_BYTES)) for number in range(first_number, first_number + count)
    ]


def _one(number: int, seal: Identity, content: bytes) -> tuple[str, bytes]:
    content = b"%PDF-1.7\n" + content
    attachment = Attachment(
        content_id="1",
        name="cong-van.pdf",
        declared_type="application/pdf",
        description="Công văn",
        offset_bytes=0,
        length_bytes=0,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/pdf",
    )
    envelope = Envelope(
        kind=Kind.DOCUMENT,
        dialect="qcvn102-2016",
        sender=Party(SENDER, "Văn phòng Chính phủ", "Văn phòng Chính phủ", "Số 1 Hoàng Hoa Thám, Hà Nội", "vp@vp.vn"),
        addressees=(Party(RECIPIENT, "UBND tỉnh Nghệ An", "UBND tỉnh Nghệ An"),),
        document_id=f"{SENDER},2026/11/20,{number}/VPCP-TH",
        code_number=str(number),
        code_notation="VPCP-TH",
        issued_at_place="Hà Nội",
        issued_on=date(2026, 11, 20),
        document_type="18",
        document_type_name="Công văn",
        subject=f"V/v đo hiệu năng trục liên thông, văn bản số {number}",
        content="Nội dung tóm tắt " * 20,
        signer=Signer("TL. BỘ TRƯỞNG", "Chánh Văn phòng", "Nguyễn Văn A"),
        to_places=("Các bộ, cơ quan ngang bộ", "UBND các tỉnh, thành phố"),
        business=Business(paper=Paper.PAPER_FREE, reason="Văn bản điện tử mới"),
        trace=(Hop(SENDER, utc_now().replace(microsecond=0)),),
        manifest=(ManifestEntry("1", "application/pdf", "cong-van.pdf", "Công văn"),),
        attachments=(attachment,),
    )
    root = writer.build(envelope, envelope_id="envelope")
    signing.sign(root, key=seal.key, certificates=seal.chain, digests={"1": attachment.sha256})
    out = io.BytesIO()
    writer.write(root, {"1": io.BytesIO(content)}, out)
    return envelope.document_id, out.getvalue()


def huge(seal: Identity, place: Path, *, size_bytes: int) -> None:
    """One envelope whose attachment has `size_bytes`, signed by `cid:`, written to a file."""
    content = place.with_suffix(".attachment")
    digest = hashlib.sha256()
    block = random.Random(0).randbytes(1024 * 1024)  # noqa: S311
    with content.open("wb") as file:
        for start in range(0, size_bytes, len(block)):
            piece = block[: min(len(block), size_bytes - start)]
            digest.update(piece)
            file.write(piece)
    attachment = Attachment(
        content_id="1",
        name="ban-ve.bin",
        declared_type="application/octet-stream",
        description="",
        offset_bytes=0,
        length_bytes=0,
        size_bytes=size_bytes,
        sha256=digest.hexdigest(),
        media_type="application/octet-stream",
    )
    envelope = Envelope(
        kind=Kind.DOCUMENT,
        dialect="qcvn102-2016",
        sender=Party(SENDER, "Văn phòng Chính phủ"),
        addressees=(Party(RECIPIENT, "UBND tỉnh Nghệ An"),),
        document_id=f"{SENDER},2026/11/20,lon/VPCP-TH",
        code_number="9999",
        code_notation="VPCP-TH",
        issued_at_place="Hà Nội",
        issued_on=date(2026, 11, 20),
        document_type="18",
        document_type_name="Công văn",
        subject="V/v tệp lớn",
        signer=Signer("TL. BỘ TRƯỞNG", "Chánh Văn phòng", "Nguyễn Văn A"),
        business=Business(paper=Paper.PAPER_FREE),
        manifest=(ManifestEntry("1", "application/octet-stream", "ban-ve.bin"),),
        attachments=(attachment,),
    )
    root = writer.build(envelope, envelope_id="envelope")
    signing.sign(root, key=seal.key, certificates=seal.chain, digests={"1": attachment.sha256})
    with content.open("rb") as payload, place.open("wb") as out:
        writer.write(root, {"1": payload}, out)
    content.unlink()
