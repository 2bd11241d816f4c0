"""The one place that runs certvalidator: RFC 5280 in full, with revocation required, at a moment, offline.

Owns: the algorithm policy, how evidence from after the moment counts, what the engine's refusals mean.
Never: opens a socket or an event loop (E7); chooses which evidence is asked (trust.py).
Source: RFC 5280 §6; RFC 6960 §3.2; ETSI EN 319 102-1 §5.2.6; pyhanko-certvalidator 0.33.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    InsufficientRevinfoError,
    PathError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import AlgorithmUsagePolicy, DisallowWeakAlgorithmsPolicy
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator

from hub.signatures.revocation import TOLERANCE, UNREADABLE, WEAK_HASHES

#: What documents of this decade must use; tests of old corpora bring a policy of their own.
IN_FORCE = DisallowWeakAlgorithmsPolicy(weak_hash_algos=WEAK_HASHES)
_REFUSALS = (PathError, ValidationError, *UNREADABLE)


class Refusal(StrEnum):
    """Why a path is not believed: the rules, an algorithm, a revocation, or evidence that is not there."""

    RULES = "rules"
    ALGORITHM = "algorithm"
    REVOKED = "revoked"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True)
class Evidence:
    """DER of CRLs and OCSP answers."""

    crls: Sequence[bytes] = ()
    answers: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`path` is leaf first and root last when it was believed; `passed` are those whose own check went well.

    `since` and `why` say when and for what reason a certificate was revoked; `words` are the engine's own.
    """

    path: tuple[x509.Certificate, ...] = ()
    refusal: Refusal | None = None
    words: str = ""
    passed: frozenset[x509.Certificate] = frozenset()
    since: datetime | None = None
    why: str = ""


def obeys_the_rules(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    moment: datetime,
    policy: AlgorithmUsagePolicy = IN_FORCE,
) -> Outcome:
    """RFC 5280 §6.1 without any question about revocation (names, policies, unknown critical extensions)."""
    return _judged(leaf, others, roots, moment=moment, policy=policy, evidence=None)


def proved(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    moment: datetime,
    evidence: Evidence,
    policy: AlgorithmUsagePolicy = IN_FORCE,
) -> Outcome:
    """The same with evidence required for every certificate below the root.

    A fresh "good" of a responder does not hide a CRL: the engine asks no CRL after a good answer, and an answer
    can be replayed as long as it lasts (E20), so where both are there the CRLs alone are asked too.
    """
    first = _judged(leaf, others, roots, moment=moment, policy=policy, evidence=evidence)
    if first.refusal is None and evidence.crls and evidence.answers:
        without = Evidence(crls=evidence.crls)
        second = _judged(leaf, others, roots, moment=moment, policy=policy, evidence=without)
        if second.refusal is Refusal.REVOKED:
            return second
    return first


def _judged(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    moment: datetime,
    policy: AlgorithmUsagePolicy,
    evidence: Evidence | None,
) -> Outcome:
    parsed = {one: asn1.Certificate.load(one.public_bytes(Encoding.DER)) for one in (leaf, *others, *roots)}
    context: ValidationContext | None = None
    try:
        context = _context(
            [parsed[one] for one in roots],
            [parsed[one] for one in others],
            asked=[parsed[leaf]],
            moment=moment,
            policy=policy,
            evidence=evidence,
        )
        found = _finished(CertificateValidator(parsed[leaf], validation_context=context).async_validate_path())
        # By identity: asn1crypto may write a certificate with a unique identifier otherwise than it read it.
        given = {id(twin): one for one, twin in parsed.items()}
        path = tuple(given[id(twin)] for twin in reversed(list(found)))
    except _REFUSALS as refusal:
        passed = frozenset(one for one, twin in parsed.items() if context and context.check_validation(twin))
        return _refused(refusal, passed)
    return Outcome(path=path, passed=frozenset(path))


def _context(
    roots: list[asn1.Certificate],
    others: list[asn1.Certificate],
    *,
    asked: list[asn1.Certificate],
    moment: datetime,
    policy: AlgorithmUsagePolicy,
    evidence: Evidence | None,
) -> ValidationContext:
    """`retroactive_revinfo`: a CRL of 10:04 says who was revoked at 10:00 too, because entries have dates.

    (Only a hold that was lifted in between is not seen.) The moment is the best time that is proved, so it is
    also the time at which the certificate was used.
    """
    answers = [one for der in (evidence.answers if evidence else ()) for one in _answers(der)]
    serials = {one.serial_number for one in (*asked, *others, *_responders(answers))}
    return ValidationContext(
        trust_roots=roots,
        other_certs=others,
        moment=moment,
        best_signature_time=moment,
        allow_fetching=False,
        crls=[CRLContainer(_crl(der, serials)) for der in (evidence.crls if evidence else ())],
        ocsps=[_AsOf(one.ocsp_response_data, one.index, moment) for one in answers],
        revocation_mode="require" if evidence else "none",
        retroactive_revinfo=True,
        time_tolerance=TOLERANCE,
        algorithm_usage_policy=policy,
        signature_validator=_Careful(),
    )


class _Careful(DefaultSignatureValidator):
    """The engine's own check of a signature, which stops at an assertion when key and algorithm do not fit.

    Such evidence is as good as none; it must not stop the evidence beside it.
    """

    def validate_signature(self, *given: Any, **named: Any) -> None:
        """Raises InvalidSignature for every way in which a signature is not right."""
        try:
            super().validate_signature(*given, **named)
        except (AssertionError, *UNREADABLE) as fault:
            raise InvalidSignature from fault


def _answers(der: bytes) -> list[OCSPContainer]:
    return OCSPContainer.load_multi(asn1_ocsp.OCSPResponse.load(der))


def _responders(answers: Sequence[OCSPContainer]) -> list[asn1.Certificate]:
    """The certificates inside answers; they may be revoked too."""
    return [one for answer in answers for one in answer.extract_basic_ocsp_response()["certs"] or ()]


def _crl(der: bytes, serials: set[int]) -> asn1_crl.CertificateList:
    """The list for the engine, which walks through all entries in Python: 20 000 of them take it a second.

    Whether any of these serial numbers is in it is found out quickly; when none is, it is shown without entries.
    """
    brief = _Brief.load(der)
    quick = x509.load_der_x509_crl(der)
    brief.has_entries = any(one < 1 or quick.get_revoked_certificate_by_serial_number(one) for one in serials)
    return brief  # the quick look finds no negative serial number (PKITS 4.4.15)


class _BriefBody(asn1_crl.TbsCertList):
    """Its bytes (what is signed) are the whole list; only the entries that are read from it are none."""

    def __getitem__(self, key: str) -> Any:
        return asn1_crl.RevokedCertificates([]) if key == "revoked_certificates" else super().__getitem__(key)


class _Brief(asn1_crl.CertificateList):
    """A list that may hide its entries."""

    has_entries = True
    _body: _BriefBody | None = None

    def __getitem__(self, key: str) -> Any:
        if key != "tbs_cert_list" or self.has_entries:
            return super().__getitem__(key)
        self._body = self._body or _BriefBody.load(super().__getitem__(key).dump())
        return self._body


@dataclass(frozen=True)
class _AsOf(OCSPContainer):
    """An answer read as of a moment: "revoked at 10:03" means that the certificate was good at 10:00.

    The engine draws this conclusion from CRLs only. The signature is checked over the bytes as they came.
    """

    moment: datetime | None = None

    def extract_single_response(self) -> asn1_ocsp.SingleResponse | None:
        """The answer about one certificate, its status as it was at the moment."""
        single = super().extract_single_response()
        if single is None or self.moment is None or single["cert_status"].name != "revoked":
            return single
        as_of, since = single.copy(), _since(single)
        if since > self.moment:
            as_of["cert_status"] = asn1_ocsp.CertStatus(name="good", value=asn1_ocsp.StatusGood())
        else:
            as_of["cert_status"].chosen["revocation_time"] = since
        return as_of


def _since(single: asn1_ocsp.SingleResponse) -> datetime:
    """When it stopped being good; with a compromised key the invalidity date counts (RFC 6960 §4.4.5)."""
    revoked = single["cert_status"].chosen
    since, invalid = revoked["revocation_time"].native, single.invalidity_date_value
    if invalid is not None and revoked["revocation_reason"].native in ("key_compromise", "ca_compromise"):
        return min(since, invalid.native)
    return since


def _finished(work: Coroutine[Any, Any, ValidationPath]) -> ValidationPath:
    """The result of a coroutine that never waits: without fetching there is nothing to wait for.

    No event loop is started, because a loop opens a pair of sockets and verification opens none (E7).
    """
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise PathError("the validator wanted to wait for something outside")


def _refused(refusal: Exception, passed: frozenset[x509.Certificate]) -> Outcome:
    words = str(refusal)
    if isinstance(refusal, RevokedError):
        return Outcome((), Refusal.REVOKED, words, passed, refusal.revocation_dt, str(refusal.reason.native))
    if isinstance(refusal, InsufficientRevinfoError):
        return Outcome((), Refusal.NO_EVIDENCE, words, passed)
    if isinstance(refusal, DisallowedAlgorithmError):
        return Outcome((), Refusal.ALGORITHM, words, passed)
    return Outcome((), Refusal.RULES, words, passed)
