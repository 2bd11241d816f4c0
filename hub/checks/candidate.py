"""What the checks are asked about: one envelope with everything that is known around it.

Owns: Candidate, gathered once by the verify station, so that a check is a pure question.
Never: reads the database or the network itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from hub.domain.agencies import Agency, Resolution, code_key
from hub.domain.attachment_rules import FileFacts
from hub.domain.changes import Target
from hub.domain.legal_value import LegalValue
from hub.domain.rules import RulePack
from hub.domain.signature_policy import PolicyRow
from hub.domain.signatures import PdfReport, PdfSignature, SignatureReport
from hub.edxml.reader import Reading
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Owner:
    """The agency to which a seal belongs; `is_sender`: it is the sender, or may speak for it."""

    agency: Agency
    is_sender: bool


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver in an update: `added` None when its ReceiverType is neither of the pack's words."""

    written: str
    agency: Agency | None
    receiver_type: str
    added: bool | None

    @property
    def key(self) -> str:
        """Its code key; empty when it is not in the directory."""
        return code_key(self.agency.code) if self.agency else ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`recipients` are resolved on `day`, the Vietnamese day of `moment`; `earlier` are accepted consignments of the
    same document.

    `certificate_holder` is the agency to which the signer's certificate belongs; `owners` the same for the seals in PDF
    files, by the certificate's SHA-256; `answered` are the deliveries that a status message speaks about, newest first,
    `open_changes` how many changes are asked about them and not answered, `not_routed_yet`: the copy that a request to
    take back (13) is about is still on its way. `own` is what the register knows of the document itself, `targets` are
    the documents that a recall, update or replacement refers to (none when there are too many to look at), `receivers`
    those that an update adds or removes, `replacing` the agency keys that must replace each target (empty: all that
    hold it). `policy` are the sender's own demands; `pdfs` and `files` hold what was seen in the attachments, by
    content id.
    """

    reading: Reading
    caller: Agency
    moment: datetime
    day: date
    rules: RulePack
    policy: Sequence[PolicyRow]
    sender: Resolution
    caller_may_send: bool
    recipients: tuple[Resolution, ...]
    signature: SignatureReport
    certificate_holder: Agency | None
    holder_may_sign: bool
    earlier: tuple[Consignment, ...]
    same_number: Consignment | None
    already_held: Mapping[str, str]
    answered: tuple[Delivery, ...]
    attachments_sha256: str
    files: Mapping[str, FileFacts]
    pdfs: Mapping[str, PdfReport]
    owners: Mapping[str, Owner]
    legal_value: LegalValue
    open_changes: int = 0
    not_routed_yet: bool = False
    own: Target | None = None
    targets: tuple[Target, ...] = ()
    too_many_targets: bool = False
    receivers: tuple[Receiver, ...] = ()
    replacing: tuple[tuple[str, ...], ...] = ()

    def owner_of(self, signature: PdfSignature) -> Owner | None:
        """Whose seal it is; None when nobody of the directory is known for it."""
        return self.owners.get(signature.certificate.sha256) if signature.certificate else None
