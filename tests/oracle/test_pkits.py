"""NIST's path validation suite (PKITS) through the hub's own engine, its answers beside the expected ones.

246 cases. 33 set the initial policies of the caller, which the hub never does (it asks for no certificate
policy), so 213 are applicable. Run with -s to see the count.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy

from hub.demo.pki import CrlBook
from hub.domain.evidence import EvidencePiece
from hub.signatures import path_engine, revocation, trust
from hub.signatures.anchors import TrustAnchors
from hub.signatures.path_engine import Evidence, Refusal

#: The suite has serial numbers below one, of which the library warns.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "pkits"
MOMENT = datetime(2015, 1, 1, tzinfo=UTC)
#: The DSA cases use 1024 bits and SHA-1. Only this test hands such a policy in; production has IN_FORCE.
OF_2010 = DisallowWeakAlgorithmsPolicy(
    weak_hash_algos=frozenset(), rsa_key_size_threshold=1024, dsa_key_size_threshold=1024
)
WORDS = {
    None: "valid",
    "PathValidationError": "refused",
    "RevokedError": "revoked",
    "InsufficientRevinfoError": "unknown",
    "StaleRevinfoError": "unknown",
    Refusal.RULES: "refused",
    Refusal.ALGORITHM: "refused",
    Refusal.REVOKED: "revoked",
    Refusal.NO_EVIDENCE: "unknown",
}
#: Where the engine disagrees with NIST.
ENGINE_DISAGREES = {
    "40105": "DSA parameters inherited from the issuer: the parser reads no such key; DSA is refused anyway",
}
#: Where the hub trusts less than NIST: by algorithm, by name, by role, and by who may speak about revocation.
_NAMES = "names that differ in case, spaces or string type do not chain (RFC 5280 §4.1.2.6: CAs write them alike)"
_CA_LEAF = "the last certificate of the path is a CA's; a CA signs no documents"
_INDIRECT = "indirect CRLs are not asked, because the engine lets too many speak for a CA (trust.py)"
HUB_TRUSTS_LESS = {
    "40104": "DSA and SHA-1 are not accepted",
    "40303": _NAMES,
    "40304": _NAMES,
    "40305": _NAMES,
    "40310": _NAMES,
    "40311": _NAMES,
    "40608": _CA_LEAF,
    "40614": _CA_LEAF,
    "40806": _CA_LEAF,
    "41413": _CA_LEAF,
    "41424": _INDIRECT,
    "41425": _INDIRECT,
    "41428": _INDIRECT,
    "41429": _INDIRECT,
    "41430": _INDIRECT,
    "41433": _INDIRECT,
}


@dataclass(frozen=True)
class Case:
    """One applicable case with its files read."""

    number: str
    expected: str
    leaf: x509.Certificate
    others: list[x509.Certificate]
    crls: list[bytes]


@pytest.fixture(scope="module", autouse=True)
def corpus() -> Iterator[None]:
    if not CORPUS.is_dir():
        pytest.skip("SKIPPED: ../shared/corpora/pkits is not here; NIST's path validation suite was NOT run")
    logging.disable(logging.WARNING)  # the engine tells of each CRL issuer that it does not believe
    yield
    logging.disable(logging.NOTSET)


def applicable() -> list[dict[str, Any]]:
    rows = json.loads((CORPUS / "pkits.json").read_text("utf-8"))
    assert len(rows) == 246
    ours = [row for row in rows if "params" not in row]
    assert len(ours) == 213
    return ours


def certificate(name: str) -> x509.Certificate:
    return x509.load_der_x509_certificate((CORPUS / "certs" / name).read_bytes())


def case(row: dict[str, Any]) -> Case:
    return Case(
        number=row["id"],
        expected=WORDS[row.get("error", {}).get("class")],
        leaf=certificate(row["cert"]),
        others=[certificate(name) for name in row.get("other_certs", ())],
        crls=[(CORPUS / "crls" / name).read_bytes() for name in ("TrustAnchorRootCRL.crl", *row.get("crls", ()))],
    )


@cache
def readable() -> list[Case]:
    found = []
    for row in applicable():
        try:
            found.append(case(row))
        except ValueError:
            assert row["id"] == "40105"
    return found


def test_the_engine_agrees_with_nist_on_212_of_213_applicable_cases() -> None:
    root, agree, disagree = certificate("TrustAnchorRootCertificate.crt"), 0, {"40105"}
    for one in readable():
        outcome = path_engine.proved(
            one.leaf, one.others, [root], moment=MOMENT, evidence=Evidence(one.crls), policy=OF_2010
        )
        if WORDS[outcome.refusal] == one.expected:
            agree += 1
        else:
            disagree.add(one.number)
    print(f"PKITS: {agree} of {len(applicable())} applicable cases agree; {sorted(disagree)} do not")
    assert disagree == set(ENGINE_DISAGREES)
    assert agree == 212


def test_the_hub_never_trusts_what_nist_refuses_and_says_where_it_trusts_less() -> None:
    root, less, trusted = certificate("TrustAnchorRootCertificate.crt"), set(), 0
    for one in readable():
        trust.forget()
        book, anchors = CrlBook(pieces(one.crls)), TrustAnchors((root,))
        report = trust.chain(one.leaf, one.others, anchors, moment=MOMENT, evidence=book)
        assert not (report.trusted and one.expected != "valid"), one.number
        trusted += report.trusted
        if one.expected == "valid" and not report.trusted:
            less.add(one.number)
    print(f"PKITS: the hub trusts {trusted} of the 92 paths that NIST calls valid; less in {sorted(less)}")
    assert less == set(HUB_TRUSTS_LESS)
    assert trusted == 75


def test_production_refuses_the_algorithms_of_2010() -> None:
    root = certificate("TrustAnchorRootCertificate.crt")
    (old,) = [one for one in readable() if one.number == "40104"]
    outcome = path_engine.proved(old.leaf, old.others, [root], moment=MOMENT, evidence=Evidence(old.crls))
    assert outcome.refusal is Refusal.ALGORITHM


def pieces(crls: list[bytes]) -> list[EvidencePiece]:
    """The CRLs that the hub would keep; those with SHA-1 it does not."""
    return [revocation.read_crl(der) for der in crls if not signed_with_sha1(der)]


def signed_with_sha1(der: bytes) -> bool:
    digest = x509.load_der_x509_crl(der).signature_hash_algorithm
    return digest is not None and digest.name == "sha1"
