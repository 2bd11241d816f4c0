"""Our verdicts against libxmlsec1 on 1 000 generated and mutated envelopes, each as our own reader received it.

We may refuse what xmlsec accepts, but only for the reasons listed in STRICTER; never the other way round. What
both accept is the same bytes: they hash to the DigestValue that both verified.
"""

from __future__ import annotations

import itertools
import random
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.domain.signatures import SignatureState
from hub.errors import HubError
from hub.signatures.trees import ds, edxml
from tests.oracle import envelope_forms
from tests.oracle.envelope_forms import MUTATIONS, Form
from tests.oracle.second_opinion import Files, Received, digested, received, xmlsec_says
from tests.signatures.builder import Case, codes, pki, signed

SEED = 20261122
GENERATED = 216
MUTANTS = 1000

#: What our profile refuses although the digests and the value agree, and why.
STRICTER = {
    "envelope.not_edxml": "the reader finds no header where the regulation has it, so there is nothing to believe",
    "envelope.dangerous_xml": "the reader refuses DOCTYPE, entities and XInclude before any signature is looked at",
    "signature.legacy": "SHA-1 and signatures outside the XML-Signature namespace prove nothing",
    "signature.two_signatures": "xmlsec verifies the element it is given; we ask whose word counts",
    "signature.misplaced": "the regulation has one place for the signature",
    "signature.malformed": "xmlsec skips characters that are no base64, comments in values and unknown children",
    "signature.duplicate_id": "an identifier used twice makes a reference ambiguous, even when it is not used",
    "signature.part_repeated": "two headers: the reader might take the unsigned one",
    "signature.hidden_content": "a comment inside a text is not signed and may cut it",
    "signature.attachment_inside": "files do not belong into the signed envelope",
    "signature.reference_refused": "only the parts of the regulation, each once, may be signed",
    "signature.key_info_refused": "xmlsec is given the key; we read KeyInfo and allow X509Data only",
    "signature.certificate_ambiguous": "xmlsec is given the key; we refuse certificates of two chains",
    "signature.parsers_differ": "a text signature must also be of the document that the reader read",
}


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    holder = Files({})
    xmlsec.cleanup_callbacks()
    xmlsec.register_callbacks(holder.matches, holder.open, holder.read, holder.close)
    yield holder
    xmlsec.cleanup_callbacks()
    xmlsec.register_default_callbacks()


@pytest.fixture(scope="module")
def envelopes(files: Files) -> list[tuple[Form, bytes]]:
    chance = random.Random(SEED)  # noqa: S311 (reproducible, not secret)
    forms = [Form.drawn(chance) for _ in range(GENERATED)]
    return [(form, envelope_forms.made(form, chance, files)) for form in forms]


def agrees(case: Case) -> tuple[bool, list[str]]:
    """Do we say that all sums agree (whatever is known about the certificate), and what we found."""
    report = case.judged()
    return report.state in (SignatureState.VALID, SignatureState.UNDETERMINED), codes(report)


def compare(case: Case | HubError, files: Files, *, content: bytes) -> tuple[bool, bool, list[str]]:
    if isinstance(case, HubError):
        return False, xmlsec_says(Case(content, files.current), files), [case.code]
    ours, found = agrees(case)
    return ours, xmlsec_says(case, files), found


def test_the_generated_envelopes_have_every_form(envelopes: list[tuple[Form, bytes]]) -> None:
    forms = [form for form, _ in envelopes]
    for name, all_of in (
        ("references", envelope_forms.REFERENCES),
        ("kind", envelope_forms.KINDS),
        ("digest", envelope_forms.DIGESTS),
        ("base64", envelope_forms.BASE64),
        ("prefix", envelope_forms.PREFIXES),
        ("by", envelope_forms.BY),
    ):
        assert {getattr(form, name) for form in forms} == set(all_of), name
    assert len({(form.references, form.by) for form in forms}) == len(envelope_forms.REFERENCES) * 3
    assert len({(form.kind, form.digest, form.canonicalization) for form in forms}) == 24


def test_generated_envelopes_are_valid_for_both(files: Files, envelopes: list[tuple[Form, bytes]]) -> None:
    for form, content in envelopes:
        case = received(content)
        assert isinstance(case, Received), (form, case)
        ours, theirs, found = compare(case, files, content=content)
        assert (ours, theirs) == (True, True), (form, found)
        assert all(same for _, same in digested(case)), (form, digested(case))


@dataclass
class Tally:
    """How often the two agreed, and why we were stricter when they did not."""

    verdicts: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, content: bytes, files: Files) -> None:
        """Judge one mutant twice. Fails when we are looser, or stricter without a listed reason."""
        case = received(content)
        ours, theirs, found = compare(case, files, content=content)
        self.verdicts[ours, theirs] += 1
        self.mutations[name] += 1
        assert theirs or not ours, (name, content)
        if theirs and not ours:
            why = set(found) & set(STRICTER)
            assert why, (name, found, content)
            self.reasons.update(why)
        if theirs and ours:
            assert isinstance(case, Received)
            assert all(same for _, same in digested(case)), (name, digested(case), content)


def test_a_thousand_mutated_envelopes(files: Files, envelopes: list[tuple[Form, bytes]]) -> None:
    chance = random.Random(SEED + 1)  # noqa: S311 (reproducible, not secret)
    tally = Tally()
    for mutation in itertools.islice(itertools.cycle(MUTATIONS), MUTANTS * 2):
        _, content = chance.choice(envelopes)
        mutant = mutation(content, chance)
        if mutant != content:
            tally.add(mutation.__name__, mutant, files)
        if tally.verdicts.total() == MUTANTS:
            break
    assert tally.verdicts.total() == MUTANTS
    assert len(tally.mutations) == len(MUTATIONS)
    assert tally.verdicts[True, True] > 150, tally
    assert tally.verdicts[False, False] > 400, tally
    assert tally.verdicts[True, False] == 0


def in_bytes(old: bytes, new: bytes) -> Case:
    base = signed()
    assert old in base.content
    return Case(base.content.replace(old, new, 1), base.files)


def named_parts(root: etree._Element) -> None:
    root.find(f".//{edxml('MessageHeader')}").set("Id", "Mess")


def named_elsewhere(root: etree._Element) -> None:
    root.find(f".//{edxml('From')}").set("Id", "from")


def with_file_inside(root: etree._Element) -> None:
    etree.SubElement(root.find(f".//{edxml('edXMLBody')}"), edxml("ContentTransferEncoded"))


def without_header(root: etree._Element) -> None:
    header = root.find(f".//{edxml('MessageHeader')}")
    header.getparent().remove(header)


def signature_last(root: etree._Element) -> None:
    root.append(root.find(f".//{ds('Signature')}"))


def read_otherwise() -> Case:
    case = signed(references=("",))
    return Case(case.content, {**case.files, "tep-1": b"what another reader saw"})


def stranger_in_key_info() -> Case:
    other = b64encode(pki().self_signed("người lạ").certificate.public_bytes(Encoding.DER)).decode()
    holder = f"<ds:X509Certificate>{other}</ds:X509Certificate></ds:X509Data>"
    return in_bytes(b"</ds:X509Data>", holder.encode())


APART: dict[str, Callable[[], Case]] = {
    "envelope.not_edxml": lambda: signed(references=("cid:tep-1",)).changed(without_header),
    "envelope.dangerous_xml": lambda: in_bytes(b"<edXML ", b"<!DOCTYPE edXML><edXML "),
    "signature.legacy": lambda: in_bytes(
        b"</ds:X509Data>", b"<ds:X509Certificate>MIIF</ds:X509Certificate></ds:X509Data>"
    ),
    "signature.two_signatures": lambda: in_bytes(b"<AttachmentEncoded>", b"<Signature/><AttachmentEncoded>"),
    "signature.misplaced": lambda: signed(references=("#Mess",), prepare=named_parts).changed(signature_last),
    "signature.malformed": lambda: in_bytes(b"<ds:SignatureValue>", b"<ds:SignatureValue><!-- x -->"),
    "signature.duplicate_id": lambda: in_bytes(b"<AttachmentEncoded", b'<AttachmentEncoded ID="envelope"'),
    "signature.part_repeated": lambda: in_bytes(b"<AttachmentEncoded>", b"<MessageHeader/><AttachmentEncoded>"),
    "signature.hidden_content": lambda: in_bytes(b"G22</", b"G2<!-- x -->2</"),
    "signature.attachment_inside": lambda: signed(prepare=with_file_inside),
    "signature.reference_refused": lambda: signed(references=("#from",), prepare=named_elsewhere),
    "signature.key_info_refused": lambda: in_bytes(b"</ds:KeyInfo>", b"<ds:MgmtData>x</ds:MgmtData></ds:KeyInfo>"),
    "signature.certificate_ambiguous": stranger_in_key_info,
    "signature.parsers_differ": read_otherwise,
}


@pytest.mark.parametrize("code", STRICTER)
def test_every_listed_strictness_is_real(code: str, files: Files) -> None:
    """A reason that never separates us from xmlsec would only hide a fault."""
    case = APART[code]()
    files.current = dict(case.files)
    by_reader = code.startswith("envelope.")
    ours, theirs, found = compare(received(case.content) if by_reader else case, files, content=case.content)
    assert (ours, theirs) == (False, True)
    assert code in found
