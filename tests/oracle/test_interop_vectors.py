"""Public XML-signature vectors of 2002 and later: none is valid under our policy, and for the right reason.

The vectors are no edXML, so `judge` refuses them for their place alone; the inner questions show that it is
their algorithms that we refuse, and that the modern ones among them have algorithms of our table.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, profile, trees, xmldsig
from hub.signatures.trees import ds
from tests.signatures.builder import LIMIT, NOW, anchors

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "xmldsig-interop"
OLD = ("sha1", "md5", "ripemd160", "hmac")


def vectors() -> list[Path]:
    return sorted(CORPUS.rglob("*.xml"))


@pytest.fixture(scope="module", autouse=True)
def corpus() -> None:
    if not CORPUS.is_dir():
        pytest.skip("SKIPPED: ../shared/corpora/xmldsig-interop is not here; the public vectors were NOT checked")


def signatures() -> list[tuple[Path, etree._Element, etree._Element]]:
    found = []
    for path in vectors():
        try:
            root = trees.parse(path.read_bytes())
        except trees.Unreadable:
            continue  # a DTD: test_no_vector_is_valid shows that the whole judgement refuses it
        found += [(path, root, signature) for signature in root.iter(ds("Signature"))]
    return found


def test_no_vector_is_valid() -> None:
    paths = vectors()
    assert len(paths) > 50
    for path in paths:
        content = path.read_bytes()
        source = xmldsig.SignedSource(
            content[content.find(b"<") :], {}, lambda _: io.BytesIO(), lambda c=content: io.BytesIO(c), len(content)
        )
        report = xmldsig.judge(source, anchors=anchors(), moment=NOW, text_limit_bytes=LIMIT)
        assert report.state is not SignatureState.VALID, path.name
        assert not report.trusted, path.name


def test_old_algorithms_are_refused_by_name() -> None:
    looked_at = 0
    for path, root, signature in signatures():
        name = signature.find(f".//{ds('SignatureMethod')}").get("Algorithm", "")
        if not any(old in name.rpartition("#")[2] for old in OLD):
            continue
        looked_at += 1
        assert algorithms.method_in_force(name, NOW) is None, path.name
        form = profile.examine(root, signature, content_ids=(), moment=NOW)
        assert form.findings, path.name
        assert form.method is None, path.name
    assert looked_at > 40


def test_modern_vectors_have_algorithms_of_the_table() -> None:
    modern = [
        path for path in vectors() if path.name.endswith(("-rsa-sha256.xml", "-rsa-sha384.xml", "-rsa-sha512.xml"))
    ]
    for path in modern:
        root = trees.parse(path.read_bytes())
        name = root.find(f".//{ds('SignatureMethod')}").get("Algorithm")
        assert algorithms.method_in_force(name, NOW) is not None
    assert len(modern) >= 3
