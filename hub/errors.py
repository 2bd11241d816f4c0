"""Every error that the hub raises on purpose, with the words that the other side may see.

Owns: the three families (Refusal, Deferral, Misconfigured), their stable codes and HTTP numbers.
Never: describes a bad document; that is a Finding (hub/domain/findings.py).
Source: RFC 9457 for the shape on the wire; axis error numbers from the SDK's table (domain notes §3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


class HubError(Exception):
    """Something went wrong in the exchange."""

    code: ClassVar[str] = "hub.error"
    http: ClassVar[int] = 500
    vxp: ClassVar[str] = "20"
    retryable: ClassVar[bool] = False

    def __init__(self, log: str = "", *, retry_after: timedelta | None = None, **facts: str) -> None:
        """`log` is for operators; `facts` fill the public sentence in schemas/codes/errors.toml."""
        super().__init__(log or (type(self).__doc__ or "").strip())
        self.facts = facts
        self.retry_after = retry_after


class Refusal(HubError):
    """The caller must change something; the same request will fail again."""

    code = "refused"
    http = 400


class NotAuthenticated(Refusal):
    """No usable API key came with the request."""

    code = "caller.not_authenticated"
    http = 401
    vxp = "15"


class NotAllowed(Refusal):
    """The caller is known but may not do this."""

    code = "caller.not_allowed"
    http = 403
    vxp = "15"


class BadRequest(Refusal):
    """A parameter or JSON body has a wrong shape."""

    code = "request.malformed"


class NotEdxml(Refusal):
    """The body cannot be read as an edXML envelope."""

    code = "envelope.not_edxml"
    vxp = "22"


class DangerousXml(Refusal):
    """The body holds an XML construct that attacks readers."""

    code = "envelope.dangerous_xml"
    vxp = "22"


class TooLarge(Refusal):
    """The body or a part of it is over a limit of this hub."""

    code = "envelope.too_large"
    http = 413
    vxp = "10"


class ClientGone(Refusal):
    """The client hung up before its request was complete; nothing was kept."""

    code = "request.incomplete"


class SameKeyDifferentContent(Refusal):
    """The idempotency key was used before for other bytes."""

    code = "consignment.same_key_different_content"
    http = 409


class UnknownAgency(Refusal):
    """No agency with this code is in the directory."""

    code = "agency.unknown"
    http = 422
    vxp = "18"


class AgencySuspended(Refusal):
    """The agency is suspended and may not send."""

    code = "agency.suspended"
    http = 403
    vxp = "23"


class IllegalTransition(Refusal):
    """The document is not in a state that allows this."""

    code = "state.illegal_transition"
    http = 409


class DigestDiffers(Refusal):
    """The recipient computed another digest: it did not get the bytes that the hub keeps."""

    code = "delivery.digest_differs"
    http = 409


class NoSuchThing(Refusal):
    """There is nothing with this identifier that the caller may see."""

    code = "thing.unknown"
    http = 404


class CopyGone(Refusal):
    """The copy may not be read any more: it was recalled, replaced, expired or passed on."""

    code = "delivery.gone"
    http = 410


class ReceiptNotGenuine(Refusal):
    """The receipt was not signed by this hub, or was changed afterwards."""

    code = "receipt.not_genuine"
    http = 422


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a table that was handed in: its code in errors.toml, row (0: the whole) and field."""

    code: str
    row: int
    field: str
    facts: Mapping[str, str]


class DeclarationsRefused(Refusal):
    """Something in the declarations is wrong; none of them was written."""

    code = "declaration.refused"
    http = 422

    def __init__(self, faults: Sequence[Fault]) -> None:
        codes = ", ".join(sorted({fault.code for fault in faults}))
        super().__init__(f"{len(faults)} faults: {codes}", count=str(len(faults)))
        self.faults = tuple(faults)


class PdfUnavailable(Refusal):
    """This hub was installed without the extra `pdf`, so it cannot typeset a report."""

    code = "report.pdf_unavailable"
    http = 501


class PdfNotMade(Refusal):
    """The report could not be typeset within this hub's limits of time and memory."""

    code = "report.pdf_not_made"
    http = 422


class Deferral(HubError):
    """Not now; the schedule decides when to try again."""

    code = "deferred"
    http = 503
    retryable = True


class StoreUnavailable(Deferral):
    """The database cannot be reached or is busy."""

    code = "store.unavailable"


class PayloadsUnavailable(Deferral):
    """The payload store cannot be read or written (is the disk full?)."""

    code = "payloads.unavailable"


class BrokerUnavailable(Deferral):
    """RabbitMQ cannot be reached."""

    code = "broker.unavailable"


class EvidenceUnavailable(Deferral):
    """Revocation evidence that a verdict needs cannot be had now."""

    code = "evidence.unavailable"


class ScannerUnavailable(Deferral):
    """The virus scanner cannot be reached or did not finish."""

    code = "scanner.unavailable"


class TimestampsUnavailable(Deferral):
    """The timestamp authority did not give a usable timestamp."""

    code = "timestamps.unavailable"


class NoticesUnavailable(Deferral):
    """A notice could not be handed to its carrier (mail server, webhook)."""

    code = "notices.unavailable"


class AgencyUnreachable(Deferral):
    """The recipient's system did not answer."""

    code = "agency.unreachable"


class Misconfigured(HubError):
    """A setting is missing or wrong; the process does not start."""

    code = "hub.misconfigured"

    def __init__(self, setting: str, shape: str, fix: str) -> None:
        super().__init__(f"{setting}: {shape}. {fix}")
        self.setting, self.shape, self.fix = setting, shape, fix
