"""judge and sign: states, coverage, the signature over the base64 text, constant memory, no socket."""

from __future__ import annotations

import io
import itertools
import re
import resource
import socket
import tomllib
from dataclasses import replace
from hashlib import new as new_hash
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.demo.pki import Flaws
from hub.domain.findings import Severity, catalogue, describe
from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, trees, trust, xmldsig
from hub.signatures.signing import Recipe
from tests.signatures.builder import (
    FILES,
    LIMIT,
    NOW,
    Case,
    anchors,
    codes,
    evidence,
    pki,
    seal,
    signed,
    unsigned,
    written,
)

RECIPES = [
    Recipe(scheme, digest, form)
    for scheme, digest, form in itertools.product(
        ("pkcs1", "pss"), (hashes.SHA256, hashes.SHA384, hashes.SHA512), (algorithms.EXC_C14N, algorithms.C14N)
    )
]


def test_usual_signature_is_valid_trusted_and_covers_everything() -> None:
    report = signed().judged()
    assert (report.state, report.trusted, report.findings) == (SignatureState.VALID, True, ())
    assert report.coverage.whole
    assert report.coverage.attachments == {"tep-1": True, "tep-2": True}
    assert report.certificate is not None
    assert report.certificate.sha256 == sha256_of_seal()
    assert "G22" in report.certificate.subject


def sha256_of_seal() -> str:
    der = seal().certificate.public_bytes(Encoding.DER)
    return sha256(der).hexdigest()


@pytest.mark.parametrize("references", [None, ("",)], ids=["by-parts", "whole-text"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.scheme}-{r.digest.name}-{r.canonicalization[-6:]}")
def test_every_algorithm_of_the_table_is_verified(recipe: Recipe, references: tuple[str, ...] | None) -> None:
    assert signed(recipe=recipe, references=references).judged().state is SignatureState.VALID


@pytest.mark.parametrize("key", ["ec-p256", "ec-p384"])
@pytest.mark.parametrize("digest", [hashes.SHA256, hashes.SHA384, hashes.SHA512])
def test_ecdsa_is_verified(key: str, digest: type[hashes.HashAlgorithm]) -> None:
    signer = pki().agency_seal("Bộ EC", "G23", flaws=Flaws(key=key))
    report = signed(by=signer, recipe=Recipe(digest=digest)).judged()
    assert (report.state, report.trusted) == (SignatureState.VALID, True)


def test_unsigned_envelope_is_absent_and_covers_nothing() -> None:
    report = Case(written(unsigned())).judged()
    assert (report.state, report.findings) == (SignatureState.ABSENT, ())
    assert not report.coverage.header
    assert not any(report.coverage.attachments.values())


def test_without_anchors_nothing_is_trusted() -> None:
    report = signed().judged(xmldsig.TrustAnchors())
    assert (report.state, report.trusted) == (SignatureState.VALID, False)
    assert codes(report) == ["certificate.untrusted"]


def test_expired_certificate_leaves_the_cryptographic_word_alone() -> None:
    expired = pki().agency_seal("Bộ A", "G22", flaws=Flaws(valid_from=-Flaws().valid_for * 2))
    report = signed(by=expired).judged()
    assert (report.state, report.trusted) == (SignatureState.VALID, False)
    assert codes(report) == ["certificate.expired"]


def test_header_alone_leaves_body_and_files_uncovered() -> None:
    report = signed(references=("#h",), prepare=lambda root: root[0][0].set("Id", "h")).judged()
    assert report.state is SignatureState.VALID
    assert (report.coverage.header, report.coverage.manifest) == (True, False)
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("signature.not_covered", Severity.WARNING)
    assert finding.evidence["parts"] == "edXMLManifest, cid:tep-1, cid:tep-2"


def name_the_parts(root: etree._Element) -> None:
    for number, name in enumerate(("MessageHeader", "Bussiness", "edXMLManifest", "TraceHeaderList")):
        root.find(f".//{trees.edxml(name)}").set("Id", f"p{number}")


def test_hops_may_stay_outside_but_are_named() -> None:
    report = signed(references=("#p0", "#p1", "#p2", "cid:tep-1"), prepare=name_the_parts).judged()
    assert report.state is SignatureState.VALID
    assert (report.coverage.header, report.coverage.manifest) == (False, True)
    assert report.findings[0].evidence["parts"] == "TraceHeaderList, cid:tep-2"


def test_all_parts_one_by_one_cover_everything() -> None:
    references = ("#p0", "#p3", "#p2", "cid:tep-1", "cid:tep-2")
    assert signed(references=references, prepare=name_the_parts).judged().coverage.whole


def test_a_status_message_without_body_or_files_is_covered_by_its_envelope() -> None:
    def strip(root: etree._Element) -> None:
        root.remove(root[1])
        root[0].remove(root[0][1])

    report = signed(files={}, prepare=strip).judged()
    assert report.state is SignatureState.VALID
    assert report.coverage.whole


def test_envelope_as_root_is_verified() -> None:
    root = trees.detached(unsigned({})[0])
    xmldsig.sign(root, key=seal().key, certificates=seal().chain)
    assert Case(written(root), {}).judged().state is SignatureState.VALID


def test_text_signature_above_the_limit_is_refused_unread() -> None:
    case = signed(references=("",))
    never = replace(case.source(), open_whole=lambda: pytest.fail("the whole envelope was opened"))
    limit = len(case.content) - 1
    report = xmldsig.judge(never, anchors=anchors(), moment=NOW, evidence=evidence(), text_limit_bytes=limit)
    assert (report.state, codes(report)) == (SignatureState.INVALID, ["signature.text_too_large"])
    assert case.judged(limit=len(case.content)).state is SignatureState.VALID


def test_cid_signature_never_opens_the_whole_nor_sha256_files() -> None:
    case = signed()
    source = replace(case.source(), open_whole=lambda: pytest.fail("the whole envelope was opened"))
    report = xmldsig.judge(source, anchors=anchors(), moment=NOW, evidence=evidence(), text_limit_bytes=0)
    assert report.state is SignatureState.VALID
    assert case.opened == []


def test_text_signature_must_be_of_the_document_that_was_read() -> None:
    case = signed(references=("",))
    case.files = {**FILES, "tep-2": b"another reader saw this"}
    assert codes(case.judged()) == ["signature.parsers_differ"]
    case = signed(references=("",))
    shown = replace(case.source(), skeleton=case.source().skeleton.replace(b"G22", b"G99", 1))
    report = xmldsig.judge(shown, anchors=anchors(), moment=NOW, evidence=evidence(), text_limit_bytes=LIMIT)
    assert codes(report) == ["signature.parsers_differ"]


def test_text_signature_needs_strict_base64() -> None:
    def soil(root: etree._Element) -> None:
        encoded = root.find(f".//{trees.edxml('ContentTransferEncoded')}")
        encoded.text = encoded.text.strip() + "!"

    assert codes(signed(references=("",), prepare=soil).judged()) == ["signature.parsers_differ"]


def test_text_above_libxml2s_bound_is_verified() -> None:
    files = {"lon": b"\x00\xff" * 4_500_000}
    assert signed(references=("",), files=files).judged().state is SignatureState.VALID


class Endless(io.RawIOBase):
    """200 MiB of zeros that are nowhere in memory."""

    def __init__(self) -> None:
        self.left = 200 << 20

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        size = min(len(buffer), self.left)
        buffer[:size] = bytes(size)
        self.left -= size
        return size


@pytest.mark.parametrize("digest", [hashes.SHA256, hashes.SHA512])
def test_200_mib_by_cid_in_constant_memory(digest: type[hashes.HashAlgorithm]) -> None:
    running = {"sha256": sha256(), digest.name: new_hash(digest.name)}
    for one in running.values():
        for _ in range(200):
            one.update(bytes(1 << 20))
    root = unsigned({"to": b""})
    xmldsig.sign(
        root,
        key=seal().key,
        certificates=seal().chain,
        digests={"to": running[digest.name].hexdigest()},
        recipe=Recipe(digest=digest),
    )
    case = Case(written(root), {"to": b""})
    source = replace(
        case.source(),
        digests={"to": running["sha256"].hexdigest()},
        open_attachment=lambda _: Endless(),
        size_bytes=280 << 20,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = xmldsig.judge(source, anchors=anchors(), moment=NOW, evidence=evidence(), text_limit_bytes=LIMIT)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert report.state is SignatureState.VALID
    assert grown_kib < 20 * 1024


def test_e7_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    cases = [signed(), signed(references=("",))]
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "socketpair", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    trust.forget()
    for case in cases:
        report = case.judged()
        assert (report.state, report.trusted) == (SignatureState.VALID, True)
        trust.forget()


@pytest.mark.parametrize(
    "content",
    [
        b"<edXML",
        b"",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    ],
)
def test_unreadable_xml_is_invalid_not_an_error(content: bytes) -> None:
    report = Case(content, {}).judged()
    assert (report.state, codes(report)) == (SignatureState.INVALID, ["signature.unreadable"])


def test_signing_twice_or_nothing_is_refused() -> None:
    root = signed().root
    with pytest.raises(ValueError, match="signed already"):
        xmldsig.sign(root, key=seal().key, certificates=seal().chain)
    with pytest.raises(ValueError, match="no edXMLHeader"):
        xmldsig.sign(etree.Element("x"), key=seal().key, certificates=seal().chain)
    root = unsigned()
    before = etree.tostring(root)
    with pytest.raises(ValueError, match="names 0 elements"):
        xmldsig.sign(root, key=seal().key, certificates=seal().chain, references=("#none",))
    assert etree.tostring(root) == before


def test_every_code_has_sentences_and_every_sentence_a_code() -> None:
    used = set()
    for path in sorted(Path(trees.__file__).parent.glob("*.py")):
        used |= set(re.findall(r'"((?:signature|certificate)\.[a-z_]+)"', path.read_text("utf-8")))
    named = [files("schemas") / "codes" / f"findings-{one}.toml" for one in ("signatures", "trust")]
    ours = [tomllib.loads(file.read_text("utf-8")) for file in named]
    rows = {f"{group}.{name}": row for one in ours for group, members in one.items() for name, row in members.items()}
    assert used == set(rows)
    for code, row in rows.items():
        assert set(row) == {"vi", "en", "fix_vi", "fix_en", "source"}
        assert catalogue()[code] == row


def test_evidence_fills_the_sentences() -> None:
    reports = [
        signed().replaced("G22,2026", "G23,2026").judged(),
        signed().judged(xmldsig.TrustAnchors()),
        signed(references=("",)).judged(limit=1),
    ]
    for finding in [finding for report in reports for finding in report.findings]:
        words = describe(finding)
        assert "?" not in words.vi + words.en
