"""How fast and with how much memory an envelope's XML signature is verified, beside xmlsec on the same bytes.

Owns: envelopes of four sizes in two forms of signature; a fresh process for each figure, so that peaks are its own.
Never: counts the reading of the envelope, which digests the attachments while they arrive: under `cid:` the hub
compares those digests, xmlsec hashes the files. xmlsec parses and digests only: no profile, no coverage, no chain.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import xmlsec
from cryptography import x509
from lxml import etree

from hub.demo.pki import CrlBook, DemoPki, Identity
from hub.domain.signatures import SignatureState
from hub.signatures import signing, trees, xmldsig
from hub.signatures.anchors import TrustAnchors
from hub.signatures.trees import ds
from tests.benchmarks import memory
from tests.support import envelopes

KIB, MIB = 1024, 1024 * 1024
SIZES = {"3 KB": 0, "100 KB": 70 * KIB, "1 MB": 730 * KIB, "20 MB": 15 * MIB}
FORMS: dict[str, tuple[str, ...] | None] = {"parts": None, "whole": ("",)}
SECONDS = 0.5  # of measuring for each figure, after one run to warm up
LEAST_RUNS = 3
_CONTENT_ID = "1"
_RESET = Path("/proc/self/clear_refs")


def figures() -> dict[str, Any]:
    """Form → size → verifications per second, milliseconds, peak MiB above what was resident; ours and xmlsec's."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-xml-") as name:
        folder = Path(name)
        pki = DemoPki()
        seal = pki.agency_seal("Bộ Thử nghiệm", "G99")
        (folder / "root.pem").write_bytes(pki.anchors_pem())
        for number, der in enumerate(pki.crls()):
            (folder / f"{number}.crl").write_bytes(der)
        return {
            form: {size: _compared(_written(folder, seal, form=form, size=size)) for size in SIZES} for form in FORMS
        }


def _compared(place: Path) -> dict[str, float]:
    ours, theirs = (_alone(place, who) for who in ("hub", "xmlsec"))
    return {
        "envelope_kib": round(place.stat().st_size / KIB, 1),
        "per_second": ours["per_second"],
        "ms": ours["ms"],
        "peak_mib": ours["peak_mib"],
        "xmlsec_per_second": theirs["per_second"],
        "xmlsec_peak_mib": theirs["peak_mib"],
        "of_xmlsec": round(ours["per_second"] / theirs["per_second"], 3),
    }


def _alone(place: Path, who: str) -> dict[str, float]:
    """The figures of one verifier on one envelope in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.xml_signatures", who, str(place)]
    told = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return dict(json.loads(told.stdout))


def _written(folder: Path, seal: Identity, *, form: str, size: str) -> Path:
    """A signed envelope with one attachment of this size (none when 0); the attachment and the skeleton beside it."""
    content = random.Random(size).randbytes(SIZES[size])  # noqa: S311 - the same files in every run
    text = {} if content else {"attachments": "", "references": ""}
    if content:
        text["attachments"] = envelopes.attachment(envelopes.base64_text(content))
    root = etree.fromstring(envelopes.document(**text), trees.parser(huge=True))
    digests = {_CONTENT_ID: sha256(content).hexdigest()} if content else {}
    signing.sign(root, key=seal.key, certificates=seal.chain, references=FORMS[form], digests=digests)
    place = folder / f"{form}-{SIZES[size]}.xml"
    place.write_bytes(etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8"))
    place.with_suffix(".skeleton").write_bytes(envelopes.read(place.read_bytes()).skeleton)
    place.with_suffix(".digests").write_text(json.dumps(digests))
    place.with_suffix(".attachment").write_bytes(content)
    return place


def _one_process() -> None:
    """What runs in the fresh process: one verifier, one envelope; prints its figures as JSON."""
    who, place = sys.argv[1], Path(sys.argv[2])
    prepared = _ours if who == "hub" else _theirs
    prepared(place.with_name(f"{place.stem.partition('-')[0]}-0.xml"))()  # loads what is loaded once
    verify = prepared(place)
    _RESET.write_text("5")  # proc(5): the peak starts again from what is resident now
    before = memory.peaks_mib(os.getpid())[os.getpid()]
    verify()
    peak = memory.peaks_mib(os.getpid())[os.getpid()] - before
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until or len(times) < LEAST_RUNS:
        start = time.perf_counter()
        verify()
        times.append(time.perf_counter() - start)
    middle = statistics.median(times)
    print(
        json.dumps(
            {"per_second": round(1 / middle, 2), "ms": round(middle * 1000, 3), "peak_mib": round(max(peak, 0), 1)}
        )
    )


def _ours(place: Path) -> Callable[[], None]:
    """The station's judgement with the chain and its CRLs (judged once, then remembered), on what the reader left."""
    anchors = TrustAnchors.of(x509.load_pem_x509_certificates((place.parent / "root.pem").read_bytes()))
    digests = json.loads(place.with_suffix(".digests").read_text())
    source = xmldsig.SignedSource(
        skeleton=place.with_suffix(".skeleton").read_bytes(),
        digests=digests,
        open_attachment=lambda _: place.with_suffix(".attachment").open("rb"),
        open_whole=lambda: place.open("rb"),
        size_bytes=place.stat().st_size,
    )
    book = CrlBook.of(file.read_bytes() for file in place.parent.glob("*.crl"))
    given = {"anchors": anchors, "moment": datetime.now(UTC), "evidence": book, "text_limit_bytes": 64 * MIB}

    def verify() -> None:
        report = xmldsig.judge(source, **given)
        if report.state is not SignatureState.VALID or not report.coverage.whole:
            raise RuntimeError(f"{place.name}: {report.state} {report.findings}")

    return verify


def _theirs(place: Path) -> Callable[[], None]:
    """xmlsec with the signer's key given; attachments of `cid:` are read through its input callbacks."""
    leaf = next(etree.parse(place, trees.parser(huge=True)).iter(ds("X509Certificate"))).text or ""
    key = xmlsec.Key.from_memory(b64decode(leaf), xmlsec.KeyFormat.CERT_DER)
    xmlsec.cleanup_callbacks()
    xmlsec.register_callbacks(
        lambda uri: uri.startswith(b"cid:"),
        lambda _: place.with_suffix(".attachment").open("rb"),
        lambda file, buffer: file.readinto(buffer),
        lambda file: file.close(),
    )

    def verify() -> None:
        root = etree.parse(place, trees.parser(huge=True)).getroot()
        xmlsec.tree.add_ids(root, ["Id"])
        context = xmlsec.SignatureContext()
        context.key = key
        context.verify(next(root.iter(ds("Signature"))))

    return verify


if __name__ == "__main__":
    _one_process()
