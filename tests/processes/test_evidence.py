"""EVIDENCE: what is due is fetched once, kept, and wakes the held; failures are seen and never spread."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from adapters.services.evidence_http import EvidenceHttp
from hub.domain.evidence import EvidenceKind, EvidencePiece, EvidenceWanted
from hub.errors import EvidenceUnavailable, StoreUnavailable
from hub.processes import evidence as process
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.revocation import issuer_key
from hub.store import evidence as store
from hub.store import tables
from hub.store.engine import Database
from hub.store.evidence import StoredBook
from tests.conformance.evidence_source import Server, gives, server  # noqa: F401
from tests.stations.conftest import at_once
from tests.store.test_evidence import add_consignment

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URL = "http://crl.ca.vn/root.crl"


def name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


@cache
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(subject: str, issuer: str, *, crl: str = "") -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key().public_key())
        .serial_number(7)
        .not_valid_before(NOW - 9 * DAY)
        .not_valid_after(NOW + 900 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(key(), hashes.SHA256())


def crl_of(ca: str, *, at: datetime = NOW, until: datetime = NOW + 8 * HOUR) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(name(ca)).last_update(at).next_update(until)
    return builder.sign(key(), hashes.SHA256()).public_bytes(Encoding.DER)


def answer_about(below: x509.Certificate, issuer: x509.Certificate) -> bytes:
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=below,
        issuer=issuer,
        algorithm=hashes.SHA1(),  # noqa: S303 - what responders use to name a certificate
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW,
        next_update=NOW + HOUR,
        revocation_time=None,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer).sign(key(), hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


@dataclass(slots=True)
class Answers:
    """An EvidenceSource that answers as a test says: bytes, an error, or what a function gives."""

    by_url: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    folder: list[tuple[str, bytes]] = field(default_factory=list)

    def may_ask(self, url: str) -> bool:
        return url in self.by_url

    def fetch(self, url: str, request: bytes = b"") -> bytes:
        self.asked.append((url, request))
        found = self.by_url.get(url, EvidenceUnavailable(f"nobody at {url}"))
        if isinstance(found, Exception):
            raise found
        return found() if callable(found) else found

    def mirrored(self):
        while self.folder:
            yield self.folder[0]
            self.folder.pop(0)


class HubWithEvidence:
    """What the process uses of a Hub, on a real database."""

    def __init__(self, database, *certificates: x509.Certificate, source: Any = None) -> None:
        self.database = database
        self.book = StoredBook(database)
        self.trust = Trust(government=TrustAnchors.of(certificates))
        self.evidence_source = source or Answers()
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def want(self, *urls: str, ca: str = "Root") -> None:
        wanted = [EvidenceWanted(EvidenceKind.CRL, issuer_key(name(ca)), url) for url in urls]
        with self.database.writing() as transaction:
            store.want(transaction, wanted, at=self.time)

    def sources(self) -> dict[str, store.Source]:
        with self.database.reading() as connection:
            return {one.url: one for one in store.sources(connection)}

    def about(self, ca: str = "Root") -> list[EvidencePiece]:
        return list(self.book.about(issuer_key(name(ca))))


@pytest.fixture
def hub(tmp_path, sqlite_template):
    """On SQLite; the tests that ask for `database` run on PostgreSQL too."""
    shutil.copy(sqlite_template, tmp_path / "hub.sqlite3")
    opened = Database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    yield HubWithEvidence(opened)
    opened.close()


def test_the_crl_of_a_trusted_ca_is_there_before_any_document(database):
    hub = HubWithEvidence(database, certificate("Root", "Root"), certificate("Sub", "Root", crl=URL))
    hub.evidence_source.by_url[URL] = crl = crl_of("Root")
    assert hub.about() == []
    process.tick(hub)
    assert [one.der for one in hub.about()] == [crl]
    source = hub.sources()[URL]
    assert (source.fetched_at, source.next_update, source.failures) == (NOW, NOW + 8 * HOUR, 0)
    assert source.next_fetch_at == NOW + 6 * HOUR
    process.tick(hub)
    assert len(hub.evidence_source.asked) == 1, "not before its time"
    hub.time = NOW + 6 * HOUR
    process.tick(hub)
    assert len(hub.evidence_source.asked) == 2


def test_an_ocsp_answer_is_kept_for_the_ca_that_was_asked_about(hub):
    root, leaf = certificate("Root", "Root"), certificate("Leaf", "Root")
    wanted = EvidenceWanted(EvidenceKind.OCSP, issuer_key(leaf), "http://ocsp.ca.vn", b"question")
    with hub.database.writing() as transaction:
        store.want(transaction, [wanted], at=NOW)
    hub.evidence_source.by_url["http://ocsp.ca.vn"] = answer_about(leaf, root)
    process.tick(hub)
    assert hub.evidence_source.asked == [("http://ocsp.ca.vn", b"question")]
    assert [one.kind for one in hub.about()] == [EvidenceKind.OCSP]


def test_new_evidence_wakes_the_held_and_old_evidence_does_not(database):
    hub = HubWithEvidence(database)
    add_consignment(hub.database, "held", next_attempt_at=NOW + HOUR)
    hub.want(URL)
    hub.evidence_source.by_url[URL] = crl_of("Root")
    process.tick(hub)
    assert next_attempt(hub) == NOW
    add_consignment(hub.database, "next", next_attempt_at=NOW + 9 * HOUR)
    hub.time = NOW + 6 * HOUR
    hub.evidence_source.by_url[URL] = hub.about()[0].der
    process.tick(hub)
    assert next_attempt(hub, "next") == NOW + 9 * HOUR


def next_attempt(hub, consignment: str = "held") -> datetime:
    rows = tables.consignments
    with hub.database.reading() as connection:
        return connection.execute(sa.select(rows.c.next_attempt_at).where(rows.c.id == consignment)).scalar_one()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (EvidenceUnavailable("HTTP 503"), "HTTP 503"),
        (b"<html>login please</html>", "no readable CRL"),
        (b"", "no readable CRL"),
        (crl_of("Somebody else"), "another CA"),
        (RuntimeError("a defect"), "unexpected: RuntimeError"),
    ],
    ids=["away", "html", "empty", "other CA", "defect"],
)
def test_what_went_wrong_is_seen_and_asked_again_later(hub, answer, words):
    hub.want(URL, "http://fine.ca.vn/")
    hub.evidence_source.by_url = {URL: answer, "http://fine.ca.vn/": crl_of("Root")}
    process.tick(hub)
    source = hub.sources()[URL]
    assert words in source.last_error
    assert (source.failures, source.next_fetch_at) == (1, NOW + MINUTE)
    assert len(hub.about()) == 1, "the other source is not harmed"


def test_a_crl_that_is_out_of_date_is_asked_for_again_soon(hub):
    hub.want(URL)
    hub.evidence_source.by_url[URL] = crl_of("Root", at=NOW - 9 * DAY, until=NOW - DAY)
    process.tick(hub)
    assert hub.sources()[URL].next_fetch_at == NOW + 10 * MINUTE


@pytest.mark.parametrize(
    ("lasts", "expected"), [(8 * HOUR, 6 * HOUR), (MINUTE, 10 * MINUTE), (90 * DAY, DAY), (None, 22.5 * MINUTE)]
)
def test_the_next_fetch_follows_from_the_piece(lasts, expected):
    piece = EvidencePiece(EvidenceKind.CRL, "k", "s", b"", NOW, NOW + lasts if lasts else None)
    assert process.next_fetch(piece, at=NOW) == NOW + expected


def test_at_most_four_are_asked_at_once(hub):
    running, most, lock = [0], [0], threading.Lock()

    def slowly() -> bytes:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1
        return crl_of("Root")

    urls = [f"http://crl.ca.vn/{number}" for number in range(10)]
    hub.want(*urls)
    hub.evidence_source.by_url = dict.fromkeys(urls, slowly)
    process.tick(hub)
    assert most[0] == process.AT_ONCE
    assert {one.failures for one in hub.sources().values()} == {0}


def test_a_slow_server_does_not_keep_the_process_from_ending(hub):
    hub.want(URL)
    kinds = []
    hub.evidence_source.by_url[URL] = lambda: kinds.append(threading.current_thread().daemon) or crl_of("Root")
    process.tick(hub)
    assert kinds == [True]


def test_two_processes_never_fetch_the_same(database):
    hub = HubWithEvidence(database)
    urls = [f"http://crl.ca.vn/{number}" for number in range(6)]
    hub.want(*urls)
    hub.evidence_source.by_url = dict.fromkeys(urls, crl_of("Root"))
    at_once(lambda: process.tick(hub), workers=3)
    assert sorted(url for url, _ in hub.evidence_source.asked) == urls


def test_what_a_crash_left_claimed_is_taken_up_again(hub, monkeypatch):
    hub.want(URL)
    hub.evidence_source.by_url[URL] = crl_of("Root")
    with monkeypatch.context() as broken:
        broken.setattr(process.evidence, "keep", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            process.tick(hub)
    process.tick(hub)
    assert len(hub.evidence_source.asked) == 1
    hub.time += process.CLAIMED_FOR
    process.tick(hub)
    assert len(hub.about()) == 1


def test_a_closed_network_reads_its_mirror(database, tmp_path):
    source = EvidenceHttp(hosts=[], host_map={}, mirror=tmp_path)
    hub = HubWithEvidence(database, certificate("Sub", "Root", crl="http://inside.ca.vn/root.crl"), source=source)
    (tmp_path / "root.crl").write_bytes(crl_of("Root"))
    (tmp_path / "other.crl").write_bytes(crl_of("Other"))
    (tmp_path / "broken.crl").write_bytes(b"no CRL")
    process.tick(hub)
    assert len(hub.about()) == len(hub.about("Other")) == 1
    assert hub.sources()["http://inside.ca.vn/root.crl"].failures == 0, "its file stands for the URL"
    (tmp_path / "other.crl").write_bytes(crl_of("Other", at=NOW + HOUR))
    process.tick(hub)
    assert [one.this_update for one in hub.about("Other")] == [NOW + HOUR, NOW]


def test_over_the_wire(database, server):  # noqa: F811
    server.answers["/root.crl"] = gives(crl_of("Root"))
    server.answers["/moved.crl"] = gives(b"", status=302, location=server.url("/root.crl"))
    source = EvidenceHttp(hosts=[f"127.0.0.1:{server.port}"], host_map={}, mirror=None)
    hub = HubWithEvidence(database, source=source)
    hub.want(server.url("/root.crl"), server.url("/moved.crl"), "http://169.254.169.254/latest")
    process.tick(hub)
    assert len(hub.about()) == 1
    assert "redirects are not followed" in hub.sources()[server.url("/moved.crl")].last_error
    assert "not allowed" in hub.sources()["http://169.254.169.254/latest"].last_error


def test_superseded_pieces_are_dropped(hub):
    hub.want(URL)
    for hours in (0, 6, 12):
        hub.time = NOW + hours * HOUR
        hub.evidence_source.by_url[URL] = crl_of("Root", at=hub.time, until=hub.time + 8 * HOUR)
        process.tick(hub)
    hub.time = NOW + 5 * DAY
    process.tidy(hub)
    hub.book.renew(issuer_key(name("Root")))
    assert [one.this_update for one in hub.about()] == [NOW + 12 * HOUR]


def test_the_thread_survives_trouble_and_stops_when_told(hub, monkeypatch):
    rounds, stop = [], threading.Event()

    def failing(_hub: object) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            stop.set()
        raise [StoreUnavailable("away"), RuntimeError("a defect"), EvidenceUnavailable("no folder")][len(rounds) - 1]

    monkeypatch.setattr(process, "tick", failing)
    monkeypatch.setattr(process, "AFTER_TROUBLE_SECONDS", 0.01)
    process.run(hub, stop)
    assert len(rounds) == 3
