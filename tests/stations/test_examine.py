"""Looking into the attachments: unwrapped where the SDK wrapped them, scanned once, the spools rewound."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from asn1crypto import crl, x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.validation.dss import DocumentSecurityStore

from hub.demo.pki import SOUND, _name
from hub.demo.signing import sign_pdf
from hub.domain.agencies import Agency
from hub.domain.evidence import EvidenceKind, EvidenceWanted
from hub.domain.signatures import Judgement
from hub.errors import PayloadsUnavailable, ScannerUnavailable
from hub.ports import ScanResult
from hub.stations import examine
from hub.store import agencies, evidence
from tests.support import envelopes as raw
from tests.support.scenes import PDF, document, genuine, genuine_document, pki, signed


class Scanner:
    """Counts the files it is shown; `away` from the first on."""

    def __init__(self, *, away: bool = False) -> None:
        self.away, self.seen = away, []

    def scan(self, file):
        self.seen.append(file.read())
        if self.away:
            raise ScannerUnavailable("nobody there")
        return ScanResult(threat="Eicar" if b"virus" in self.seen[-1] else "")


@pytest.fixture
def look(postgres_scene):
    """A function: what is seen in the attachments of an envelope."""

    def one(body: bytes, *, scanner: Scanner | None = None) -> examine.Examined:
        reading = raw.read(body)
        hub = replace(postgres_scene.hub, scanner=scanner)
        seen = examine.run(reading, hub, moment=hub.now(), rules=hub.rules_on(hub.now()))
        assert {spool.tell() for spool in reading.spools.values()} <= {0}
        for spool in reading.spools.values():
            spool.close()
        return seen

    return one


def wrapped(content: bytes) -> bytes:
    return raw.document(attachments=raw.attachment(raw.base64_text(raw.sdk_zip(content))))


def two(first: bytes, second: bytes) -> bytes:
    texts = [raw.attachment(raw.base64_text(one), f"cid:{n}", f"{n}.pdf") for n, one in ((1, first), (2, second))]
    return raw.document(references=raw.reference("cid:1") + raw.reference("cid:2"), attachments="".join(texts))


def test_the_signatures_of_a_page_are_judged(look):
    seen = look(genuine_document(1))
    assert [one.judgement for one in seen.pdfs["209"].signatures] == [Judgement.VALID] * 2


def test_a_page_in_the_sdks_zip_is_judged_as_if_it_were_bare(look):
    seen = look(wrapped(genuine("G22")))
    assert seen.files["1"].media_type == "application/pdf"
    assert [one.judgement for one in seen.pdfs["1"].signatures] == [Judgement.VALID] * 2


def test_a_broken_zip_has_no_signatures(look):
    whole = raw.sdk_zip(genuine("G22"))
    broken = whole[:200] + bytes(40) + whole[240:]
    seen = look(raw.document(attachments=raw.attachment(raw.base64_text(broken))))
    assert all(report.signatures == () for report in seen.pdfs.values())


class Full(io.BytesIO):
    """A place on a disk that has no room left."""

    def write(self, content, /):
        raise OSError(28, "No space left on device")

    writelines = write


def test_no_room_to_unwrap_a_file_is_not_now(look, monkeypatch):
    """A full disk: the sender is told to come again (503), and nothing is decided about the document."""
    monkeypatch.setattr(examine, "spools_of", lambda _hub: Full)
    with pytest.raises(PayloadsUnavailable, match="No space left"):
        look(wrapped(genuine("G22")))


def test_what_is_no_pdf_has_no_report(look):
    seen = look(raw.document(attachments=raw.attachment(raw.base64_text(b"plain words, nothing else"))))
    assert (dict(seen.pdfs), set(seen.files)) == ({}, {"1"})


def test_every_file_is_scanned_as_it_is_kept(look):
    scanner = Scanner()
    seen = look(two(PDF, b"a virus"), scanner=scanner)
    assert scanner.seen == [PDF, b"a virus"]
    assert [seen.files[one].scan.threat for one in ("1", "2")] == ["", "Eicar"]


def test_a_scanner_that_is_away_is_asked_once(look):
    scanner = Scanner(away=True)
    seen = look(two(PDF, PDF), scanner=scanner)
    assert len(scanner.seen) == 1
    assert [seen.files[one].scan_failed for one in ("1", "2")] == [True, True]


def test_only_what_may_be_asked_for_is_waited_for(postgres_scene):
    there = EvidenceWanted(EvidenceKind.CRL, "0" * 64, "http://crl.demo.invalid/a.crl")
    elsewhere = replace(there, url="http://169.254.169.254/a.crl")
    assert examine.askable((there, elsewhere), postgres_scene.hub) == (there,)


def test_an_envelope_without_files_has_nothing_to_look_at(look):
    seen = look(signed(document(1, attachments=(), manifest=())))
    assert (dict(seen.files), dict(seen.pdfs)) == ({}, {})


def test_what_the_file_carries_as_evidence_is_enough_and_stays_in_the_file(scene):
    """Its CA's list is nowhere but in the file: the verdict rests on it, and no row of the cache is missing."""
    authority = pki().authority("CA chỉ có trong tệp")
    own = pki().agency_seal("Con dấu G22", "G22", issuer=authority)
    page = sign_pdf(sign_pdf(genuine("G22"), by=own, field="CoQuan2"), by=own, field="CoQuan3")
    kept = io.BytesIO(page)
    lists = [crl.CertificateList.load(one) for one in (pki().crl(authority), *pki().crls())]
    chain = [x509.Certificate.load(authority.certificate.public_bytes(Encoding.DER))]
    DocumentSecurityStore.add_dss(kept, sig_contents=None, certs=chain, crls=lists)
    body = kept.getvalue()
    answer = scene.post(signed(document(1, pdf=body), pdf=body))
    states = [one["judgement"] for one in answer.consignment.files[0]["signatures"]]
    assert (answer.consignment.state, states) == ("accepted", ["valid"] * 4)
    relied_on = answer.consignment.files[0]["signatures"][2]["evidence"]
    with scene.database.reading() as connection:
        cached = {piece.sha256 for piece in evidence.of_consignment(connection, answer.consignment.id)}
    assert relied_on
    assert not set(relied_on) <= cached


@pytest.mark.parametrize(("namesakes", "owner"), [(0, "G22"), (1, None)])
def test_a_name_that_two_agencies_have_tells_nothing(scene, namesakes, owner):
    """P6: a seal without an agency code is known by its name only where one agency has that name."""
    nameless = pki().issue(_name(common_name="VAN PHONG THU NGHIEM", organisation="VAN PHONG THU NGHIEM"),
                           issuer=pki().sub_ca, flaws=SOUND)  # fmt: skip
    with scene.database.writing() as transaction:
        for number in range(namesakes):
            other = Agency(f"H4{number}", scene.agency("G22").name)
            agencies.keep(transaction, other, now=scene.hub.now())
    page = sign_pdf(genuine("G22"), by=nameless, field="CoQuan2")
    answer = scene.post(signed(document(1, pdf=page), pdf=page))
    third = answer.consignment.files[0]["signatures"][2]
    assert (third["role"], third["owner"]) == ("agency_seal", owner)
