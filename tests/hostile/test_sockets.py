"""E7: reading an envelope and judging its signatures opens no connection and resolves no name.

Two witnesses: an audit hook of the interpreter (in the PDF child, too, where it ends the process), and a listener
on this machine that every address in the hostile envelopes leads to, because C code raises no audit events.
"""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from lxml import etree

from hub.demo import pdf
from hub.demo.signing import sign_pdf
from hub.domain.evidence import EvidenceBook, NoEvidence
from hub.domain.signatures import Judgement, SignatureState
from hub.errors import HubError
from hub.signatures import trust, xmldsig
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.pdf import PdfJudge
from hub.signatures.trees import ds
from tests.oracle.second_opinion import received
from tests.signatures.builder import LIMIT, NOW, Case, anchors, evidence, part, seal, signed

FORBIDDEN = {
    *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"),
    *("socket.gethostbyaddr", "socket.getnameinfo", "http.client.connect", "urllib.Request"),
}
MIB = 1024 * 1024
_heard: list[str] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _heard is not None and event in FORBIDDEN:
        _heard.append(f"{event} {arguments}")


sys.addaudithook(_listen)  # cannot be removed; deaf outside `silence`


@contextmanager
def silence() -> Iterator[list[str]]:
    """Fails when anything in it, in any thread, reached for the network; gives what was heard so far."""
    global _heard
    _heard = heard = []
    try:
        yield heard
    finally:
        _heard = None
    assert heard == []


@pytest.fixture(autouse=True)
def no_memory() -> None:
    """Chains that were judged before would not be judged again."""
    trust.forget()


@pytest.fixture
def listener() -> Iterator[tuple[str, socket.socket]]:
    """An address on this machine, and the socket that would be connected to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}", server


def nobody_came(server: socket.socket) -> bool:
    with suppress(BlockingIOError):
        server.accept()
        return False
    return True


def test_e7_the_witnesses_hear(listener: tuple[str, socket.socket]) -> None:
    address, server = listener
    with pytest.raises(AssertionError, match="getaddrinfo"), silence() as heard:
        socket.create_connection(("localhost", int(address.rpartition(":")[2]))).close()
    assert any(event.startswith("socket.connect ") for event in heard)
    assert not nobody_came(server)


def test_e7_the_certificates_of_these_tests_name_addresses() -> None:
    """Without addresses to go to, the silence below would prove nothing."""
    for certificate in seal().chain:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        assert points[0].full_name[0].value.startswith("http://")
        assert access[0].access_location.value.startswith("http://")


def judged(case: Case, book: EvidenceBook) -> xmldsig.SignatureReport:
    return xmldsig.judge(case.source(), anchors=anchors(), moment=NOW, evidence=book, text_limit_bytes=LIMIT)


@pytest.mark.parametrize("references", [None, ("",)], ids=["by-parts", "whole-text"])
def test_e7_an_envelope_is_read_and_judged_in_silence(references: tuple[str, ...] | None) -> None:
    content = signed(references=references).content
    with silence():
        case = received(content)
        assert isinstance(case, Case)
        known = judged(case, evidence())
        unknown = judged(case, NoEvidence())
    assert (known.state, known.trusted) == (SignatureState.VALID, True)
    assert unknown.state is SignatureState.UNDETERMINED
    assert any(one.url.startswith("http://") for one in unknown.wanted)  # told to the clock, not fetched here


def with_doctype(content: bytes, address: str) -> bytes:
    return content.replace(b"<edXML ", f'<!DOCTYPE edXML SYSTEM "{address}/a.dtd"><edXML '.encode(), 1)


def with_entity(content: bytes, address: str) -> bytes:
    declared = f'<!DOCTYPE edXML [<!ENTITY % p SYSTEM "{address}/p">%p;<!ENTITY x SYSTEM "{address}/x">]><edXML '
    return content.replace(b"<edXML ", declared.encode(), 1)


def with_stylesheet(content: bytes, address: str) -> bytes:
    return content.replace(b"<edXML ", f'<?xml-stylesheet href="{address}/a.xsl"?><edXML '.encode(), 1)


def with_schema_location(content: bytes, address: str) -> bytes:
    where = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {address}/a.xsd"'
    return content.replace(b"<edXML ", f"<edXML {where} ".encode(), 1)


def with_inclusion(content: bytes, address: str) -> bytes:
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{address}/a.xml" parse="text"/>'
    return content.replace(b"<AttachmentEncoded>", f"{include}<AttachmentEncoded>".encode(), 1)


def with_reference(content: bytes, address: str) -> bytes:
    root = etree.fromstring(content)
    part(root, ds("Reference")).set("URI", f"{address}/a.xml")
    return etree.tostring(root)


def with_retrieval(content: bytes, address: str) -> bytes:
    root = etree.fromstring(content)
    etree.SubElement(part(root, ds("KeyInfo")), ds("RetrievalMethod"), URI=f"{address}/key")
    return etree.tostring(root)


def with_stylesheet_transform(content: bytes, address: str) -> bytes:
    root = etree.fromstring(content)
    step = etree.SubElement(part(root, ds("Transforms")), ds("Transform"))
    step.set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
    sheet = (
        f'<s:stylesheet version="1.0" xmlns:s="http://www.w3.org/1999/XSL/Transform"><s:include href="{address}/a"/>'
    )
    step.append(etree.fromstring(f"{sheet}</s:stylesheet>"))
    return etree.tostring(root)


@pytest.mark.parametrize(
    "attack",
    [
        *(with_doctype, with_entity, with_stylesheet, with_schema_location, with_inclusion),
        *(with_reference, with_retrieval, with_stylesheet_transform),
    ],
)
def test_e7_e14_no_address_in_an_envelope_is_visited(attack, listener: tuple[str, socket.socket]) -> None:
    address, server = listener
    content = attack(signed(references=("",)).content, address)
    assert address.encode() in content
    with silence():
        case = received(content)
        state = None if isinstance(case, HubError) else judged(case, evidence()).state
        past_the_reader = judged(Case(content), evidence()).state
    assert SignatureState.VALID not in (state, past_the_reader)
    assert nobody_came(server)


# --- PDF --------------------------------------------------------------------------------------------------

GUARD = """
import os, sys
from pathlib import Path
FORBIDDEN = {forbidden!r}
def guard(event, arguments):
    if event in FORBIDDEN:
        os._exit(97)
if "hub.signatures.pdf_child" in " ".join(sys.orig_argv):
    sys.addaudithook(guard)
    Path({sign!r}).write_text("guarded")
"""


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PdfJudge, Path]]:
    """A judge whose child ends itself when it reaches for the network; the file appears when the guard stands."""
    sign = tmp_path / "guarded"
    (tmp_path / "sitecustomize.py").write_text(GUARD.format(forbidden=sorted(FORBIDDEN), sign=str(sign)), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)  # the child is given our module path
    judge = PdfJudge(children=1, memory_bytes=512 * MIB, seconds=20)
    yield judge, sign
    judge.close()


def test_e7_the_guard_ends_a_child_that_resolves_a_name(guarded: tuple[PdfJudge, Path], tmp_path: Path) -> None:
    program = "import socket; socket.getaddrinfo('localhost', 80)"
    command = [sys.executable, "-P", "-c", program, "hub.signatures.pdf_child"]
    ended = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, check=False, timeout=30)
    assert ended.returncode == 97


def test_e7_a_pdf_is_judged_in_silence(guarded: tuple[PdfJudge, Path]) -> None:
    judge, sign = guarded
    page = pdf.page("V/v thử", ["Một trang."], made_at=NOW)
    content = sign_pdf(page, by=seal(), field="CoQuan", at=NOW)
    given = {"content_id": "1", "trust": Trust(government=TrustAnchors.of(seal().issuers)), "moment": NOW, "roles": ()}
    with silence():
        known = judge.judge(io.BytesIO(content), evidence=evidence(), **given)
        unknown = judge.judge(io.BytesIO(content), evidence=NoEvidence(), **given)
    assert sign.read_text() == "guarded"
    assert known.signatures[0].judgement is Judgement.VALID
    assert unknown.signatures[0].judgement is Judgement.UNDETERMINED
    assert any(one.url.startswith("http://") for one in unknown.wanted)
