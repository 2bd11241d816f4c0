"""Signs an edXML envelope: for clients, the demo and the tests; the hub itself signs receipts, not envelopes.

Owns: the form of signature that we recommend (ds: prefix, exclusive C14N, envelope by Id, files by cid:).
Never: is used to verify; verification is signxml's and does not share this code.
Source: XML-Signature 1.1 §3.1; domain notes §6 (references `cid:` for attachments, correct C14N address).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import new as new_hash

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.signatures import algorithms, trees
from hub.signatures.trees import ds

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ENVELOPE_ID = "envelope"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to sign: RSA `scheme` (`pkcs1` or `pss`), the hash for both steps, the canonicalization."""

    scheme: str = "pkcs1"
    digest: type[hashes.HashAlgorithm] = hashes.SHA256
    canonicalization: str = algorithms.EXC_C14N


USUAL = Recipe()


def sign(
    root: trees.Element,
    *,
    key: PrivateKey,
    certificates: Sequence[x509.Certificate],
    references: Sequence[str] | None = None,
    digests: Mapping[str, str] | None = None,
    recipe: Recipe = USUAL,
) -> None:
    """Puts a ds:Signature last into edXMLHeader of the tree, which the caller then writes without changes.

    `references`: "", "#id" or "cid:content id"; None means the envelope by its Id (given one when it has
    none) and every attachment of `digests` (content id to hex digest of the decoded file, in the recipe's
    hash). Raises: ValueError when there is no edXMLHeader, a signature already, or an unknown reference.
    """
    header = root.find(f".//{trees.edxml('edXMLHeader')}")
    if header is None:
        raise ValueError("no edXMLHeader to sign")
    if header.find(ds("Signature")) is not None:
        raise ValueError("the envelope is signed already")
    known = digests or {}
    uris = _usual_references(header, known) if references is None else tuple(references)
    method = _method(key, recipe)
    signature = etree.SubElement(header, ds("Signature"), nsmap={"ds": trees.DS})
    try:
        signed_info = _signed_info(signature, root, uris, known, method=method, recipe=recipe)
    except ValueError:
        header.remove(signature)
        raise
    canonical = trees.canonical(trees.detached(signed_info), recipe.canonicalization)
    value = etree.SubElement(signature, ds("SignatureValue"))
    value.text = _base64(_signed(canonical, key, method))
    data = etree.SubElement(etree.SubElement(signature, ds("KeyInfo")), ds("X509Data"))
    for certificate in certificates:
        holder = etree.SubElement(data, ds("X509Certificate"))
        holder.text = _base64(certificate.public_bytes(Encoding.DER))


def _usual_references(header: trees.Element, digests: Mapping[str, str]) -> tuple[str, ...]:
    envelope = header.getparent()
    if envelope is None:
        raise ValueError("edXMLHeader stands alone")
    identifier = envelope.get("Id")
    if identifier is None:
        identifier = ENVELOPE_ID
        envelope.set("Id", identifier)
    return (f"#{identifier}", *(f"cid:{content_id}" for content_id in digests))


def _method(key: PrivateKey, recipe: Recipe) -> algorithms.Method:
    return algorithms.method_for(key, scheme=recipe.scheme, digest=recipe.digest)


def _signed_info(
    signature: trees.Element,
    root: trees.Element,
    uris: Sequence[str],
    digests: Mapping[str, str],
    *,
    method: algorithms.Method,
    recipe: Recipe,
) -> trees.Element:
    signed_info = etree.SubElement(signature, ds("SignedInfo"))
    etree.SubElement(signed_info, ds("CanonicalizationMethod"), Algorithm=recipe.canonicalization)
    etree.SubElement(signed_info, ds("SignatureMethod"), Algorithm=method.uri)
    unsigned = _without_signature(root)
    for uri in uris:
        reference = etree.SubElement(signed_info, ds("Reference"), URI=uri)
        is_file = uri.startswith("cid:")
        digest = _announced(uri, digests) if is_file else _digest_of(unsigned, uri, reference, recipe)
        etree.SubElement(reference, ds("DigestMethod"), Algorithm=_digest_uri(recipe))
        etree.SubElement(reference, ds("DigestValue")).text = _base64(digest)
    return signed_info


def _announced(uri: str, digests: Mapping[str, str]) -> bytes:
    content_id = uri.removeprefix("cid:")
    if content_id not in digests:
        raise ValueError(f"no digest was given for {uri}")
    return bytes.fromhex(digests[content_id])


def _digest_of(unsigned: trees.Element, uri: str, reference: trees.Element, recipe: Recipe) -> bytes:
    transforms = etree.SubElement(reference, ds("Transforms"))
    etree.SubElement(transforms, ds("Transform"), Algorithm=algorithms.ENVELOPED)
    etree.SubElement(transforms, ds("Transform"), Algorithm=recipe.canonicalization)
    target = unsigned
    if uri:
        found = [one for name, one in trees.identifiers(unsigned) if f"#{name}" == uri]
        if len(found) != 1:
            raise ValueError(f"{uri} names {len(found)} elements")
        target = trees.detached(found[0], huge=True)
    return new_hash(recipe.digest.name, trees.canonical(target, recipe.canonicalization)).digest()


def _without_signature(root: trees.Element) -> trees.Element:
    copy = trees.detached(root, huge=True)
    signature = copy.find(f".//{ds('Signature')}")
    if signature is not None:
        signature.getparent().remove(signature)
    return copy


def _digest_uri(recipe: Recipe) -> str:
    for row in algorithms.DIGESTS.values():
        if row.hashlib_name == recipe.digest.name:
            return row.uri
    raise ValueError(f"no digest method for {recipe.digest.name}")


def _signed(canonical: bytes, key: PrivateKey, method: algorithms.Method) -> bytes:
    digest = method.digest()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(canonical, algorithms.rsa_padding(method), digest)
    size = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(canonical, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
