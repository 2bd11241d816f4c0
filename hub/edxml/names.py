"""The words of edXML exactly as the regulation and the field spell them.

Owns: element names with their official misspellings, the spellings that products use, the namespaces.
Never: decides what a message means; dialects.py does.
Source: QCVN 102:2016/BTTTT; the axis SDK's messages; domain notes §2.2 and §2.6.
"""

from __future__ import annotations

from typing import Final

QCVN: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
BKAV: Final = "http://www.e-doc.vn/Schema/"
GO_VN: Final = "http://www.go.vn/eDoc"
EDXML_GOV_VN: Final = "http://edxml.gov.vn/schema"
SOAP: Final = frozenset({"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"})
XMLDSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
XINCLUDE: Final = "http://www.w3.org/2001/XInclude"
NO_NAMESPACE: Final = ""

_MINISTRY: Final = "http://www.mic.gov.vn/TBT/"

DIALECT_OF_NAMESPACE: Final = {
    QCVN: "qcvn102-2016",
    BKAV: "bkav",
    GO_VN: "go-vn",
    EDXML_GOV_VN: "edxml-gov-vn",
    NO_NAMESPACE: "no-namespace",
}

ROOT: Final = "edXML"
ENVELOPE: Final = "edXMLEnvelope"
HEADER: Final = "edXMLHeader"
BODY: Final = "edXMLBody"
MANIFEST: Final = "edXMLManifest"
MESSAGE_HEADER: Final = "MessageHeader"
STATUS: Final = "Status"
REFERENCE: Final = "Reference"
SIGNATURE: Final = "Signature"
DIGITAL_SIGNATURE: Final = "DigitalSignature"
ATTACHMENT_LIST: Final = "AttachmentEncoded"
ATTACHMENT: Final = "Attachment"
CONTENT_ID: Final = "ContentId"
CONTENT_TYPE: Final = "ContentType"
ATTACHMENT_NAME: Final = "AttachmentName"
DESCRIPTION: Final = "Description"
PAYLOAD: Final = "ContentTransferEncoded"

FROM: Final = "From"
TO: Final = "To"
ORGAN_ID: Final = "OrganId"
ORGANIZATION_IN_CHARGE: Final = "OrganizationInCharge"
ORGAN_NAME: Final = "OrganName"
ORGAN_ADDRESS: Final = "OrganAdd"
EMAIL: Final = "Email"
TELEPHONE: Final = "Telephone"
FAX: Final = "Fax"
WEBSITE: Final = "Website"
DOCUMENT_ID: Final = "DocumentId"
CODE: Final = "Code"
CODE_NUMBER: Final = "CodeNumber"
CODE_NOTATION: Final = "CodeNotation"
PROMULGATION_INFO: Final = "PromulgationInfo"
PLACE: Final = "Place"
PROMULGATION_DATE: Final = "PromulgationDate"
DOCUMENT_TYPE: Final = "DocumentType"
TYPE: Final = "Type"
TYPE_DETAIL: Final = "TypeDetail"
TYPE_NAME: Final = "TypeName"
SUBJECT: Final = "Subject"
CONTENT: Final = "Content"
SIGNER_INFO: Final = "SignerInfo"
COMPETENCE: Final = "Competence"
POSITION: Final = "Position"
FULL_NAME: Final = "FullName"
DUE_DATE: Final = "DueDate"
TO_PLACES: Final = "ToPlaces"
OTHER_INFO: Final = "OtherInfo"
PRIORITY: Final = "Priority"
SPHERE: Final = "SphereOfPromulgation"
TYPE_NOTATION: Final = "TyperNotation"
PROMULGATION_AMOUNT: Final = "PromulgationAmount"
PAGE_AMOUNT: Final = "PageAmount"
DIRECTION: Final = "Direction"
APPENDIXES: Final = "Appendixes"
APPENDIX: Final = "Appendix"
SECRECY: Final = "Secret"
RESPONSE_FOR: Final = "ResponseFor"
STEERING_TYPE: Final = "SteeringType"
STATUS_CODE: Final = "StatusCode"
TIMESTAMP: Final = "Timestamp"
STAFF_INFO: Final = "StaffInfo"
DEPARTMENT: Final = "Department"
STAFF: Final = "Staff"
MOBILE: Final = "Mobile"
TRACE_LIST: Final = "TraceHeaderList"
TRACE: Final = "TraceHeader"
BUSINESS: Final = "Bussiness"
BUSINESS_TYPE: Final = "BussinessDocType"
BUSINESS_REASON: Final = "BussinessDocReason"
BUSINESS_INFO: Final = "BussinessDocumentInfo"
DOCUMENT_INFO: Final = "DocumentInfo"
DOCUMENT_RECEIVER: Final = "DocumentReceiver"
RECEIVER_LIST: Final = "ReceiverList"
RECEIVER: Final = "Receiver"
RECEIVER_TYPE: Final = "ReceiverType"
PAPER: Final = "Paper"
REPLACEMENT_LIST: Final = "ReplacementInfoList"
REPLACEMENT: Final = "ReplacementInfo"
ORGAN_ID_LIST: Final = "OrganIdList"

# Spellings of products for the same element, wherever it stands (domain notes §2.6).
SPELLINGS: Final = {
    "EdXML": ROOT,
    "EdXMLEnvelope": ENVELOPE,
    "EdXMLHeader": HEADER,
    "EdXMLBody": BODY,
    "EdXMLManifest": MANIFEST,
    "Manifest": MANIFEST,
    "Business": BUSINESS,
    "BusinessDocType": BUSINESS_TYPE,
    "BusinessDocReason": BUSINESS_REASON,
    "BusinessDocumentInfo": BUSINESS_INFO,
    "TypeNotation": TYPE_NOTATION,
    "Author": SIGNER_INFO,
    "type": DOCUMENT_TYPE,
}

# Spellings that mean something only under one parent (the parent by its official name).
PLACED_SPELLINGS: Final = {
    (PROMULGATION_INFO, "Date"): PROMULGATION_DATE,
    (SIGNER_INFO, "Function"): POSITION,
    (DOCUMENT_TYPE, "value"): TYPE,
    (DOCUMENT_TYPE, "description"): TYPE_NAME,
    (TRACE, "Sender"): ORGAN_ID,
    (ATTACHMENT, "FileName"): ATTACHMENT_NAME,
    (ATTACHMENT, "FileType"): CONTENT_TYPE,
    (ATTACHMENT, "Content"): PAYLOAD,
}

# The order in which the writer emits; another order is read and noted (Java SDK order, domain notes §2.6).
ORDER: Final = {
    MESSAGE_HEADER: (
        FROM,
        TO,
        DOCUMENT_ID,
        CODE,
        PROMULGATION_INFO,
        DOCUMENT_TYPE,
        SUBJECT,
        CONTENT,
        SIGNER_INFO,
        DUE_DATE,
        TO_PLACES,
        OTHER_INFO,
        RESPONSE_FOR,
        STEERING_TYPE,
        STAFF_INFO,
        STATUS_CODE,
        DESCRIPTION,
        TIMESTAMP,
    ),
    TRACE_LIST: (TRACE, BUSINESS),
}


def is_read(namespace: str) -> bool:
    """True for the namespaces whose elements are edXML; those of the ministry's other editions too."""
    return namespace in DIALECT_OF_NAMESPACE or namespace in SOAP or namespace.startswith(_MINISTRY)


def official(parent: str, local_name: str) -> str:
    """The regulation's name of an element found under `parent` (itself an official name).

    >>> official("TraceHeaderList", "Business") == BUSINESS
    True
    """
    placed = PLACED_SPELLINGS.get((parent, local_name))
    return placed or SPELLINGS.get(local_name, local_name)


def is_payload(parent_local_name: str, local_name: str) -> bool:
    """True for the elements whose text is a base64 file: layered and flat form."""
    if local_name == PAYLOAD:
        return True
    return PLACED_SPELLINGS.get((parent_local_name, local_name)) == PAYLOAD
