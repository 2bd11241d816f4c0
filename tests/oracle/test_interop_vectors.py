"""The public XML-signature vectors (W3C, merlin, phaos, aleksey, xml-crypto), each with its expected result.

Under the production policy none is valid, and interop_table.py names why for each file. Under an interop policy,
which exists in this test only and admits what signxml and cryptography can compute at all (SHA-1, DSA, HMAC, every
curve, bare keys, any place), the hub's verifier must agree with every vector that it can be asked about.
"""

from __future__ import annotations

import io
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from lxml import etree
from signxml import CanonicalizationMethod, DigestAlgorithm, SignatureConfiguration, SignatureMethod
from signxml.exceptions import SignXMLException

from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, keyinfo, profile, trees, xmldsig
from hub.signatures.trees import ds
from tests.oracle.interop_table import ROWS, WHY_NOT
from tests.signatures.builder import NOW, Case, codes

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "xmldsig-interop"
SHARED_SECRETS = (b"secret", b"test", b"testkey")  # merlin and aleksey, phaos, TR2012, by their readmes
INTEROP = SignatureConfiguration(
    require_x509=False,
    location=".//",
    expect_references=True,  # any number
    signature_methods=frozenset(SignatureMethod),
    digest_algorithms=frozenset(DigestAlgorithm),
    ignore_ambiguous_key_info=True,
    default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
)


@pytest.fixture(scope="module", autouse=True)
def corpus() -> None:
    if not CORPUS.is_dir():
        pytest.skip("SKIPPED: ../shared/corpora/xmldsig-interop is not here; the public vectors were NOT checked")


def test_the_table_names_every_vector() -> None:
    signed = {path for path in CORPUS.rglob("*.xml") if b"SignatureValue" in path.read_bytes()}
    assert {str(path.relative_to(CORPUS)) for path in signed} == set(ROWS)
    assert {result for _, result in ROWS.values()} == {"verifies", *WHY_NOT}


@pytest.mark.parametrize("name", ROWS)
def test_production_policy(name: str) -> None:
    """E12-E15: no vector is valid, and for exactly the reasons of the table."""
    content = (CORPUS / name).read_bytes()
    report = Case(content[content.find(b"<") :], {}).judged()
    assert report.state is SignatureState.INVALID
    assert not report.trusted
    assert not report.coverage.header
    assert " ".join(sorted(reasons(content, codes(report)))) == ROWS[name][0]


def reasons(content: bytes, found: list[str]) -> set[str]:
    """What the judgement says, and what each inner question would say if the one before had not refused."""
    said = {code.removeprefix("signature.") for code in found}
    try:
        root = trees.parse(content)
    except trees.Unreadable:
        return said
    signature = next(root.iter(ds("Signature")))
    form = profile.examine(root, signature, content_ids=(), moment=NOW)
    inner = [*form.findings, *keyinfo.read(signature).findings]
    method = signature.find(f".//{ds('SignatureMethod')}").get("Algorithm", "")
    if algorithms.method_in_force(method, NOW) is None:
        said.add(method.rpartition("#")[2])
    return said | {finding.code.removeprefix("signature.") for finding in inner}


@pytest.mark.parametrize("name", ROWS)
def test_interop_policy(name: str) -> None:
    """Our canonicalisation and digests agree with every vector that can be computed without network or DTD."""
    verified = verifies(CORPUS / name)
    assert verified == (ROWS[name][1] == "verifies"), WHY_NOT.get(ROWS[name][1], "must verify")


def test_what_the_vectors_prove() -> None:
    """Enough verify, and nothing that a vector spoils on purpose does."""
    results = Counter(result for _, result in ROWS.values())
    assert results["verifies"] >= 80
    assert results["spoilt"] == 3


def verifies(path: Path) -> bool:
    """True when the value agrees with one of the vector's own keys and every reference agrees with its digest."""
    try:
        root = trees.parse(path.read_bytes())
    except trees.Unreadable:
        return False
    signature = next(root.iter(ds("Signature")))
    expected = [one.get("URI") for one in signature.find(ds("SignedInfo")).iter(ds("Reference"))]
    return any(agreed(root, path, key) == expected for key in keys(path, signature))


def agreed(root: etree._Element, path: Path, key: dict[str, Any]) -> list[str]:
    """The references that the hub's own verifier found to agree; none when the value does not."""

    def beside(uri: str) -> bytes | None:
        place = path.parent / uri
        return place.read_bytes() if place.is_file() else None

    config = INTEROP
    if "x509_cert" in key:
        config = replace(config, verification_time=key["x509_cert"].not_valid_before_utc)
    elif "hmac_key" in key:
        config = replace(config, signature_methods=frozenset(one for one in SignatureMethod if "HMAC" in one.name))
    nothing = xmldsig.SignedSource(b"", {}, lambda _: io.BytesIO(), io.BytesIO, 0)
    verifier = xmldsig._Verifier(nothing)
    try:
        verifier.verify(root, validate_schema=False, uri_resolver=beside, expect_config=config, **key)
    except (SignXMLException, InvalidSignature, AttributeError, ValueError):
        return []  # AttributeError: signxml's base64 transform of a file; InvalidSignature: of a bare KeyValue
    return verifier.agreed


def keys(path: Path, signature: etree._Element) -> Iterator[dict[str, Any]]:
    """Every key that could be meant: shared secrets, the key in KeyInfo, its certificates, those beside the file."""
    if "hmac" in signature.find(f".//{ds('SignatureMethod')}").get("Algorithm", ""):
        yield from ({"hmac_key": secret} for secret in SHARED_SECRETS)
        return
    info = signature.find(ds("KeyInfo"))
    if info is not None and any(trees.local_name(one).endswith("KeyValue") for one in info):
        yield {}
    for element in signature.iter(ds("X509Certificate")):
        yield {"x509_cert": x509.load_der_x509_certificate(b64decode(element.text or ""))}
    for place in sorted(path.parent.rglob("*")):
        content = place.read_bytes() if place.suffix in {".crt", ".pem", ".der"} else b""
        if b"BEGIN CERTIFICATE" in content:
            yield {"x509_cert": x509.load_pem_x509_certificate(content)}
        elif content and "cert" in place.name + place.parent.name and place.name.find("key") < 0:
            yield from _der(content)


def _der(content: bytes) -> Iterator[dict[str, Any]]:
    try:
        yield {"x509_cert": x509.load_der_x509_certificate(content)}
    except ValueError:
        return  # a CRL or a key beside the certificates
