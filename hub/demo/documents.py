"""The documents of the demo: what is written, its PDF, the signed envelope around it.

Owns: Document, and the ways in which the demo spoils one on purpose.
Never: holds a text of a real agency; every page says that it is for trial only.
Source: QCVN 102:2016/BTTTT (envelope); Decree 30/2020/NĐ-CP Annex I (parts of an official letter).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from lxml import etree

from hub.demo import pdf
from hub.demo.pki import Identity
from hub.demo.signing import Look, sign_pdf
from hub.domain.envelopes import (
    Attachment,
    Business,
    BusinessType,
    Envelope,
    Hop,
    Kind,
    ManifestEntry,
    Paper,
    Party,
    Replacement,
    ResponseFor,
    Signer,
    StatusReport,
)
from hub.domain.periods import vietnam_day
from hub.edxml import writer
from hub.edxml.reader import Bounds, EnvelopeReader
from hub.signatures import signing

CONTENT_ID = "209"
ENVELOPE_ID = "envelope"
PDF_TYPE = "application/pdf"
OFFICIAL_LETTER = ("18", "Công văn")
_DOCTYPE = b'<!DOCTYPE edXML [<!ENTITY x "x">]>'


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Who writes: code and name as they stand in the envelope, the abbreviation and place of its letters."""

    code: str
    name: str
    notation: str
    place: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Document:
    """One official letter: `recipients` are (code as written, name) of the envelope; `written_at` is aware.

    The page does not name them but says `greeting`: sent again to others, it is the same page. `due_on` is the day by
    which it must be dealt with; `replaces` is the id of the document whose place it takes, for `reason`.
    """

    author: Correspondent
    number: int
    subject: str
    text: tuple[str, ...]
    recipients: tuple[tuple[str, str], ...]
    greeting: str
    written_at: datetime
    paper: Paper = Paper.PAPER_FREE
    type_name: str = OFFICIAL_LETTER[1]
    file_name: str = ""
    due_on: date | None = None
    replaces: str = ""
    reason: str = ""

    @property
    def document_id(self) -> str:
        """The identifier that the author gives it, in the shape that document systems use."""
        return f"{self.author.code},{vietnam_day(self.written_at):%Y/%m/%d},{self.notation}"

    @property
    def notation(self) -> str:
        """Number and symbol, e.g. 101/VPCP-KSTT."""
        return f"{self.number}/{self.author.notation}"


@dataclass(frozen=True, slots=True)
class Pen:
    """With what an agency signs: its leader's personal certificate and its seal."""

    person: Identity
    seal: Identity


def attachment_of(document: Document, pen: Pen) -> bytes:
    """The letter as a PDF, signed by the person and then sealed; sent again to others, it is the same file."""
    return _kept_page(replace(document, recipients=()), pen)


@cache
def _kept_page(document: Document, pen: Pen) -> bytes:
    return sealed_page(document, pen.person, pen.seal)


def sealed_page(document: Document, person: Identity, seal: Identity) -> bytes:
    """The page with the person's signature first and the agency's after it (Decree 30/2020 Art. 13, 17)."""
    at = document.written_at
    signed = sign_pdf(page_of(document), by=person, field="NguoiKy", look=Look.PERSON, at=at)
    return sign_pdf(signed, by=seal, field="CoQuan", look=Look.AGENCY, at=at + timedelta(minutes=1))


def page_of(document: Document) -> bytes:
    """The letter as a PDF that nobody has signed."""
    author, day = document.author, vietnam_day(document.written_at)
    paragraphs = (
        author.name.upper(),
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "",
        f"Số: {document.notation}",
        f"{author.place}, ngày {day:%d} tháng {day:%m} năm {day:%Y}",
        "",
        document.subject,
        "",
        f"Kính gửi: {document.greeting}.",
        "",
        *document.text,
        "",
        author.signer.competence,
        author.signer.position,
        author.signer.full_name,
        "",
        "(Văn bản chạy thử do lệnh hub demo tạo ra, không có giá trị pháp lý.)",
    )
    return pdf.page(document.subject, paragraphs, made_at=document.written_at)


def signed_envelope(document: Document, pen: Pen) -> bytes:
    """The envelope with header, manifest and attachment signed: the header by its Id, the file by cid:."""
    return _envelope(document, pen.seal, attachment_of(document, pen))


def unsigned_envelope(document: Document, pen: Pen) -> bytes:
    """The envelope without any signature of its own; its PDF is signed and sealed."""
    return _envelope(document, None, attachment_of(document, pen))


def changed_after_signing(document: Document, pen: Pen) -> bytes:
    """The signed envelope in which one byte of the attachment is another than when the envelope was signed."""
    true = attachment_of(document, pen)
    return _envelope(document, pen.seal, _with_another_byte(true), signed=true)


def page_changed_after_signing(document: Document, pen: Pen) -> bytes:
    """An envelope that is signed properly, around a PDF that was changed after its signatures."""
    return _envelope(document, pen.seal, _with_another_byte(attachment_of(document, pen)))


def sealed_by_another(document: Document, pen: Pen, *, other: Pen) -> bytes:
    """An envelope that is signed properly, around a PDF that carries another agency's seal."""
    return _envelope(document, pen.seal, sealed_page(document, pen.person, other.seal))


def _with_another_byte(content: bytes) -> bytes:
    """One digit of the page's text is another: the file stays a PDF, the signatures no longer fit."""
    place = content.index(b"stream") + 100
    while not content[place : place + 1].isdigit():
        place += 1
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def with_doctype(envelope: bytes) -> bytes:
    """The envelope with a document type declaration, as an attack on XML readers begins."""
    declaration, rest = envelope.split(b"?>", 1)
    return declaration + b"?>" + _DOCTYPE + rest


def recall_envelope(document: Document, pen: Pen, *, reason: str, by: Correspondent | None = None) -> bytes:
    """The signed message that recalls a document from all its recipients; `by` is who asks (default: its author)."""
    asking = by or document.author
    envelope = replace(
        _header(document, b"", ""),
        sender=Party(asking.code, asking.name),
        business=Business(BusinessType.RECALL, reason, paper=document.paper),
        attachments=(),
        manifest=(),
    )
    return _written(writer.build(envelope, envelope_id=ENVELOPE_ID), pen.seal, {}, b"")


def status_in(message: bytes) -> StatusReport | None:
    """What a status message says, as the system that gets it reads it; None for another message."""
    reader = EnvelopeReader(Bounds(), new_spool=io.BytesIO)
    reader.feed(message)
    return reader.close().envelope.status


def status_envelope(
    document: Document, *, said_by: Correspondent, code: str, words: str, at: datetime, owner: str = ""
) -> bytes:
    """An edXML status message about a document; `owner` is the code to which it goes (default: the author's)."""
    answered = ResponseFor(
        organ_id=owner or document.author.code,
        code=document.notation,
        issued_on=vietnam_day(document.written_at),
        document_id=document.document_id,
    )
    envelope = Envelope(
        kind=Kind.STATUS,
        dialect="",
        sender=Party(said_by.code, said_by.name),
        status=StatusReport(answered, code, words, at.replace(microsecond=0)),
    )
    out = io.BytesIO()
    writer.write(writer.status(envelope), {}, out)
    return out.getvalue()


def _envelope(document: Document, signer: Identity | None, content: bytes, *, signed: bytes | None = None) -> bytes:
    """The written form; the envelope's signature is over `signed` (default: what is carried)."""
    digest = hashlib.sha256(content if signed is None else signed).hexdigest()
    root = writer.build(_header(document, content, digest), envelope_id=ENVELOPE_ID)
    return _written(root, signer, {CONTENT_ID: digest}, content)


def _written(root: etree._Element, signer: Identity | None, digests: Mapping[str, str], content: bytes) -> bytes:
    if signer is not None:
        signing.sign(root, key=signer.key, certificates=signer.chain, digests=digests)
    out = io.BytesIO()
    writer.write(root, {CONTENT_ID: io.BytesIO(content)} if digests else {}, out)
    return out.getvalue()


def _header(document: Document, content: bytes, digest: str) -> Envelope:
    author, name = document.author, document.file_name or f"{document.notation.replace('/', '-')}.pdf"
    attachment = Attachment(
        content_id=CONTENT_ID,
        name=name,
        declared_type=PDF_TYPE,
        description="",
        offset_bytes=0,
        length_bytes=0,
        size_bytes=len(content),
        sha256=digest,
        media_type=PDF_TYPE,
    )
    return Envelope(
        kind=Kind.DOCUMENT,
        dialect="",
        sender=Party(author.code, author.name),
        addressees=tuple(Party(code, name) for code, name in document.recipients),
        document_id=document.document_id,
        code_number=str(document.number),
        code_notation=author.notation,
        issued_at_place=author.place,
        issued_on=vietnam_day(document.written_at),
        document_type=OFFICIAL_LETTER[0],
        document_type_name=document.type_name,
        subject=document.subject,
        signer=author.signer,
        page_amount="1",
        due_on=document.due_on,
        business=_business(document),
        trace=(Hop(author.code, document.written_at.replace(microsecond=0)),),
        manifest=(ManifestEntry(CONTENT_ID, PDF_TYPE, name),),
        attachments=(attachment,),
    )


def _business(document: Document) -> Business:
    if not document.replaces:
        return Business(paper=document.paper)
    replaced = (Replacement(document.replaces, ()),)
    return Business(BusinessType.REPLACE, document.reason, paper=document.paper, replacements=replaced)
