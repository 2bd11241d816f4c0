"""What the checks are asked about: one envelope with everything that is known around it.

Owns: Candidate, gathered once by the verify station, so that a check is a pure question.
Never: reads the database or the network itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.domain.agencies import Agency, Resolution
from hub.domain.rules import RulePack
from hub.domain.signatures import SignatureReport
from hub.edxml.reader import Reading
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Candidate:
    """`recipients` are resolved on `moment`; `earlier` are accepted consignments of the same document.

    `certificate_holder` is the agency to which the signer's certificate belongs; `answered` are the deliveries
    that a status message speaks about, newest first.
    """

    reading: Reading
    caller: Agency
    moment: datetime
    rules: RulePack
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
