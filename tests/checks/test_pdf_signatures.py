"""What the signatures in PDF files weigh: by what is demanded, by what is wrong, by whose seal it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from hub.checks import pdf_signatures
from hub.checks.candidate import Candidate, Owner
from hub.domain.agencies import Agency
from hub.domain.evidence import EvidenceKind, EvidenceWanted
from hub.domain.findings import Finding, Severity, Verdict, verdict_of
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.domain.signatures import Judgement, PdfReport, PdfSignature, Role
from tests.support.reports import certificate, person, report, sealed
from tests.support.scenes import document, signed, status_of

LEVELS = (Level.REQUIRE, Level.WARN, Level.IGNORE)


def weights(*severities: str) -> list[tuple[Level, str]]:
    """Each level with what a fault weighs there."""
    return list(zip(LEVELS, severities, strict=True))


OWN = Owner(Agency("G22", "Văn phòng Thử nghiệm"), is_sender=True)
OTHER = Owner(Agency("H14", "Ủy ban nhân dân tỉnh Khác"), is_sender=False)
WANTED = EvidenceWanted(EvidenceKind.CRL, "0" * 64, "http://crl.example/ca.crl")


@pytest.fixture
def candidate(judge) -> Candidate:
    return judge(signed(document(1))).candidate


def with_pdf(candidate: Candidate, seen: PdfReport, *, level: Level, owner: Owner | None = OWN) -> Candidate:
    rows = tuple(PolicyRow(demand, level) for demand in Demand)
    owners = {certificate("seal").sha256: owner} if owner else {}
    return replace(candidate, pdfs={"209": seen}, owners=owners, policy=rows)


def found(candidate: Candidate, *signatures: PdfSignature, level: Level, **more: Any) -> dict[str, str]:
    owner = more.pop("owner", OWN)
    seen = with_pdf(candidate, report(*signatures, **more), level=level, owner=owner)
    return {f.code: f.severity.value for f in pdf_signatures.judge(seen)}


@pytest.mark.parametrize("level", LEVELS)
def test_signed_and_sealed_passes_at_every_level(candidate, level):
    assert found(candidate, person(), sealed(), level=level) == {}


@pytest.mark.parametrize(("level", "severity"), weights("error", "warning", "note"))
def test_what_is_not_there_is_refused_told_or_noted(candidate, level, severity):
    assert found(candidate, level=level) == {"pdf.not_signed_by_a_person": severity, "pdf.not_sealed": severity}
    assert found(candidate, person(), level=level) == {"pdf.not_sealed": severity}
    assert found(candidate, sealed(), level=level) == {"pdf.not_signed_by_a_person": severity}


@pytest.mark.parametrize(("level", "severity"), weights("error", "error", "note"))
@pytest.mark.parametrize("which", [person, sealed])
def test_what_is_broken_is_never_let_through_but_by_ignore(candidate, level, severity, which):
    broken = Finding("signature", "pdf.digest_differs", Severity.ERROR)
    spoiled = which(judgement=Judgement.INVALID, sub_indication="HASH_FAILURE", findings=(broken,))
    other = sealed() if which is person else person()
    assert found(candidate, spoiled, other, level=level) == {"pdf.digest_differs": severity}


@pytest.mark.parametrize(("level", "severity"), weights("error", "error", "note"))
def test_another_agencys_seal_is_as_bad_as_a_broken_one(candidate, level, severity):
    """P6: the signer is not the sending agency."""
    seen = found(candidate, person(), sealed(), level=level, owner=OTHER)
    assert seen == {"pdf.seal_of_another_agency": severity}


@pytest.mark.parametrize(("level", "severity"), weights("error", "warning", "note"))
def test_a_seal_that_nobody_knows_is_doubtful(candidate, level, severity):
    assert found(candidate, person(), sealed(), level=level, owner=None) == {"pdf.seal_of_nobody_known": severity}


class TestEvidence:
    missing = Finding("signature", "certificate.revocation_unknown", Severity.TRY_LATER)

    def unsure(self) -> PdfSignature:
        return sealed(judgement=Judgement.UNDETERMINED, sub_indication="TRY_LATER", findings=(self.missing,))

    @pytest.mark.parametrize(("level", "severity"), weights("try_later", "try_later", "note"))
    def test_what_may_come_is_waited_for(self, candidate, level, severity):
        seen = found(candidate, person(), self.unsure(), level=level, wanted=(WANTED,))
        assert seen == {"certificate.revocation_unknown": severity}

    @pytest.mark.parametrize(("level", "severity"), weights("error", "warning", "note"))
    def test_what_nobody_can_be_asked_for_is_not(self, candidate, level, severity):
        seen = found(candidate, person(), self.unsure(), level=level)
        assert seen == {"certificate.revocation_unknown": severity}

    def test_a_held_one_is_held(self, candidate):
        seen = with_pdf(candidate, report(person(), self.unsure(), wanted=(WANTED,)), level=Level.REQUIRE)
        assert verdict_of(pdf_signatures.judge(seen)) is Verdict.HELD


def test_a_role_that_is_not_known_is_weighed_by_the_stricter_demand(candidate):
    broken = Finding("signature", "pdf.digest_differs", Severity.ERROR)
    unknown = person(role=Role.UNKNOWN, judgement=Judgement.INVALID, findings=(broken,))
    rows = (PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE), PolicyRow(Demand.PERSONAL_SIGNATURE, Level.REQUIRE))
    seen = replace(candidate, pdfs={"209": report(unknown)}, policy=rows)
    assert {f.severity for f in pdf_signatures.judge(seen) if f.code == "pdf.digest_differs"} == {Severity.ERROR}


def test_only_the_document_itself_must_be_signed_by_a_person(candidate):
    envelope = candidate.reading.envelope
    first = envelope.attachments[0]
    two = replace(envelope, attachments=(first, replace(first, content_id="210")))
    both = {"209": report(person(), sealed()), "210": report(content_id="210")}
    seen = with_pdf(candidate, report(), level=Level.REQUIRE)
    seen = replace(seen, pdfs=both, reading=replace(candidate.reading, envelope=two))
    assert [f.code for f in pdf_signatures.judge(seen)] == []


def test_a_demand_for_one_type_of_document_holds_for_that_type_until_its_day(candidate):
    row = PolicyRow(Demand.AGENCY_SEAL, Level.REQUIRE, "công văn", date(2100, 1, 1))
    seen = replace(candidate, pdfs={"209": report(person())}, policy=(row,))
    assert {f.code: f.severity.value for f in pdf_signatures.judge(seen)} == {"pdf.not_sealed": "error"}
    past = replace(seen, policy=(replace(row, until=date(2020, 1, 1)),))
    assert {f.code: f.severity.value for f in pdf_signatures.judge(past)} == {"pdf.not_sealed": "warning"}


def test_a_file_that_cannot_be_read_is_not_signed(candidate):
    """Else a broken PDF would pass where a signature is demanded."""
    unreadable = Finding("signature", "pdf.unreadable", Severity.WARNING)
    seen = found(candidate, level=Level.REQUIRE, findings=(unreadable,))
    absent = {"pdf.not_signed_by_a_person": "error", "pdf.not_sealed": "error"}
    assert seen == {"pdf.unreadable": "warning"} | absent


@pytest.mark.parametrize(("level", "severity"), weights("try_later", "try_later", "note"))
def test_a_file_that_could_not_be_judged_now_is_judged_later(candidate, level, severity):
    trouble = Finding("signature", "pdf.too_expensive", Severity.TRY_LATER)
    assert found(candidate, level=level, findings=(trouble,)) == {"pdf.too_expensive": severity}


def test_a_status_has_no_page(judge, desk):
    consignment = desk.accepted(77)
    desk.drain()
    said = judge(signed(status_of(consignment, "03", said_by="H41"), by="H41"), caller="H41")
    assert list(pdf_signatures.judge(said.candidate)) == []
