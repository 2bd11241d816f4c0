"""Envelopes in every form that our profile allows, signed by us or by xmlsec, and ways to spoil them.

Owns: the choice of references, algorithms, base64 layout and prefixes; the mutations, each with its name.
Never: says what is valid.
Source: the forms of design §6; mutations after threats E8-E19.
"""

from __future__ import annotations

import copy
import random
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.demo.pki import Flaws, Identity
from hub.signatures import algorithms, trees, xmldsig
from hub.signatures.signing import Recipe
from hub.signatures.trees import ds, edxml
from tests.oracle.second_opinion import Files, sign_by_xmlsec
from tests.signatures.builder import pki, seal, unsigned, written

_BASE64 = re.compile(rb"ContentTransferEncoded[^>]*>[^<]*")

Tree = etree._Element
Mutation = Callable[[bytes, random.Random], bytes]

REFERENCES = ("whole", "envelope", "envelope+cid", "parts", "parts+cid", "header", "whole+cid", "whole+parts", "cid")
DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
KINDS = ("rsa-pkcs1", "rsa-pss", "ec-p256", "ec-p384")
BASE64 = ("java", "one line", "crlf lines", "spread")
PREFIXES = ("edXML", "e", "ds")
BY = ("hub", "xmlsec", "xmlsec without prefix")


@dataclass(frozen=True, slots=True)
class Form:
    """Everything that was chosen for one envelope."""

    references: str
    kind: str
    digest: type[hashes.HashAlgorithm]
    canonicalization: str
    base64: str
    prefix: str
    by: str
    files: int

    @classmethod
    def drawn(cls, chance: random.Random) -> Form:
        """A form by chance; a signature of attachments alone needs one."""
        references = chance.choice(REFERENCES)
        return cls(
            references,
            chance.choice(KINDS),
            chance.choice(DIGESTS),
            chance.choice((algorithms.EXC_C14N, algorithms.C14N)),
            chance.choice(BASE64),
            chance.choice(PREFIXES),
            chance.choice(BY),
            chance.randrange(1 if references == "cid" else 0, 4),
        )

    @property
    def scheme(self) -> str:
        """`pss` or `pkcs1`; without meaning for elliptic curves."""
        return "pss" if self.kind == "rsa-pss" else "pkcs1"


@cache
def signer(kind: str) -> Identity:
    """One identity for each family of keys."""
    if kind.startswith("rsa"):
        return seal()
    return pki().agency_seal(f"Bộ {kind}", "G40", flaws=Flaws(key=kind))


def made(form: Form, chance: random.Random, files: Files) -> bytes:
    """The signed envelope as bytes."""
    attachments = {f"tep-{number}": chance.randbytes(chance.randrange(1, 400)) for number in range(form.files)}
    files.current = attachments
    root = prefixed(unsigned(attachments), form.prefix)
    for name in ("edXMLEnvelope", "MessageHeader", "TraceHeaderList", "edXMLManifest"):
        root.find(f".//{edxml(name)}").set("Id", name[-6:])
    for encoded in root.iter(edxml("ContentTransferEncoded")):
        encoded.text = laid_out(encoded.text, form.base64, chance)
    uris = chosen(form.references, tuple(attachments))
    if form.by == "hub":
        by_the_hub(root, form, uris, attachments)
    else:
        by_xmlsec(root, form, uris)
    content = written(root)
    return content if form.base64 != "crlf lines" else _BASE64.sub(_with_crlf, content)


def _with_crlf(found: re.Match[bytes]) -> bytes:
    return found[0].replace(b"\n", b"\r\n")


def chosen(references: str, content_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The URIs of one of REFERENCES."""
    parts = ("#Header", "#erList", "#nifest")
    known = {"whole": ("",), "envelope": ("#velope",), "parts": parts, "header": ("#Header",)}
    uris = [uri for word in references.split("+") for uri in known.get(word, ())]
    return (*uris, *(f"cid:{one}" for one in content_ids if "cid" in references.split("+")))


def prefixed(root: Tree, prefix: str) -> Tree:
    """The same document with another prefix for the regulation's namespace (`ds` is meant to confuse)."""
    text = etree.tostring(root, encoding="unicode")
    return etree.fromstring(text.replace("edXML:", f"{prefix}:").replace("xmlns:edXML=", f"xmlns:{prefix}="))


def laid_out(text: str, layout: str, chance: random.Random) -> str:
    """One base64 text in another layout; CRLF comes when the bytes are written."""
    bare = "".join(text.split())
    if layout == "java":
        return text
    if layout == "one line":
        return bare
    if layout == "crlf lines":
        return "\n".join(bare[at : at + 64] for at in range(0, len(bare), 64))
    return "".join(one + chance.choice(("", "", " ", "\n", "\t")) for one in bare)


def by_the_hub(root: Tree, form: Form, uris: tuple[str, ...], attachments: dict[str, bytes]) -> None:
    """Signed by hub/signatures/signing.py, as the demo's clients do."""
    hashed = {}
    for name, content in attachments.items():
        running = hashes.Hash(form.digest())
        running.update(content)
        hashed[name] = running.finalize().hex()
    who = signer(form.kind)
    recipe = Recipe(form.scheme, form.digest, form.canonicalization)
    xmldsig.sign(root, key=who.key, certificates=who.chain, references=uris, digests=hashed, recipe=recipe)


def by_xmlsec(root: Tree, form: Form, uris: tuple[str, ...]) -> None:
    """Signed by xmlsec: a document that no line of our own signing has touched."""
    who = signer(form.kind)
    method = algorithms.method_for(who.key, scheme=form.scheme, digest=form.digest)
    digest = next(one.uri for one in algorithms.DIGESTS.values() if one.hashlib_name == form.digest.name)
    steps = (
        f'<Transforms><Transform Algorithm="{algorithms.ENVELOPED}"/>'
        f'<Transform Algorithm="{form.canonicalization}"/></Transforms>'
    )
    references = "".join(
        f'<Reference URI="{uri}">{"" if uri.startswith("cid:") else steps}'
        f'<DigestMethod Algorithm="{digest}"/><DigestValue/></Reference>'
        for uri in uris
    )
    certificates = "".join(
        f"<X509Certificate>{b64encode(one.public_bytes(Encoding.DER)).decode()}</X509Certificate>" for one in who.chain
    )
    text = (
        f'<Signature xmlns="{trees.DS}"><SignedInfo><CanonicalizationMethod Algorithm="{form.canonicalization}"/>'
        f'<SignatureMethod Algorithm="{method.uri}"/>{references}</SignedInfo><SignatureValue/>'
        f"<KeyInfo><X509Data>{certificates}</X509Data></KeyInfo></Signature>"
    )
    if form.by == "xmlsec":
        text = re.sub(r"<(/?)(\w)", r"<\1dsig:\2", text).replace("xmlns=", "xmlns:dsig=")
    signature = etree.fromstring(text)
    root.find(f".//{edxml('edXMLHeader')}").insert(0, signature)
    sign_by_xmlsec(root, signature, who)


# --- mutations of the bytes -------------------------------------------------------------------------------

_REGIONS = {
    "header": rb"MessageHeader.*?MessageHeader>",
    "trace": rb"TraceHeaderList.*?TraceHeaderList>",
    "signed info": rb"SignedInfo.*?SignedInfo>",
    "value": rb"SignatureValue.*?SignatureValue>",
    "key info": rb"KeyInfo.*?KeyInfo>",
    "manifest": rb"edXMLManifest.*?edXMLManifest>",
    "files": rb"AttachmentEncoded>.*?AttachmentEncoded>",
    "anywhere": rb".*",
}


def _flip(region: str) -> Mutation:
    def flip(content: bytes, chance: random.Random) -> bytes:
        found = re.search(_REGIONS[region], content, re.DOTALL) or re.search(rb".*", content, re.DOTALL)
        assert found is not None
        place = chance.randrange(found.start(), found.end())
        return content[:place] + bytes([content[place] ^ (1 << chance.randrange(7))]) + content[place + 1 :]

    flip.__name__ = f"flip in {region}"
    return flip


def blank(content: bytes, chance: random.Random) -> bytes:
    places = [place for place, byte in enumerate(content) if byte in b">\n"]
    place = chance.choice(places) + 1
    return content[:place] + chance.choice((b" ", b"\n", b"\t", b"\r\n")) + content[place:]


def comment(content: bytes, chance: random.Random) -> bytes:
    places = [place for place, byte in enumerate(content) if byte in b">\n"]
    place = chance.choice(places) + 1
    return content[:place] + b"<!-- x -->" + content[place:]


def comment_in_a_text(content: bytes, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(rb">[^<\s][^<]+<", content)))
    place = chance.randrange(found.start() + 1, found.end() - 1)
    return content[:place] + b"<!---->" + content[place:]


def cdata(content: bytes, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(rb">([^<\s&][^<&]*)<", content)))
    return content[: found.start(1)] + b"<![CDATA[" + found[1] + b"]]>" + content[found.end(1) :]


def line_ends(content: bytes, _: random.Random) -> bytes:
    return content.replace(b"\n", b"\r\n")


def carriage_returns(content: bytes, _: random.Random) -> bytes:
    return content.replace(b"\n", b"&#13;\n", 3)


def self_closing(content: bytes, _: random.Random) -> bytes:
    return re.sub(rb"<([\w:]+)([^<>]*)/>", rb"<\1\2></\1>", content)


def without_declaration(content: bytes, _: random.Random) -> bytes:
    return content.split(b"?>\n", 1)[1]


def quotes(content: bytes, _: random.Random) -> bytes:
    return re.sub(rb'="([^"\']*)"', rb"='\1'", content)


def namespace_redeclared(content: bytes, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(rb"<[\w:]+(?=[ >])", content)))
    added = chance.choice((b' xmlns:unused="urn:x"', b' xmlns:edXML="urn:x"', b' xmlns="urn:x"'))
    return content[: found.end()] + added + content[found.end() :]


def other_algorithm(content: bytes, chance: random.Random) -> bytes:
    known = [*algorithms.METHODS, *algorithms.DIGESTS, algorithms.EXC_C14N, algorithms.C14N, algorithms.ENVELOPED]
    known += [f"{algorithms.EXC_C14N}WithComments", f"{algorithms.C14N}#WithComments", *algorithms.SHA1_ALGORITHMS]
    found = chance.choice(list(re.finditer(rb'Algorithm="([^"]*)"', content)))
    return content[: found.start(1)] + chance.choice(known).encode() + content[found.end(1) :]


def other_digest(content: bytes, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(rb"DigestValue>([^<]*)<", content)))
    value = b64encode(chance.randbytes(chance.choice((20, 32, 48, 64))))
    return content[: found.start(1)] + value + content[found.end(1) :]


def other_reference(content: bytes, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(rb'URI="([^"]*)"', content)))
    uri = chance.choice(
        (b"", b"#Header", b"#velope", b"cid:tep-0", b"cid:tep-1", b"#xpointer(/)", b"http://127.0.0.1/")
    )
    return content[: found.start(1)] + uri + content[found.end(1) :]


def swapped_attachments(content: bytes, _: random.Random) -> bytes:
    texts = list(re.finditer(rb"(<\w+:ContentTransferEncoded[^>]*>)([^<]*)", content))
    if len(texts) < 2:
        return content.replace(b"ContentTransferEncoded>", b"ContentTransferEncoded >")
    one, two = texts[0], texts[1]
    between = content[one.end(2) : two.start(2)]
    return content[: one.start(2)] + two[2] + between + one[2] + content[two.end(2) :]


def rewrapped_base64(content: bytes, chance: random.Random) -> bytes:
    texts = list(re.finditer(rb"ContentTransferEncoded[^>]*>([^<]+)<", content))
    if not texts:
        return content + b"\n"
    found = chance.choice(texts)
    return content[: found.start(1)] + b"".join(found[1].split()) + b"\n" + content[found.end(1) :]


def loose_base64(content: bytes, chance: random.Random) -> bytes:
    texts = list(re.finditer(rb"(?:ContentTransferEncoded[^>]*|DigestValue|SignatureValue)>([^<]+)<", content))
    found = chance.choice(texts)
    place = chance.randrange(found.start(1), found.end(1))
    return content[:place] + chance.choice((b"!", b"=", b"-", b"&#160;", b" ")) + content[place:]


# --- mutations of the tree --------------------------------------------------------------------------------


def _on_tree(change: Callable[[Tree, random.Random], None]) -> Mutation:
    def mutate(content: bytes, chance: random.Random) -> bytes:
        root = etree.fromstring(content)
        change(chance.choice(list(root.iter(etree.Element))[1:]), chance)
        return written(root)

    mutate.__name__ = change.__name__
    return mutate


def remove(element: Tree, _: random.Random) -> None:
    element.getparent().remove(element)


def double(element: Tree, _: random.Random) -> None:
    element.addnext(copy.deepcopy(element))


def first_child(element: Tree, _: random.Random) -> None:
    element.getparent().insert(0, element)


def elsewhere(element: Tree, chance: random.Random) -> None:
    places = [one for one in element.getroottree().iter(etree.Element) if element not in one.iterancestors()]
    chance.choice([one for one in places if one is not element]).append(element)


def wrapped(element: Tree, _: random.Random) -> None:
    wrapper = etree.Element(edxml("Wrapper"))
    element.addprevious(wrapper)
    wrapper.append(element)


def reword(element: Tree, chance: random.Random) -> None:
    element.text = (element.text or "") + chance.choice(("x", " ", "=", "Á"))


def attribute(element: Tree, chance: random.Random) -> None:
    name = chance.choice(("Id", "ID", "version", "Algorithm", "URI", "{http://www.w3.org/XML/1998/namespace}lang"))
    element.set(name, chance.choice(("velope", "x", "", "#Header")))


def language(element: Tree, _: random.Random) -> None:
    above = [element, *element.iterancestors()][-2:]
    above[0].set("{http://www.w3.org/XML/1998/namespace}lang", "vi")


def first_certificate_last(element: Tree, _: random.Random) -> None:
    data = next(element.getroottree().iter(ds("X509Data")), None)
    if data is not None and len(data):
        data.append(data[0])


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip(region) for region in _REGIONS),
    *(blank, comment, comment_in_a_text, cdata, line_ends, carriage_returns, self_closing, without_declaration),
    *(quotes, namespace_redeclared, other_algorithm, other_digest, other_reference),
    *(swapped_attachments, rewrapped_base64, loose_base64),
    *(_on_tree(one) for one in (remove, double, first_child, elsewhere, wrapped, reword, attribute, language)),
    _on_tree(first_certificate_last),
)
