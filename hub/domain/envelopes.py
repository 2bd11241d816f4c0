"""An edXML envelope as values: who writes to whom, about what, with which attachments.

Owns: Envelope and its parts, the same for every dialect; original words are kept, only blanks trimmed.
Never: knows XML, files or the database.
Source: QCVN 102:2016/BTTTT with Amendment 1:2022, element numbers as in the regulation (domain notes §2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum

from hub.domain.findings import Finding


class Kind(StrEnum):
    """A message carries a document or the status of one."""

    DOCUMENT = "document"
    STATUS = "status"


class BusinessType(IntEnum):
    """BussinessDocType: what the sender does with the document."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACE = 3


class Paper(IntEnum):
    """Bussiness/Paper: 0 the electronic document replaces paper, 1 paper is sent as well."""

    PAPER_FREE = 0
    WITH_PAPER = 1


class Urgency(IntEnum):
    """OtherInfo/Priority: thường, khẩn, thượng khẩn, hỏa tốc, hỏa tốc hẹn giờ."""

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    EXPRESS = 3
    EXPRESS_TIMED = 4


@dataclass(frozen=True, slots=True)
class Party:
    """From or To (elements 1, 2): an agency as the sender wrote it."""

    organ_id: str
    organ_name: str = ""
    organization_in_charge: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """SignerInfo (element 8): authority, position and full name of the person who signed."""

    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """StaffInfo: the clerk behind the message; personal data, shown to the parties only."""

    department: str = ""
    staff: str = ""
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True)
class ReceiverChange:
    """Bussiness type 2: one receiver added or removed; the meaning of 0/1 is not documented [confirm]."""

    organ_id: str
    receiver_type: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """Bussiness type 3: one replaced document and the agencies that must replace it."""

    document_id: str
    organ_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Business:
    """Bussiness: new, recall, update or replace; and whether paper goes along (None: not said)."""

    business_type: BusinessType = BusinessType.NEW
    reason: str = ""
    document_id: str = ""
    paper: Paper | None = None
    staff: Staff | None = None
    metadata_changed: bool = False
    receivers_changed: bool = False
    receivers: tuple[ReceiverChange, ...] = ()
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """TraceHeader: one system that passed the message on; either part may be missing in real traffic."""

    organ_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """edXMLManifest/Reference: an attachment announced inside the envelope."""

    content_id: str
    content_type: str = ""
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file outside the envelope, by its place in the bytes received.

    `offset_bytes`, `length_bytes`: the base64 text in the envelope file. `size_bytes`, `sha256` (hex):
    the decoded bytes. `zip_entry`: name of the single wrapped file when the payload is the SDK's one-entry
    ZIP, else empty. `media_type`: by magic, not by what the sender declared. `content_id` has no `cid:`.
    """

    content_id: str
    name: str
    declared_type: str
    description: str
    offset_bytes: int
    length_bytes: int
    size_bytes: int
    sha256: str
    media_type: str
    zip_entry: str = ""


@dataclass(frozen=True, slots=True)
class ResponseFor:
    """Element 12: the document that is answered; for statuses `organ_id` is where the message goes."""

    organ_id: str
    code: str = ""
    issued_on: date | None = None
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A status message's own fields (domain notes §2.5): code 01…16, words, time as claimed."""

    response_for: ResponseFor
    status_code: str
    description: str = ""
    at: datetime | None = None
    staff: Staff | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One edXML message, whatever its dialect; `notes` say what the reader had to bend."""

    kind: Kind
    dialect: str
    sender: Party
    addressees: tuple[Party, ...] = ()
    document_id: str = ""
    code_number: str = ""
    code_notation: str = ""
    issued_at_place: str = ""
    issued_on: date | None = None
    document_type: str = ""
    document_type_detail: str = ""
    document_type_name: str = ""
    subject: str = ""
    content: str = ""
    signer: Signer = Signer()
    due_on: date | None = None
    to_places: tuple[str, ...] = ()
    urgency: Urgency = Urgency.NORMAL
    sphere_of_promulgation: str = ""
    type_notation: str = ""
    promulgation_amount: str = ""
    page_amount: str = ""
    direction: str = ""
    appendixes: tuple[str, ...] = ()
    response_for: tuple[ResponseFor, ...] = ()
    steering_type: str = ""
    secrecy: str = ""
    trace: tuple[Hop, ...] = ()
    business: Business = Business()
    manifest: tuple[ManifestEntry, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    status: StatusReport | None = None
    has_signature_element: bool = False
    notes: tuple[Finding, ...] = ()

    @property
    def notation(self) -> str:
        """Number and notation as printed on the document, e.g. `7816/VPCP-TTĐT`."""
        return "/".join(part for part in (self.code_number, self.code_notation) if part)
