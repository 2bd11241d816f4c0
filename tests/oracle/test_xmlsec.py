"""Our verdicts against libxmlsec1, an independent verifier in C, on generated and mutated envelopes.

We may refuse what xmlsec accepts, but only for the reasons listed in STRICTER; never the other way round.
"""

from __future__ import annotations

import random
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.demo.pki import Flaws, Identity
from hub.domain.signatures import SignatureState
from hub.signatures import algorithms, trees
from hub.signatures.signing import Recipe
from hub.signatures.trees import ds, edxml
from tests.signatures.builder import Case, codes, pki, seal, signed, written

SEED = 20261122
MUTANTS = 400

#: What our profile refuses although the digests and the value agree, and why.
STRICTER = {
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


@dataclass
class Files:
    """The attachments that `cid:` means just now, for xmlsec's global input callbacks."""

    current: dict[str, bytes]

    def matches(self, uri: bytes) -> bool:
        return uri.startswith(b"cid:") and uri.decode().removeprefix("cid:") in self.current

    def open(self, uri: bytes) -> list[bytes]:
        return [self.current[uri.decode().removeprefix("cid:")]]

    def read(self, handle: list[bytes], buffer: memoryview) -> int:
        size = min(len(buffer), len(handle[0]))
        buffer[:size] = handle[0][:size]
        handle[0] = handle[0][size:]
        return size

    def close(self, handle: list[bytes]) -> None:
        handle.clear()


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    holder = Files({})
    xmlsec.cleanup_callbacks()
    xmlsec.register_callbacks(holder.matches, holder.open, holder.read, holder.close)
    yield holder
    xmlsec.cleanup_callbacks()
    xmlsec.register_default_callbacks()


def xmlsec_says(case: Case, files: Files) -> bool:
    """True when xmlsec verifies the first signature with any certificate that KeyInfo carries."""
    files.current = dict(case.files)
    root = etree.fromstring(case.content)
    signature = next(root.iter(ds("Signature")), None)
    if signature is None:
        return False
    xmlsec.tree.add_ids(root, ["Id"])
    return any(verifies(signature, holder.text or "") for holder in signature.iter(ds("X509Certificate")))


def verifies(signature: etree._Element, certificate: str) -> bool:
    try:
        pem = x509.load_der_x509_certificate(b64decode(certificate)).public_bytes(Encoding.PEM)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.CERT_PEM)
        context.verify(signature)
    except (xmlsec.Error, ValueError):
        return False
    return True


def as_read(content: bytes) -> Case | None:
    """The case as a strict reader would hand it over; None when a reader refuses it before any signature."""
    try:
        root = trees.parse(content)
    except trees.Unreadable:
        return None
    found: dict[str, bytes] = {}
    for element in root.iter(edxml("ContentTransferEncoded")):
        parent = element.getparent()
        name = (parent.findtext(edxml("ContentId")) or "").strip().removeprefix("cid:")
        decoded = trees.strict_base64(element.text)
        if decoded is None or not name or name in found:
            return None
        found[name] = decoded
    return Case(content, found)


def signers() -> list[Identity]:
    return [
        seal(),
        pki().agency_seal("Bộ P256", "G40", flaws=Flaws(key="ec-p256")),
        pki().agency_seal("Bộ P384", "G41", flaws=Flaws(key="ec-p384")),
    ]


def named_parts(root: etree._Element) -> None:
    for name in ("MessageHeader", "TraceHeaderList", "edXMLManifest"):
        root.find(f".//{edxml(name)}").set("Id", name[:4])


def generated(chance: random.Random) -> Case:
    recipe = Recipe(
        chance.choice(("pkcs1", "pss")),
        chance.choice((hashes.SHA256, hashes.SHA384, hashes.SHA512)),
        chance.choice((algorithms.EXC_C14N, algorithms.C14N)),
    )
    count = chance.randrange(4)
    attachments = {f"tep-{number}": chance.randbytes(chance.randrange(1, 400)) for number in range(count)}
    cids = tuple(f"cid:{one}" for one in attachments)
    ways = (None, ("",), ("#Mess", "#Trac", "#edXM", *cids), ("#Mess",), ("", *cids))
    references = chance.choice(ways)
    return signed(
        by=chance.choice(signers()), recipe=recipe, references=references, files=attachments, prepare=named_parts
    )


def flip_byte(content: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(content))
    return content[:position] + bytes([content[position] ^ (1 << chance.randrange(7))]) + content[position + 1 :]


def blank(content: bytes, chance: random.Random) -> bytes:
    places = [place for place, byte in enumerate(content) if byte in b">\n"]
    place = chance.choice(places) + 1
    return content[:place] + chance.choice((b" ", b"\n", b"\t", b"<!-- x -->")) + content[place:]


def line_ends(content: bytes, _: random.Random) -> bytes:
    return content.replace(b"\n", b"\r\n")


def on_tree(change: Callable[[etree._Element, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def mutate(content: bytes, chance: random.Random) -> bytes:
        root = etree.fromstring(content)
        change(chance.choice(list(root.iter(etree.Element))[1:]), chance)
        return written(root)

    mutate.__name__ = change.__name__
    return mutate


def remove(element: etree._Element, _: random.Random) -> None:
    element.getparent().remove(element)


def double(element: etree._Element, _: random.Random) -> None:
    element.addnext(etree.fromstring(etree.tostring(element, with_tail=False)))


def move(element: etree._Element, _: random.Random) -> None:
    element.getparent().insert(0, element)


def reword(element: etree._Element, chance: random.Random) -> None:
    element.text = (element.text or "") + chance.choice(("x", " ", "=", "Á"))


def attribute(element: etree._Element, chance: random.Random) -> None:
    element.set(chance.choice(("Id", "version", "Algorithm", "URI")), chance.choice(("envelope", "x", "", "#Mess")))


def self_closing(content: bytes, _: random.Random) -> bytes:
    return content.replace(b"/>", b"></>").replace(b"></>", b" />")


def declared(content: bytes, _: random.Random) -> bytes:
    return content.split(b"?>\n", 1)[1]


MUTATIONS = (
    flip_byte,
    blank,
    line_ends,
    self_closing,
    declared,
    *(on_tree(change) for change in (remove, double, move, reword, attribute)),
)


def compare(case: Case, files: Files) -> tuple[bool, bool, list[str]]:
    report = case.judged()
    return report.state is SignatureState.VALID, xmlsec_says(case, files), codes(report)


def test_generated_envelopes_are_valid_for_both(files: Files) -> None:
    chance = random.Random(SEED)  # noqa: S311 (reproducible, not secret)
    for number in range(60):
        ours, theirs, found = compare(generated(chance), files)
        assert (ours, theirs) == (True, True), (number, found)


def test_mutated_envelopes(files: Files) -> None:
    chance = random.Random(SEED)  # noqa: S311 (reproducible, not secret)
    verdicts: Counter[tuple[bool, bool]] = Counter()
    while sum(verdicts.values()) < MUTANTS:
        content = generated(chance).content
        mutation = chance.choice(MUTATIONS)
        case = as_read(mutation(content, chance))
        if case is None:
            continue
        ours, theirs, found = compare(case, files)
        verdicts[ours, theirs] += 1
        assert theirs or not ours, (mutation.__name__, case.content)
        if theirs and not ours:
            assert set(found) & set(STRICTER), (mutation.__name__, found, case.content)
    assert verdicts[True, True] > 40, verdicts
    assert verdicts[False, False] > 100, verdicts


def in_bytes(old: bytes, new: bytes) -> Case:
    base = signed()
    assert old in base.content
    return Case(base.content.replace(old, new, 1), base.files)


def named_elsewhere(root: etree._Element) -> None:
    root.find(f".//{edxml('From')}").set("Id", "from")


def with_file_inside(root: etree._Element) -> None:
    etree.SubElement(root.find(f".//{edxml('edXMLBody')}"), edxml("ContentTransferEncoded"))


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
    ours, theirs, found = compare(APART[code](), files)
    assert (ours, theirs) == (False, True)
    assert code in found
