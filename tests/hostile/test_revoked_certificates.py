"""The attack E20 on what is said about revocation: lists, answers, and who may give them."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.demo.pki import CrlBook, DemoPki, Flaws, Identity
from hub.domain.evidence import EvidenceBook, EvidencePiece, NoEvidence
from hub.domain.signatures import SignatureState
from hub.signatures import revocation, trust, xmldsig
from hub.signatures.anchors import TrustAnchors
from hub.signatures.trust import ChainReport
from tests.signatures.builder import LIMIT, NOW, signed
from tests.signatures.chains import DAY, HOUR, MINUTE, is_revoked, is_unknown, is_valid, judged
from tests.support import declared_pki as declared

Status = ocsp.OCSPCertStatus


@pytest.fixture(name="own")
def _own() -> DemoPki:
    """A PKI of the test's own, because it revokes in it."""
    return DemoPki(moment=NOW, name="Goc cua phep thu")


# --- E20 CRLs ---------------------------------------------------------------------------------------------


def test_e20_revoked_before_and_after_the_moment(own: DemoPki) -> None:
    """Held at 10:00, judged again at 10:05 with the CRL of 10:04: what happened at 10:02 does not hurt."""
    before, after, untouched = (own.agency_seal("Bộ A", code) for code in ("G22", "G23", "G24"))
    own.revoke(before, at=NOW - MINUTE)
    own.revoke(after, at=NOW + 2 * MINUTE)
    later = own.evidence(moment=NOW + HOUR + 4 * MINUTE)
    is_revoked(judged(own, before, later))
    is_valid(judged(own, after, later))
    is_valid(judged(own, untouched, later))
    is_revoked(judged(own, after, later, moment=NOW + 3 * MINUTE))


def test_e20_compromised_key_hurts_since_its_invalidity_date(own: DemoPki) -> None:
    stolen, moved = own.agency_seal("Bộ A", "G22"), own.agency_seal("Bộ B", "G30")
    since = {"at": NOW + HOUR, "invalid_since": NOW - 2 * HOUR}
    own.revoke(stolen, reason=x509.ReasonFlags.key_compromise, **since)
    own.revoke(moved, reason=x509.ReasonFlags.superseded, **since)
    book = own.evidence(moment=NOW + 3 * HOUR)
    is_revoked(judged(own, stolen, book))
    is_valid(judged(own, stolen, book, moment=NOW - 3 * HOUR))
    is_valid(judged(own, moved, book))


def test_e20_revoked_intermediate_has_its_own_finding(own: DemoPki) -> None:
    middle = own.authority("CA bi thu hoi")
    leaf = own.agency_seal("Bộ A", "G22", issuer=middle)
    own.revoke(middle, at=NOW - DAY, reason=x509.ReasonFlags.ca_compromise)
    report = judged(own, leaf)
    is_revoked(report, "certificate.issuer_revoked", "REVOKED_CA_NO_POE")
    assert "CA bi thu hoi" in report.findings[0].evidence["subject"]


def test_e20_stale_crl_is_no_proof_of_good_but_still_of_revocation(own: DemoPki) -> None:
    leaf, revoked = own.agency_seal("Bộ A", "G22"), own.agency_seal("Bộ B", "G30")
    held = own.agency_seal("Bộ C", "G31")
    own.revoke(revoked, at=NOW - 20 * DAY)
    own.revoke(held, at=NOW - 20 * DAY, reason=x509.ReasonFlags.certificate_hold)
    old = own.evidence(moment=NOW - 9 * DAY)
    is_unknown(judged(own, leaf, old))
    is_revoked(judged(own, revoked, CrlBook.of([own.crl(own.root), own.crl(own.sub_ca, moment=NOW - 9 * DAY)])))
    is_unknown(judged(own, held, CrlBook.of([own.crl(own.root), own.crl(own.sub_ca, moment=NOW - 9 * DAY)])))
    is_revoked(judged(own, held))


@pytest.mark.parametrize(("late", "known"), [(timedelta(), True), (4 * MINUTE, True), (6 * MINUTE, False)])
def test_e20_clocks_may_differ_by_five_minutes(own: DemoPki, late: timedelta, known: bool) -> None:
    ends = NOW - HOUR + 7 * DAY
    report = judged(own, own.agency_seal("Bộ A", "G22"), own.evidence(), moment=ends + late)
    assert report.trusted is known


def test_e20_no_evidence_is_held_and_says_what_is_wanted(own: DemoPki) -> None:
    report = judged(own, own.agency_seal("Bộ A", "G22"), NoEvidence())
    is_unknown(report)
    assert {one.issuer_key for one in report.wanted} == {
        revocation.issuer_key(own.root.certificate.subject),
        revocation.issuer_key(own.sub_ca.certificate.subject),
    }
    only_root = CrlBook.of([own.crl(own.root)])
    report = judged(own, own.agency_seal("Bộ A", "G22"), only_root)
    is_unknown(report)
    assert {one.issuer_key for one in report.wanted} == {revocation.issuer_key(own.sub_ca.certificate.subject)}


@pytest.mark.parametrize("key", ["rsa-2048", "ec-p256", "ec-p384"])
def test_e20_crl_with_another_key_proves_nothing(own: DemoPki, key: str) -> None:
    """RSA: the engine stops at an assertion when a key does not fit the algorithm."""
    leaf = own.agency_seal("Bộ A", "G22")
    forged = replace(own.sub_ca, key=own.self_signed("giả", flaws=Flaws(key=key)).key)
    is_unknown(judged(own, leaf, CrlBook.of([own.crl(own.root), own.crl(forged)])))
    own.revoke(leaf, at=NOW - DAY)
    is_unknown(judged(own, leaf, CrlBook.of([own.crl(own.root), own.crl(forged)])))


@pytest.mark.parametrize("bits", [None, frozenset({"digital_signature", "crl_sign"})])
def test_e20_a_revoked_signer_does_not_speak_for_its_ca(own: DemoPki, bits: frozenset[str] | None) -> None:
    """The engine would let the leaf's own "indirect" CRL say that the leaf is good."""
    leaf = own.agency_seal("Bộ A", "G22", flaws=Flaws(key_usage=bits))
    scope = x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=True,
        only_contains_attribute_certs=False,
    )
    forged = revocation.read_crl(own.crl(leaf, extensions=[scope]))
    own.revoke(leaf, at=NOW - DAY)
    is_unknown(judged(own, leaf, CrlBook.of([own.crl(own.root)]), embedded=(forged,)))
    mislabelled = replace(forged, issuer_key=revocation.issuer_key(leaf.certificate))
    is_revoked(judged(own, leaf, embedded=(mislabelled,)))
    is_unknown(judged(own, leaf, CrlBook.of([own.crl(own.root)]), embedded=(mislabelled,)))


def test_e20_evidence_from_after_the_certificates_end_may_have_dropped_it(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22", flaws=Flaws(valid_for=3 * DAY))
    is_valid(judged(own, leaf, own.evidence(moment=NOW + DAY)))
    late = CrlBook.of([own.crl(own.root), own.crl(own.sub_ca, moment=NOW + 4 * DAY)])
    is_unknown(judged(own, leaf, late))


def test_e20_embedded_evidence_counts_like_fetched(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    pieces = tuple(revocation.read_crl(der) for der in own.crls())
    is_valid(judged(own, leaf, NoEvidence(), embedded=pieces))
    own.revoke(leaf, at=NOW - MINUTE)
    is_revoked(judged(own, leaf, own.evidence(), embedded=pieces))


# --- E20 OCSP ---------------------------------------------------------------------------------------------


def answer(
    own: DemoPki,
    about: Identity,
    *,
    status: ocsp.OCSPCertStatus = Status.GOOD,
    by: Identity | None = None,
    issued: datetime = NOW,
    revoked_at: datetime | None = None,
    embedded: bool = True,
) -> EvidencePiece:
    """An answer by the CA itself, or by another with its certificate inside."""
    responder, issuer = by or own.sub_ca, about.issuers[0]
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=about.certificate,
            issuer=issuer,
            algorithm=hashes.SHA256(),
            cert_status=status,
            this_update=issued,
            next_update=issued + 4 * HOUR,
            revocation_time=revoked_at,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
    )
    if by is not None and embedded:
        builder = builder.certificates([by.certificate])
    der = builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)
    return revocation.read_ocsp(der)


def with_root_only(own: DemoPki, *pieces: EvidencePiece) -> CrlBook:
    return CrlBook([revocation.read_crl(own.crl(own.root)), *pieces])


def test_e20_ocsp_good_unknown_revoked(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    good = answer(own, leaf)
    report = judged(own, leaf, with_root_only(own, good))
    is_valid(report)
    assert good.sha256 in report.evidence
    is_unknown(judged(own, leaf, with_root_only(own, answer(own, leaf, status=Status.UNKNOWN))))
    revoked = answer(own, leaf, status=Status.REVOKED, revoked_at=NOW - MINUTE)
    is_revoked(judged(own, leaf, with_root_only(own, revoked)))


def test_e20_ocsp_revoked_after_the_moment_does_not_hurt(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    later = answer(own, leaf, status=Status.REVOKED, revoked_at=NOW + 3 * MINUTE, issued=NOW + 4 * MINUTE)
    is_valid(judged(own, leaf, with_root_only(own, later)))
    is_revoked(judged(own, leaf, with_root_only(own, later), moment=NOW + 4 * MINUTE))


def test_e20_responder_must_be_authorised_by_the_same_ca(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    may = Flaws(extended_key_usage=(ExtendedKeyUsageOID.OCSP_SIGNING,))
    person = own.person("Nguyễn Văn A", "Bộ A")
    elsewhere = own.person("OCSP khac", "Bộ A", issuer=own.authority("CA khac"), flaws=may)
    for responder in (person, elsewhere, leaf):
        pieces = replace(
            answer(own, leaf, by=responder), issuer_key=revocation.issuer_key(own.sub_ca.certificate.subject)
        )
        is_unknown(judged(own, leaf, with_root_only(own, pieces)))


def test_e20_replayed_answer_ends_with_its_promise_and_does_not_hide_a_crl(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    old = answer(own, leaf, issued=NOW - 3 * HOUR)
    is_valid(judged(own, leaf, with_root_only(own, old)))
    is_unknown(judged(own, leaf, with_root_only(own, old), moment=NOW + 2 * HOUR))
    own.revoke(leaf, at=NOW - 2 * HOUR)
    is_revoked(judged(own, leaf, own.evidence(), embedded=(old,)))
    newer = answer(own, leaf, status=Status.REVOKED, revoked_at=NOW - 2 * HOUR)
    is_revoked(judged(own, leaf, with_root_only(own, old, newer)))


@pytest.mark.parametrize("embedded", [True, False])
@pytest.mark.parametrize("key", ["rsa-2048", "ec-p384"])
def test_e20_answer_with_another_key_proves_nothing(own: DemoPki, key: str, embedded: bool) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    twin = own.self_signed(f"{own.name} CA phuc vu co quan nha nuoc", flaws=Flaws(key=key))
    assert twin.certificate.subject == own.sub_ca.certificate.subject
    is_unknown(judged(own, leaf, with_root_only(own, answer(own, leaf, by=twin, embedded=embedded))))


def test_e20_answer_about_another_certificate_proves_nothing(own: DemoPki) -> None:
    leaf, other = own.agency_seal("Bộ A", "G22"), own.agency_seal("Bộ B", "G30")
    is_unknown(judged(own, leaf, with_root_only(own, answer(own, other))))


def test_e20_the_question_has_no_nonce_because_answers_are_kept(own: DemoPki) -> None:
    leaf = own.agency_seal("Bộ A", "G22")
    (asked,) = [one for one in revocation.wanted_for((leaf.certificate, own.sub_ca.certificate)) if one.request]
    request = ocsp.load_der_ocsp_request(asked.request)
    assert (request.serial_number, len(request.extensions)) == (leaf.certificate.serial_number, 0)


# --- the declared PKI, whose CRLs, answers and names another program makes ----------------------------------


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("agency-a", ""),
        ("agency-b", ""),
        ("person-a", ""),
        ("expired", "EXPIRED"),
        ("revoked", "REVOKED"),
        ("compromised", "REVOKED"),
        ("below-revoked", "REVOKED_CA_NO_POE"),
        ("tsa", "CHAIN_CONSTRAINTS_FAILURE"),
    ],
)
def test_e16_e20_declared(name: str, word: str) -> None:
    assert declared_report(name).sub_indication == word


def declared_report(name: str, *, moment: datetime = declared.NOW, book: EvidenceBook | None = None) -> ChainReport:
    trust.forget()
    leaf = declared.certificate(name)  # alone, as government signatures come
    known = declared.anchors()
    others = [declared.certificate("sub-revoked")] if name == "below-revoked" else []
    return trust.chain(leaf, others, known, moment=moment, evidence=book or declared.book())


def test_e20_declared_revoked_since_november() -> None:
    assert declared_report("revoked", moment=declared.later(days=-30)).trusted
    october = declared_report("compromised", moment=declared.later(days=-30))
    assert (october.sub_indication, october.findings[0].evidence["since"][:10]) == ("REVOKED", "2026-09-01")
    assert declared_report("compromised", moment=declared.later(days=-100)).trusted


def test_e20_declared_responders_and_stale_lists() -> None:
    question, root = declared.question("agency-a"), revocation.read_crl(declared.crl("root-g2"))
    good = revocation.read_ocsp(declared.answer("good", question))
    assert declared_report("agency-a", book=CrlBook([good, root])).trusted
    unauthorised = revocation.read_ocsp(declared.answer("unauthorised", question))
    is_unknown(declared_report("agency-a", book=CrlBook([unauthorised, root])))
    is_unknown(declared_report("agency-a", book=declared.book(moment=declared.later(days=-15))))


# --- the whole judgement ----------------------------------------------------------------------------------


def test_e7_e20_an_envelope_is_undetermined_and_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    own = DemoPki(moment=NOW, name="Goc cua phep thu")
    case, anchors = signed(by=own.agency_seal("Bộ A", "G22")), TrustAnchors.of([own.root.certificate])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "socketpair", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    trust.forget()
    for book, state in ((NoEvidence(), SignatureState.UNDETERMINED), (own.evidence(), SignatureState.VALID)):
        report = xmldsig.judge(case.source(), anchors=anchors, moment=NOW, evidence=book, text_limit_bytes=LIMIT)
        assert (report.state, report.trusted) == (state, state is SignatureState.VALID)
        assert bool(report.wanted) is not report.trusted
        assert len(report.evidence) == (2 if report.trusted else 0)
        assert [one.count("BEGIN CERTIFICATE") for one in report.chain_pem] == [1, 1, 1]
        assert report.coverage.whole
