"""Signs PDF files as a person and as an agency do, for the demo and the tests; one page costs a few milliseconds.

Owns: the form of the signature (PAdES, SHA-256, RSA PKCS#1 v1.5, signing-certificate-v2) and its visible block.
Never: signs anything real; the keys are those of hub/demo/pki.py.
Source: ETSI EN 319 142-1; Decree 30/2020/NĐ-CP Annex I (blue and red; the block's four lines); domain notes §6.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from asn1crypto import keys, tsp, x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.content import PdfContent, ResourceType
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NameObject, NumberObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSigningSession, PdfTimeStamper
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from hub.demo import pdf
from hub.demo.pki import Identity, PrivateKey
from hub.domain.periods import VIETNAM

_ROOM, _ROOM_STAMPED = 8192, 24576  # hex digits for the CMS; a fixed room saves a rehearsal of the signature
_BLOCK = (230, 62)  # points
_PLACES = {"person": (320, 120), "agency": (90, 120)}  # the seal stands left of the person's signature
_SCALE, _WIDEST = 0.62, 56  # of the page's letters; letters in a line


class Look(StrEnum):
    """How the signature shows on the page: a person's block is blue, an agency's is red (Decree 30 Annex I)."""

    UNSEEN = "unseen"
    PERSON = "person"
    AGENCY = "agency"


#: A timestamp authority that answers at once: DER TimeStampReq in, DER TimeStampResp out (hub/demo/tsa.py).
Stamps = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Habits:
    """What a signer's software does differently; tests say with it what they mean to be wrong or old.

    `claimed_hours_wrong` is 7 for software that writes local time as if it were UTC.
    """

    digest: str = "sha256"
    sub_filter: SigSeedSubFilter = SigSeedSubFilter.PADES
    claimed_hours_wrong: int = 0
    whole_chain: bool = False


USUAL = Habits()


def sign_pdf(
    content: bytes,
    *,
    by: Identity,
    field: str,
    reason: str = "",
    look: Look = Look.UNSEEN,
    at: datetime | None = None,
    timestamper: Stamps | None = None,
    habits: Habits = USUAL,
) -> bytes:
    """The PDF with one more signature, added as a new revision; earlier signatures stay as they are.

    `at` (aware, default now) is the claimed time; only the leaf certificate is embedded, as in government files.
    """
    when = at or datetime.now(UTC)
    signer = _AtMoment(
        PdfSignatureMetadata(
            field_name=field,
            md_algorithm=habits.digest,
            reason=reason or None,
            subfilter=habits.sub_filter,
        ),
        signer=_signer(by, habits),
        timestamper=_Asked(timestamper) if timestamper else None,
        stamp_style=_style(look, by, when),
        new_field_spec=SigFieldSpec(field, box=_box(look)),
    )
    signer.when = when + timedelta(hours=habits.claimed_hours_wrong)
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    room = _ROOM_STAMPED if timestamper or habits.whole_chain else _ROOM
    return signer.sign_pdf(writer, bytes_reserved=room).getvalue()


def timestamp_pdf(content: bytes, *, timestamper: Stamps, field: str) -> bytes:
    """The PDF with a document timestamp (PAdES B-LTA) as a new revision."""
    stamper = PdfTimeStamper(_Asked(timestamper), field_name=field)
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    return stamper.timestamp_pdf(writer, "sha256", bytes_reserved=_ROOM_STAMPED).getvalue()


class _AtMoment(PdfSigner):
    """A signer with a clock of its own."""

    when: datetime

    def init_signing_session(self, *args: Any, **named: Any) -> PdfSigningSession:
        session = super().init_signing_session(*args, **named)
        session.system_time = self.when
        return session


class _Loaded(SimpleSigner):
    """Keeps the RSA key that is loaded already: loading one checks its primes, which takes 0.1 s each time."""

    loaded: PrivateKey

    def sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if isinstance(self.loaded, RSAPrivateKey):
            return self.loaded.sign(data, PKCS1v15(), get_pyca_cryptography_hash(digest_algorithm))
        return super().sign_raw(data, digest_algorithm)


class _Asked(TimeStamper):
    """A timestamp authority of ours in pyHanko's clothes."""

    def __init__(self, authority: Stamps) -> None:
        super().__init__()
        self.authority = authority

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self.authority(req.dump()))


class _Lines(PdfContent):
    """A few lines of Vietnamese text, drawn as hub/demo/pdf.py draws a page."""

    def __init__(self, lines: Sequence[str], colour: str) -> None:
        super().__init__(box=BoxConstraints(*_BLOCK))
        self.lines, self.colour = lines, colour

    def render(self) -> bytes:
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Courier"}
        differences = ArrayObject([NumberObject(1), NameObject("/dotlessi")])
        encoding = {NameObject("/Type"): NameObject("/Encoding"), NameObject("/Differences"): differences}
        encoding[NameObject("/BaseEncoding")] = NameObject("/WinAnsiEncoding")
        made = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
        made[NameObject("/Encoding")] = DictionaryObject(encoding)
        self.set_resource(ResourceType.FONT, NameObject("/F"), made)
        top = _BLOCK[1] / _SCALE
        drawn = [pdf.drawn_line(text, x=4, y=top - 18 * (number + 1)) for number, text in enumerate(self.lines)]
        head = f"{self.colour} rg {self.colour} RG {_SCALE} 0 0 {_SCALE} 0 0 cm\n"
        return (head + "\n".join(drawn)).encode("ascii")


def _style(look: Look, by: Identity, when: datetime) -> StaticStampStyle | None:
    if look is Look.UNSEEN:
        return None
    names = {attribute.rfc4514_attribute_name: str(attribute.value) for attribute in by.certificate.subject}
    time = when.astimezone(VIETNAM).strftime("%d.%m.%Y %H:%M:%S +07:00")
    lines = [
        f"Ký bởi: {names['CN']}",
        f"Thư điện tử: {names.get('1.2.840.113549.1.9.1', '')}",
        f"Cơ quan: {names.get('O', '')}",
        f"Thời gian ký: {time}",
    ]
    lines = [line[:_WIDEST] for line in lines if not line.endswith(": ")]
    colour = "0 0 0.8" if look is Look.PERSON else "0.8 0 0"
    return StaticStampStyle(border_width=1, background=_Lines(lines, colour), background_opacity=1.0)


def _box(look: Look) -> tuple[int, int, int, int] | None:
    if look is Look.UNSEEN:
        return None
    left, bottom = _PLACES[look.value]
    return (left, bottom, left + _BLOCK[0], bottom + _BLOCK[1])


def _signer(by: Identity, habits: Habits) -> SimpleSigner:
    kept = by.chain if habits.whole_chain else by.chain[:1]
    loaded = [x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in kept]
    store = SimpleCertificateStore()
    store.register_multiple(loaded)
    private = by.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = _Loaded(loaded[0], keys.PrivateKeyInfo.load(private), store, prefer_pss=False)
    signer.loaded = by.key
    return signer
