"""A small country on a hub of its own: agencies, seals, envelopes, a clock that can be moved.

Owns: the cast, posting as the API does, running the stations from the outbox in the test's own thread.
Never: a second way through the stations; broker and processes are the journeys' business.
"""

from __future__ import annotations

import atexit
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hub import checks, wiring
from hub.demo.pdf import page as pdf_page
from hub.demo.pki import DemoPki, Identity
from hub.demo.signing import sign_pdf
from hub.domain.agencies import Agency, AgencyStatus
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
    ResponseFor,
    Signer,
    StatusReport,
)
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.edxml import writer
from hub.processes import STATIONS
from hub.settings import load
from hub.signatures import signing
from hub.signatures.keyinfo import described
from hub.signatures.pdf import PdfJudge
from hub.signatures.revocation import read_crl
from hub.stations import Hub, receive, record, tally, verify
from hub.store import (
    agencies,
    consignments,
    deliveries,
    directory,
    events,
    evidence,
    outbox,
    policies,
    receipts,
    schema,
)
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Database
from hub.store.report_tables import EVERYBODY, cells, tallies
from tests.support.missing_evidence import NoEvidence

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\n%%EOF\n"
DAY = date(2026, 3, 2)
CAST = (
    Agency("G22", "Văn phòng Thử nghiệm"),
    Agency("H41", "Ủy ban nhân dân tỉnh Mẫu"),
    Agency("H41.1.2", "Sở Mẫu", parent="H41"),
    Agency("H14", "Ủy ban nhân dân tỉnh Khác"),
    Agency("H99", "Đơn vị đã sáp nhập", status=AgencyStatus.CLOSED, successor="H14"),
    Agency("H98", "Đơn vị đã giải thể", status=AgencyStatus.CLOSED),
    Agency("G30", "Bộ Cha", speaks_for_descendants=True),
    Agency("G30.1", "Cục Con", parent="G30"),
    Agency("G77", "Bộ Nghiêm"),
    Agency("G66", "Bộ Tạm dừng", status=AgencyStatus.SUSPENDED),
)


@cache
def pki() -> DemoPki:
    """One authority for the whole test process: making RSA keys is slow."""
    return DemoPki()


@cache
def seal(code: str) -> Identity:
    """The agency's seal, issued by `pki`."""
    return pki().agency_seal(f"Con dấu {code}", code)


@cache
def genuine(code: str) -> bytes:
    """A page that a person of the agency has signed and the agency has sealed."""
    page = pdf_page("Công văn thử nghiệm", ("Nội dung thử nghiệm.",), made_at=pki().moment)
    by_person = sign_pdf(page, by=pki().person("Lê Thị Mẫu", f"Đơn vị {code}"), field="NguoiKy")
    return sign_pdf(by_person, by=seal(code), field="CoQuan")


@cache
def pdf_judge() -> PdfJudge:
    """One for the whole test process, as in a hub's: its children take a second to start."""
    made = load({})
    judge = SharedJudge(children=made.pdf_children, memory_bytes=made.pdf_memory_bytes, seconds=made.pdf_seconds)
    atexit.register(judge.end)
    return judge


class SharedJudge(PdfJudge):
    """A judge that outlives the hubs of the tests which use it."""

    def close(self) -> None:
        """A hub that ends leaves it open for the next."""

    def end(self) -> None:
        super().close()


@dataclass(slots=True)
class Clock:
    """The time of the machine, moved forward by a test."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Scene:
    """A hub with the cast in its directory; every method works as the hub's own edges do."""

    def __init__(self, folder: Path, *, database_url: str = "", **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        trusting(folder / "trust")
        overrides = {"data_dir": str(folder), "trust_dir": str(folder / "trust"), "database_url": database_url}
        self.folder = folder
        self.clock = Clock()
        configured = load({}, overrides=overrides | settings)
        wiring.make_hub_key(configured)
        hub = wiring.open_hub(configured)
        self._own_judge = any(name.startswith("pdf_") for name in settings)
        self.hub: Hub = replace(hub, now=self.clock, pdfs=hub.pdfs if self._own_judge else pdf_judge())
        with self.database.reading() as connection:
            empty = not directory.page(connection, after="", limit=1)
        if empty:
            people(self.database)

    @property
    def database(self) -> Database:
        return self.hub.database

    def close(self) -> None:
        if self._own_judge:
            self.hub.pdfs.close()
        self.hub.database.close()

    def agency(self, code: str) -> Agency:
        with self.database.reading() as connection:
            return agencies.require(connection, code)

    def arrival(self, body: bytes, *, caller: str = "G22", key: str = "") -> receive.Arrival:
        return receive.Arrival(io.BytesIO(body), self.agency(caller), self.hub.now(), "t" * 32, len(body), key)

    def post(self, body: bytes, *, caller: str = "G22", key: str = "") -> record.Answer:
        """Send as the API does."""
        return post(self.hub, self.arrival(body, caller=caller, key=key))

    def drain(self, *, only: Sequence[str] = tuple(STATIONS)) -> int:
        """Run what the outbox owes (to the named stations) until nothing is left; returns how many wakes.

        The tally has no wakes of its own but the clock's: it runs at the end.
        """
        done, after = 0, 0
        while rows := self.owed(after=after):
            after = rows[-1].number
            mine = [row for row in rows if row.station in only]
            for row in mine:
                STATIONS[row.station](row.work_id, self.hub)
            if mine:
                with self.database.writing() as transaction:
                    outbox.forget(transaction, [row.number for row in mine])
            done += len(mine)
        if "tally" in only:
            tally.run("backlog", self.hub)
        return done

    def owed(self, *, after: int = 0) -> Sequence[Any]:
        with self.database.reading() as connection:
            return outbox.owed(connection, after=after, limit=500)

    def consignment(self, consignment_id: str) -> Consignment:
        with self.database.reading() as connection:
            found = consignments.get(connection, consignment_id)
        assert found is not None
        return found

    def deliveries(self, consignment_id: str) -> dict[str, Delivery]:
        with self.database.reading() as connection:
            return {d.recipient_key: d for d in deliveries.of_consignment(connection, consignment_id)}

    def delivery(self, delivery_id: str) -> Delivery:
        with self.database.reading() as connection:
            found = deliveries.get(connection, delivery_id)
        assert found is not None
        return found

    def inbox(self, code: str, *, after: int = 0, limit: int = 500) -> list[Delivery]:
        with self.database.reading() as connection:
            return [entry for entry, _ in deliveries.inbox(connection, code, after=after, limit=limit)]

    def receipts(self, consignment_id: str) -> list[str]:
        with self.database.reading() as connection:
            return [receipt.event for receipt in receipts.of_consignment(connection, consignment_id)]

    def timeline(self, consignment_id: str) -> list[str]:
        with self.database.reading() as connection:
            return [event.kind for event in events.timeline(connection, consignment_id)]

    def counts(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(agency, direction) → documents, paper-free, with paper, over all days."""
        found: dict[tuple[str, str], tuple[int, int, int]] = {}
        with self.database.reading() as connection:
            rows = connection.execute(
                sa.select(tallies, cells.c.paper)
                .join(cells, cells.c.id == tallies.c.cell)
                .where(tallies.c.grain == "day", tallies.c.agency_key != EVERYBODY)
            ).all()
        for row in rows:
            counts = row.documents if row.direction == "sent" else row.taken
            old = found.get((row.agency_key, row.direction), (0, 0, 0))
            new = (counts, counts * (row.paper == "paper_free"), counts * (row.paper == "with_paper"))
            found[row.agency_key, row.direction] = tuple(a + b for a, b in zip(old, new, strict=True))
        return {key: sums for key, sums in found.items() if any(sums)}

    def accepted(
        self, number: int = 1, *, to: Sequence[str] = ("H41", "H14"), page: bytes = PDF, **facts: Any
    ) -> Consignment:
        """A document in a signed envelope, sent and accepted; it replaces paper when its page is `genuine`."""
        answer = self.post(signed(document(number, to=to, pdf=page, **facts), pdf=page))
        assert answer.consignment.state == "accepted", answer.consignment.findings
        return answer.consignment

    def placed(
        self, number: int = 1, *, to: Sequence[str] = ("H41", "H14"), page: bytes = PDF
    ) -> tuple[Consignment, dict[str, Delivery]]:
        """A document that lies in its recipients' inboxes."""
        consignment = self.accepted(number, to=to, page=page)
        self.drain()
        return self.consignment(consignment.id), self.deliveries(consignment.id)

    def held(self, monkeypatch: Any) -> tuple[Consignment, Callable[[], None]]:
        """A held document, and how its evidence comes."""
        missing = NoEvidence()
        monkeypatch.setattr("hub.checks.ORDER", (*checks.ORDER, missing))
        answer = self.post(genuine_document(1))
        assert answer.consignment.state == "held"
        return answer.consignment, missing.arrive


def post(hub: Hub, arrival: receive.Arrival) -> record.Answer:
    """RECEIVE, VERIFY, RECORD in the order of the API."""
    received = receive.run(arrival, hub)
    try:
        if received.known is not None:
            return record.replayed(received, hub)
        judged = verify.run(
            received.reading,
            hub,
            caller=arrival.caller,
            moment=arrival.received_at,
            open_body=received.draft.reopen,
        )
        return record.run(received, judged, hub)
    finally:
        received.release()


def trusting(folder: Path) -> Path:
    """A trust folder with the roots of `pki`."""
    (folder / "government").mkdir(parents=True, exist_ok=True)
    (folder / "government" / "roots.pem").write_bytes(pki().anchors_pem())
    return folder


def people(database: Database) -> None:
    """The cast with their aliases, seals and demands; the lists of revoked certificates of their CAs."""
    now = datetime.now(UTC)
    with database.writing() as transaction:
        for agency in CAST:
            agencies.keep(transaction, agency, now=now)
            if "." not in agency.code:
                agencies.keep_aliases(transaction, agency, [f"000.00.00.{agency.code}"])
        for code in ("G22", "H41", "H41.1.2", "H14", "G77", "G30", "G30.1"):
            held = described(seal(code).certificate)
            certificate = agencies.AgencyCertificate(held.sha256, held.subject, held.not_after, held.pem, None)
            agencies.keep_certificate(transaction, Agency(code, ""), certificate, now=now)
        strict = PolicyRow(Demand.ENVELOPE_SIGNATURE, Level.REQUIRE)
        policies.keep(transaction, "G77", strict, now=now)
        for crl in pki().crls():
            evidence.keep(transaction, read_crl(crl), source="test", at=now)


def document(
    number: int = 1,
    *,
    sender: str = "G22",
    to: Sequence[str] = ("H41", "H14"),
    pdf: bytes = PDF,
    paper: Paper | None = Paper.PAPER_FREE,
    business_type: BusinessType = BusinessType.NEW,
    **facts: Any,
) -> Envelope:
    """A new document with one PDF; `facts` replace any field of the envelope."""
    attachment = Attachment(
        content_id="209",
        name="cong-van.pdf",
        declared_type="application/pdf",
        description="",
        offset_bytes=0,
        length_bytes=0,
        size_bytes=len(pdf),
        sha256=hashlib.sha256(pdf).hexdigest(),
        media_type="application/pdf",
    )
    envelope = Envelope(
        kind=Kind.DOCUMENT,
        dialect="",
        sender=Party(sender, f"Đơn vị {sender}"),
        addressees=tuple(Party(code, f"Đơn vị {code}") for code in to),
        document_id=f"{sender},2026/03/02,{number}/CV",
        code_number=str(number),
        code_notation="CV",
        issued_at_place="Hà Nội",
        issued_on=DAY,
        document_type="18",
        document_type_name="Công văn",
        subject="V/v thử nghiệm",
        signer=Signer("TL. BỘ TRƯỞNG", "Vụ trưởng", "Lê Thị Mẫu"),
        business=Business(business_type=business_type, paper=paper),
        trace=(Hop(sender, datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),),
        manifest=(ManifestEntry("209", "application/pdf", "cong-van.pdf"),),
        attachments=(attachment,),
    )
    return replace(envelope, **facts)


def genuine_document(number: int = 1, *, sender: str = "G22", **facts: Any) -> bytes:
    """The message of a document whose page is signed and sealed, in a signed envelope."""
    page = genuine(sender)
    return signed(document(number, sender=sender, pdf=page, **facts), pdf=page)


def status_of(
    consignment: Consignment, code: str, *, said_by: str, at: datetime | None = None, to: str = ""
) -> Envelope:
    """An edXML status message about a document; sent to its sender unless `to` says otherwise."""
    answered = ResponseFor(to or consignment.sender_key, consignment.notation, DAY, consignment.document_id)
    report = StatusReport(answered, code, "đã ghi nhận", at or datetime(2026, 3, 3, 1, 0, tzinfo=UTC))
    return Envelope(kind=Kind.STATUS, dialect="", sender=Party(said_by, f"Đơn vị {said_by}"), status=report)


def signed(envelope: Envelope, *, by: str = "", pdf: bytes = PDF) -> bytes:
    """The message with the seal of `by` (default: its sender)."""
    root = writer.build(envelope, envelope_id="envelope")
    identity = seal(by or envelope.sender.organ_id)
    digests = {a.content_id: a.sha256 for a in envelope.attachments}
    signing.sign(root, key=identity.key, certificates=identity.chain, digests=digests)
    return _written(root, envelope, pdf)


def unsigned(envelope: Envelope, *, pdf: bytes = PDF) -> bytes:
    """The message without a signature."""
    return _written(writer.build(envelope), envelope, pdf)


def secret(envelope: Envelope, level: str) -> bytes:
    """The message with a marking where SOAP-era products put it; our writer never writes one."""
    marked = f"<edXML:Secret>{level}</edXML:Secret></edXML:OtherInfo>".encode()
    return unsigned(envelope).replace(b"</edXML:OtherInfo>", marked)


def _written(root: Any, envelope: Envelope, pdf: bytes) -> bytes:
    out = io.BytesIO()
    payloads: Mapping[str, io.BytesIO] = {a.content_id: io.BytesIO(pdf) for a in envelope.attachments}
    writer.write(root, payloads, out)
    return out.getvalue()


def prepared(url: str) -> None:
    """Migrate the database and put the cast into it; the templates of tests are made by this."""
    database = Database(url)
    schema.upgrade(database)
    people(database)
    database.close()
