"""Builds edXML messages as raw text, in the canonical form and in every dialect seen in the field.

Owns: the templates; each piece can be replaced to bend or break one thing.
Never: copies a real message; agencies and people are invented.
Source: domain notes §2.2, §2.5, §2.6.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import BinaryIO

from hub.edxml.reader import Bounds, EnvelopeReader, Reading

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SDK_ENTRY = "0b9f1c3e-5d2a-4c7b-9e8f-001122334455.pdf"

FROM = """<edXML:From><edXML:OrganId>000.00.00.G99</edXML:OrganId>
<edXML:OrganName>Bộ Thử nghiệm</edXML:OrganName><edXML:Email>vanthu@thu.gov.vn</edXML:Email></edXML:From>"""
TO = """<edXML:To><edXML:OrganId>H41.1.2</edXML:OrganId><edXML:OrganName>Sở Mẫu</edXML:OrganName></edXML:To>"""
CODE = """<edXML:Code><edXML:CodeNumber>12</edXML:CodeNumber>
<edXML:CodeNotation>BTN-VP</edXML:CodeNotation></edXML:Code>"""
PROMULGATION = """<edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place>
<edXML:PromulgationDate>2026/03/02</edXML:PromulgationDate></edXML:PromulgationInfo>"""
DOCUMENT_TYPE = """<edXML:DocumentType><edXML:Type>18</edXML:Type>
<edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>"""
SIGNER = """<edXML:SignerInfo><edXML:Competence>TL. BỘ TRƯỞNG</edXML:Competence>
<edXML:Position>Vụ trưởng</edXML:Position><edXML:FullName>Lê Thị Mẫu</edXML:FullName></edXML:SignerInfo>"""
OTHER_INFO = "<edXML:OtherInfo><edXML:Priority>1</edXML:Priority></edXML:OtherInfo>"
DOCUMENT_ID = "<edXML:DocumentId>000.00.00.G99,2026/03/02,12/BTN-VP</edXML:DocumentId>"
SUBJECT = "<edXML:Subject>V/v thử nghiệm liên thông</edXML:Subject>"
TRACE = """<edXML:TraceHeader><edXML:OrganId>000.00.00.G99</edXML:OrganId>
<edXML:Timestamp>2026/03/02 08:30:00</edXML:Timestamp></edXML:TraceHeader>"""
BUSINESS = """<edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType>
<edXML:Paper>0</edXML:Paper></edXML:Bussiness>"""
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def base64_text(content: bytes, *, width: int = 76) -> str:
    """Base64 in lines, or in one line when the width is 0."""
    text = base64.b64encode(content).decode()
    return "\n".join(text[at : at + width] for at in range(0, len(text), width)) if width else text


def sdk_zip(content: bytes, entry: str = SDK_ENTRY) -> bytes:
    """The SDK's wrapping: a ZIP with one entry named by a UUID."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, content)
    return out.getvalue()


def message_header(**parts: str) -> str:
    """MessageHeader with any of its parts replaced."""
    default = {
        "sender": FROM,
        "addressees": TO,
        "document_id": DOCUMENT_ID,
        "code": CODE,
        "promulgation": PROMULGATION,
        "document_type": DOCUMENT_TYPE,
        "subject": SUBJECT,
        "signer": SIGNER,
        "other_info": OTHER_INFO,
        "more": "",
    }
    return f"<edXML:MessageHeader>{''.join((default | parts).values())}</edXML:MessageHeader>"


def reference(content_id: str = "cid:1", name: str = "a.pdf", content_type: str = "application/pdf") -> str:
    """One manifest entry."""
    return (
        f"<edXML:Reference><edXML:ContentId>{content_id}</edXML:ContentId>"
        f"<edXML:ContentType>{content_type}</edXML:ContentType>"
        f"<edXML:AttachmentName>{name}</edXML:AttachmentName></edXML:Reference>"
    )


def attachment(text: str, content_id: str = "cid:1", name: str = "a.pdf", content_type: str = "application/pdf") -> str:
    """One attachment with this base64 text."""
    return (
        f"<Attachment><ContentId>{content_id}</ContentId><AttachmentName>{name}</AttachmentName>"
        f"<ContentType>{content_type}</ContentType>"
        f'<edXML:ContentTransferEncoded xmlns:edXML="{QCVN}">{text}</edXML:ContentTransferEncoded></Attachment>'
    )


def document(
    *,
    header: str | None = None,
    trace: str = TRACE + BUSINESS,
    signature: str = "",
    references: str | None = None,
    attachments: str | None = None,
    prolog: str = XML,
    namespace: str = QCVN,
) -> bytes:
    """A whole document message."""
    given = attachment(base64_text(PDF)) if attachments is None else attachments
    listed = reference() if references is None else references
    text = (
        f'{prolog}<edXML xmlns="{QCVN}">\n<edXML:edXMLEnvelope xmlns:edXML="{QCVN}"><edXML:edXMLHeader>'
        f"{message_header() if header is None else header}"
        f"<edXML:TraceHeaderList>{trace}</edXML:TraceHeaderList>{signature}</edXML:edXMLHeader>"
        f'<edXML:edXMLBody><edXML:edXMLManifest version="1.0">{listed}</edXML:edXMLManifest></edXML:edXMLBody>'
        f"</edXML:edXMLEnvelope><AttachmentEncoded>{given}</AttachmentEncoded></edXML>\n"
    )
    return text.replace(QCVN, namespace).encode()


def status(code: str = "03", *, element: str = "MessageHeader", at: str = "2026/03/02 09:00:00") -> bytes:
    """A whole status message."""
    return (
        f'{XML}<edXML xmlns="{QCVN}"><edXML:edXMLEnvelope xmlns:edXML="{QCVN}"><edXML:edXMLHeader>'
        f"<edXML:{element}>{FROM}<edXML:ResponseFor><edXML:OrganId>H41</edXML:OrganId>"
        "<edXML:Code>12/BTN-VP</edXML:Code><edXML:PromulgationDate>2026/03/02</edXML:PromulgationDate>"
        "<edXML:DocumentId>H41,2026/03/02,12/BTN-VP</edXML:DocumentId></edXML:ResponseFor>"
        "<edXML:StaffInfo><edXML:Department>Văn thư</edXML:Department><edXML:Staff>Trần Văn Thử</edXML:Staff>"
        f"</edXML:StaffInfo><edXML:StatusCode>{code}</edXML:StatusCode>"
        f"<edXML:Description>Đã tiếp nhận</edXML:Description><edXML:Timestamp>{at}</edXML:Timestamp>"
        f"</edXML:{element}></edXML:edXMLHeader></edXML:edXMLEnvelope></edXML>"
    ).encode()


def flat() -> bytes:
    """The flat form: MessageHeader under the envelope, files inline in Manifest."""
    return (
        f'{XML}<edXML:edXMLEnvelope xmlns:edXML="{QCVN}">{message_header()}'
        f"<edXML:TraceHeaderList>{TRACE}{BUSINESS}</edXML:TraceHeaderList>"
        "<edXML:Manifest><edXML:Attachment><edXML:FileName>a.pdf</edXML:FileName>"
        "<edXML:FileType>application/pdf</edXML:FileType>"
        f"<edXML:Content>{base64_text(PDF)}</edXML:Content></edXML:Attachment></edXML:Manifest>"
        "</edXML:edXMLEnvelope>"
    ).encode()


def soap() -> bytes:
    """The SOAP-era form of 2012/13."""
    header = message_header(
        promulgation=(
            "<edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place><edXML:Date>2013-05-06</edXML:Date>"
            "</edXML:PromulgationInfo>"
        ),
        document_type=(
            "<edXML:type><edXML:value>2</edXML:value><edXML:description>Công văn</edXML:description></edXML:type>"
        ),
        signer=(
            "<edXML:Author><edXML:Competence>KT. CHỦ TỊCH</edXML:Competence>"
            "<edXML:Function>Phó Chủ tịch</edXML:Function><edXML:FullName>Phạm Văn Mẫu</edXML:FullName></edXML:Author>"
        ),
        other_info=(
            "<edXML:OtherInfo><edXML:Priority>Khẩn</edXML:Priority><edXML:Secret>Thường</edXML:Secret>"
            "</edXML:OtherInfo>"
        ),
    )
    return (
        f'{XML}<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:edXML="{QCVN}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink"><soap:Header>{header}<edXML:TraceHeaderList>'
        "<edXML:TraceHeader><edXML:Sender>G99</edXML:Sender><edXML:Timestamp>2013-05-06T02:00:00Z</edXML:Timestamp>"
        "</edXML:TraceHeader></edXML:TraceHeaderList></soap:Header><soap:Body><edXML:Manifest>"
        '<edXML:Reference xlink:href="cid:9" xlink:type="simple"/></edXML:Manifest></soap:Body></soap:Envelope>'
    ).encode()


def read(content: bytes, *, bounds: Bounds | None = None, new_spool: Callable[[], BinaryIO] = io.BytesIO) -> Reading:
    """Reads the bytes in one piece."""
    reader = EnvelopeReader(bounds or Bounds(), new_spool=new_spool)
    reader.feed(content)
    return reader.close()


def codes(reading: Reading) -> set[str]:
    """The codes of all findings of the reader."""
    return {finding.code for finding in (*reading.envelope.notes, *reading.payload_findings)}
