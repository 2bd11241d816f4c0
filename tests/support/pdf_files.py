"""Signed PDF files for tests, and the ways in which attackers change them: new revisions, other bytes, another CMS.

Source: ISO 32000-2 §7.5 (file structure), §12.8 (signatures); RFC 5652.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from io import BytesIO
from typing import Any

from asn1crypto import cms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from hub.demo import tsa
from hub.demo.pki import DemoPki, Identity
from hub.demo.signing import USUAL, Habits, sign_pdf, timestamp_pdf
from hub.domain.evidence import EvidenceBook
from hub.domain.roles import RoleRule, read_role_rules
from hub.domain.signatures import PdfReport
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.pdf import PdfJudge

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
AGENCY, CODE = "Sở Tài chính tỉnh Lào Cai", "000.05.38.H38"
ROLES: tuple[RoleRule, ...] = read_role_rules(
    [
        {"role": "agency_seal", "name_is_organisation": True},
        {"role": "personal_signature", "has": ["organisation"]},
    ]
)
MIB = 1024 * 1024
#: The comment names a signed range, so that a child looks even at a file that has none.
HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 /ByteRange\n"


class World:
    """A PKI with one person, one seal and one timestamp authority, and files that they sign."""

    def __init__(self, name: str, moment: datetime) -> None:
        self.pki = DemoPki(moment=moment, name=name)
        self.person = self.pki.person("Nguyễn Thị Hoa", AGENCY)
        self.seal = self.pki.agency_seal(AGENCY, CODE)
        self.tsa = self.pki.timestamping()
        anchors = TrustAnchors.of([self.pki.root.certificate, self.pki.sub_ca.certificate])
        self.trust = Trust(government=anchors, timestamping=anchors)
        self.once = self.sign(plain(), self.person, "Person", at=moment)
        self.twice = self.sign(self.once, self.seal, "Seal", at=moment)

    def sign(
        self,
        content: bytes,
        by: Identity,
        field: str,
        *,
        at: datetime = NOW,
        stamped: bool = False,
        habits: Habits = USUAL,
    ) -> bytes:
        """One more signature; `stamped` with a timestamp of the same moment."""
        stamps = self.stamps(at) if stamped else None
        return sign_pdf(content, by=by, field=field, at=at, timestamper=stamps, habits=habits)

    def stamps(self, at: datetime = NOW, **flaws: Any) -> Callable[[bytes], bytes]:
        """The timestamp authority with its clock at a moment."""
        return partial(tsa.answer, identity=self.tsa, now=at, flaws=tsa.TokenFlaws(**flaws))

    def document_timestamp(self, content: bytes, *, at: datetime = NOW) -> bytes:
        """A document timestamp as a new revision."""
        return timestamp_pdf(content, timestamper=self.stamps(at), field="Timestamp")

    def judge(
        self,
        judge: PdfJudge,
        content: bytes,
        *,
        moment: datetime = NOW + timedelta(minutes=1),
        evidence: EvidenceBook | None = None,
        trust: Trust | None = None,
    ) -> PdfReport:
        """The report by this world's anchors and fresh CRLs."""
        return judge.judge(
            BytesIO(content),
            content_id="file",
            trust=trust or self.trust,
            evidence=evidence or self.pki.evidence(moment=moment),
            moment=moment,
            roles=ROLES,
        )


@cache
def world(name: str = "Truc thu nghiem", *, moment: datetime = NOW) -> World:
    """One world of each name for a test run: making its keys is what takes time."""
    return World(name, moment)


def codes(report: PdfReport, number: int = 0) -> set[str]:
    """The codes about the file (0) or about one signature."""
    found = report.findings if number == 0 else report.signatures[number - 1].findings
    return {finding.code for finding in found}


def plain(extra: Mapping[int, bytes] | None = None, *, unlisted: Sequence[bytes] = ()) -> bytes:
    """One page; `extra` adds or replaces objects, `unlisted` bytes stand in the body and no table points to them."""
    fonts = b"/Resources << /Font << /F 4 0 R >> >>"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R %s >>" % fonts,
        4: b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
        5: text("Cong van so 1: chuyen 10 dong"),
    }
    out = bytearray(HEADER)
    places = {}
    for number, content in (objects | dict(extra or {})).items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    out += b"".join(unlisted)
    return bytes(out) + _table(places, len(out), b"/Root 1 0 R /Size %d" % (max(places) + 1), free=(0,))


def with_field(value: bytes) -> bytes:
    """One page with one signature field; `value` is its signature dictionary."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [7 0 R] >>"
    form = {
        1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] /SigFlags 3 >> >>",
        3: page,
        7: b"<< /FT /Sig /T (Sig) /V 8 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] /P 3 0 R >>",
        8: value,
    }
    return plain(form)


def text(words: str) -> bytes:
    """A content stream that shows some words."""
    return stream(f"BT /F 12 Tf 72 700 Td ({words}) Tj ET".encode("ascii"))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object with its true length."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def update(
    content: bytes,
    objects: Mapping[int, bytes] | None = None,
    *,
    places: Mapping[int, int] | None = None,
    root: int | None = None,
    entries: bytes = b"",
) -> bytes:
    """A new revision: objects anew, or entries that point to places in the file; `root` names another catalogue."""
    out = bytearray(content if content.endswith(b"\n") else content + b"\n")
    found = dict(places or {})
    for number, body in (objects or {}).items():
        found[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = int(re.findall(rb"startxref\s+(\d+)", content)[-1])
    size = max(*map(int, re.findall(rb"/Size (\d+)", content)), *(number + 1 for number in found), 1)
    kept = root or int(re.findall(rb"/Root (\d+)", content)[-1])
    trailer = b"/Root %d 0 R /Size %d /Prev %d %s" % (kept, size, start, entries)
    return bytes(out) + _table(found, len(out), trailer)


#: What an attacker wants the page to say.
SWAPPED = text("Cong van so 1: chuyen 99 dong")


def place_of(content: bytes, number: int) -> int:
    """Where the last object of this number begins."""
    return [match.start(1) for match in re.finditer(rb"[\r\n](%d) 0 obj" % number, content)][-1]


def object_of(content: bytes, number: int) -> bytes:
    """The last object of this number, as it is written."""
    start = content.index(b"obj", place_of(content, number)) + 3
    return content[start : content.index(b"endobj", start)].strip()


def edit_cms(content: bytes, edit: Callable[[cms.SignedData], None], *, by: Identity | None = None) -> bytes:
    """Changes the CMS of the last signature in its room; `by` signs the changed attributes anew."""
    found = list(re.finditer(rb"/Contents <([0-9a-fA-F]+)>", content))[-1]
    info = cms.ContentInfo.load(bytes.fromhex(found[1].decode("ascii")))
    edit(info["content"])
    if by is not None:
        signer = info["content"]["signer_infos"][0]
        told = signer["signed_attrs"].untag().dump(force=True)
        signer["signature"] = by.key.sign(told, PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr,call-arg]
    changed = info.dump(force=True).hex().encode("ascii").ljust(len(found[1]), b"0")
    assert len(changed) == len(found[1])
    return content[: found.start(1)] + changed + content[found.end(1) :]


def range_of(content: bytes) -> list[int]:
    """The ByteRange of the last signature."""
    return [int(one) for one in re.findall(rb"/ByteRange \[([\d ]+)\]", content)[-1].split()]


def with_range(content: bytes, change: Callable[[list[int]], list[int]]) -> bytes:
    """The last ByteRange anew, in the room that it has."""
    found = list(re.finditer(rb"/ByteRange \[([\d ]+)\]( *)", content))[-1]
    room = found.end() - found.start()
    anew = b"/ByteRange [%s]" % b" ".join(b"%d" % one for one in change(range_of(content)))
    assert len(anew) <= room
    return content[: found.start()] + anew.ljust(room) + content[found.end() :]


def field_number(content: bytes) -> int:
    """The number of the last signature field."""
    return int(re.findall(rb"(\d+) 0 obj", content[: content.rindex(b"/FT /Sig")])[-1])


def signature_value(content: bytes) -> bytes:
    """The last signature dictionary."""
    return object_of(content, int(re.findall(rb"(\d+) 0 obj", content[: content.rindex(b"/ByteRange")])[-1]))


def with_text_field(words: bytes) -> bytes:
    """A page with a text field that shows some words."""
    field = (
        b"<< /FT /Tx /T (Sum) /V (%s) /DA (/F 12 Tf) /Type /Annot /Subtype /Widget /Rect [72 600 300 620] >>" % words
    )
    form = b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [9 0 R] >> >>"
    page = object_of(plain(), 3).replace(b"/Contents", b"/Annots [9 0 R] /Contents")
    return plain({1: form, 3: page, 9: field})


def second_document() -> dict[int, bytes]:
    """Another catalogue with its own page, to which nothing leads."""
    page = object_of(plain(), 3).replace(b"2 0 R", b"21 0 R").replace(b"5 0 R", b"23 0 R")
    pages = b"<< /Type /Pages /Kids [22 0 R] /Count 1 >>"
    return {20: b"<< /Type /Catalog /Pages 21 0 R >>", 21: pages, 22: page, 23: SWAPPED}


def with_packed_catalogue(packed: bytes) -> bytes:
    """A file whose catalogue lies in an object stream."""
    out = HEADER + b"9 0 obj\n" + packed + b"\nendobj\n"
    place = len(out)
    rows = b"\2" + (9).to_bytes(4) + b"\0" + b"\1" + (9).to_bytes(4) + b"\0" + b"\1" + place.to_bytes(4) + b"\0"
    entries = b"/Type /XRef /Size 11 /W [1 4 1] /Index [1 1 9 2] /Root 1 0 R"
    return out + b"10 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(rows, entries), place)


def _table(places: Mapping[int, int], start: int, trailer: bytes, *, free: Sequence[int] = ()) -> bytes:
    rows = [b"xref\n", *(b"%d 1\n0000000000 65535 f \n" % one for one in free)]
    rows += [b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in sorted(places.items())]
    return b"".join(rows) + b"trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)
