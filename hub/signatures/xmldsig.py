"""Judges the signature of an edXML envelope, and signs one.

Owns: the order of the questions (where, what form, digests and key, same document, what is covered, trust).
Never: holds an attachment in memory that is signed by cid:; decides policy about absence or agencies.
Source: XML-Signature 1.1 §3.2; threats E8-E19; signxml 5.2, whose sharp edges are named where they are met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import new as new_hash
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureMethod,
    XMLVerifier,
)
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException
from signxml.verifier import VerifyResult

from hub.domain.evidence import EvidenceBook
from hub.domain.findings import Finding, Severity
from hub.domain.signatures import Coverage, Judgement, SignatureReport, SignatureState
from hub.signatures import algorithms, coverage, keyinfo, profile, trees, trust
from hub.signatures.anchors import TrustAnchors
from hub.signatures.keyinfo import KeyInfo
from hub.signatures.profile import Profile
from hub.signatures.signing import Recipe, sign

__all__ = ["Recipe", "SignedSource", "TrustAnchors", "judge", "sign"]

CHECK = "signature"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SignedSource:
    """A received envelope as the reader hands it over.

    `skeleton`: the XML from its first `<`, the base64 texts of ContentTransferEncoded elided, otherwise byte
    for byte. `digests`: content id to hex SHA-256 of the decoded attachment. `open_attachment(content_id)`
    gives the decoded bytes, `open_whole()` the whole envelope from its first `<`; `size_bytes` is its length.
    """

    skeleton: bytes
    digests: Mapping[str, str]
    open_attachment: Callable[[str], BinaryIO]
    open_whole: Callable[[], BinaryIO]
    size_bytes: int


def judge(
    source: SignedSource,
    *,
    anchors: TrustAnchors,
    moment: datetime,
    evidence: EvidenceBook,
    text_limit_bytes: int,
) -> SignatureReport:
    """The state of the envelope's signature, what it covers, and whether its certificate is trusted at the moment.

    When the sums agree, the state is valid, or undetermined when too little is known about the certificate.

    Never raises for a bad document; what `open_attachment` and `open_whole` raise passes through.
    `text_limit_bytes` bounds the envelopes whose signature covers the base64 text, because only those are
    parsed whole (about five times their size in memory).
    """
    try:
        root = trees.parse(source.skeleton)
        place = profile.locate(root)
        if place.refusal:
            return _invalid(source, place.refusal)
        if place.legacy:
            return _legacy(source, place.legacy)
        if place.signature is None:
            return SignatureReport(SignatureState.ABSENT, coverage.nothing(source.digests))
        report, key_info = _sums(source, root, moment=moment, text_limit_bytes=text_limit_bytes)
    except trees.Unreadable as fault:
        return _invalid(source, _error("signature.unreadable", why=str(fault)))
    if key_info.leaf is None or report.state is not SignatureState.VALID:
        return report
    chained = trust.chain(key_info.leaf, key_info.others, anchors, moment=moment, evidence=evidence)
    return _with_chain(report, chained)


def _with_chain(report: SignatureReport, chained: trust.ChainReport) -> SignatureReport:
    undetermined = chained.judgement is Judgement.UNDETERMINED
    return replace(
        report,
        state=SignatureState.UNDETERMINED if undetermined else report.state,
        trusted=chained.trusted,
        findings=(*chained.findings, *report.findings),
        evidence=chained.evidence,
        wanted=chained.wanted,
        chain_pem=tuple(one.public_bytes(Encoding.PEM).decode("ascii") for one in chained.path),
    )


def _sums(
    source: SignedSource, root: trees.Element, *, moment: datetime, text_limit_bytes: int
) -> tuple[SignatureReport, KeyInfo]:
    """The report without any word about trust, and the certificates that the signature carries."""
    key_info, form = _form(source, root, moment)
    if key_info.unreadable:
        return _legacy(source, "X509Certificate"), key_info
    whole = root
    if form.covers_text and not form.findings:
        if source.size_bytes > text_limit_bytes:
            return _invalid(source, _too_large(source.size_bytes, text_limit_bytes)), key_info
        with source.open_whole() as stream:
            whole = trees.parse(stream, huge=True)
        key_info, form = _form(source, whole, moment)
    findings = [*form.findings, *key_info.findings, *_key_faults(form, key_info)]
    if not findings:
        findings = _verified(source, whole, form, key_info.leaf)
    if form.covers_text and not findings:
        findings = _same_document(source, whole, root)
    if findings or key_info.leaf is None:
        return _invalid(source, *findings), key_info
    covered = coverage.of(whole, form.references, source.digests)
    certificate = keyinfo.described(key_info.leaf)
    doubts = _not_covered(covered.missing)
    return SignatureReport(SignatureState.VALID, covered.coverage, certificate, findings=doubts), key_info


def _form(source: SignedSource, root: trees.Element, moment: datetime) -> tuple[KeyInfo, Profile]:
    """The profile first: what KeyInfo says is not looked at in a signature of another form."""
    place = profile.locate(root)
    if place.signature is None or place.legacy:
        return KeyInfo(), Profile((place.refusal or _error("signature.parsers_differ"),))
    form = profile.examine(root, place.signature, content_ids=source.digests.keys(), moment=moment)
    return (KeyInfo() if form.findings else keyinfo.read(place.signature)), form


def _key_faults(form: Profile, key_info: KeyInfo) -> list[Finding]:
    if form.method is None or key_info.leaf is None:
        return []
    key = key_info.leaf.public_key()
    if not algorithms.fits(form.method, key):
        return [_error("signature.key_mismatch")]
    weakness = algorithms.weakness(key)
    return [_error("signature.weak_key", key=weakness)] if weakness else []


def _verified(source: SignedSource, root: trees.Element, form: Profile, leaf: x509.Certificate | None) -> list[Finding]:
    """No finding when the key and every digest agree, by signxml."""
    if leaf is None or form.method is None:
        return [_error("signature.certificate_missing")]
    verifier = _Verifier(source)  # fresh for each call: signxml keeps the state of a call on the object
    below = "./" if root.tag == trees.edxml("edXMLEnvelope") else f"./{trees.edxml('edXMLEnvelope')}/"
    config = SignatureConfiguration(
        require_x509=True,
        location=f"{below}{trees.edxml('edXMLHeader')}/",
        expect_references=len(form.references),
        signature_methods=frozenset({SignatureMethod(form.method.uri)}),
        digest_algorithms=frozenset(DigestAlgorithm(one.digest.uri) for one in form.references),
        ignore_ambiguous_key_info=True,  # keyinfo.py has compared any KeyValue with the certificate
        verification_time=leaf.not_valid_before_utc,  # dates are trust.py's question, not cryptography's
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    # The schema of XML-Signature allows far more than profile.py, which has looked at every element already.
    try:
        verifier.verify(
            root,
            x509_cert=leaf,
            validate_schema=False,
            parser=trees.parser(huge=form.covers_text),
            expect_config=config,
        )
    except InvalidSignature as refusal:
        return [_error("signature.value_mismatch", why=str(refusal))]
    except (SignXMLException, etree.LxmlError, ValueError, TypeError, UnsupportedAlgorithm) as refusal:
        return [_error("signature.malformed", why=str(refusal))]
    agreed = [reference.uri for reference in form.references]
    if verifier.agreed == agreed:
        return []
    differing = [uri for uri in agreed if uri not in verifier.agreed]
    return [_error("signature.digest_mismatch", where=uri, uri=uri or '""') for uri in differing]


class _Verifier(XMLVerifier):
    """signxml with three changes, two of them in the step that checks one reference of the *verified* SignedInfo.

    1 `cid:` names an attachment outside the tree. signxml would ask a resolver for all its bytes at once and
    digest them; here the reader's SHA-256 is compared, or the decoded file is hashed in chunks, so that
    200 MiB are judged in constant memory. 2 `agreed` collects the references whose digests agree instead of
    stopping at the first that does not: a document is valid only when all of them are in it.
    """

    def __init__(self, source: SignedSource) -> None:
        self.source = source
        self.agreed: list[str] = []

    def _c14n(self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        """lxml writes a wrong xmlns="" into a part whose default namespace is declared above: cut it out first."""
        alone = nodes if nodes.getparent() is None else trees.detached(nodes, huge=True)
        return bytes(super()._c14n(alone, algorithm, inclusive_ns_prefixes))

    def _verify_reference(
        self,
        reference: Any,
        index: int,
        root: Any,
        uri_resolver: Any,
        c14n_algorithm: Any,
        signature: Any,
        signature_key_used: Any,
    ) -> VerifyResult:
        uri = reference.get("URI")
        result = VerifyResult(b"", None, signature, b"")
        try:
            if uri.startswith("cid:"):
                self._attachment_agrees(reference, uri)
            else:
                result = super()._verify_reference(
                    reference, index, root, uri_resolver, c14n_algorithm, signature, signature_key_used
                )
        except InvalidDigest:
            return result  # not in `agreed`, so the caller reports it as a mismatch
        self.agreed.append(uri)
        return result

    def _attachment_agrees(self, reference: Any, uri: str) -> None:
        digest = algorithms.DIGESTS[self._find(reference, "DigestMethod").get("Algorithm")]
        expected = trees.strict_base64(self._find(reference, "DigestValue").text)
        content_id = uri.removeprefix("cid:")
        if digest.hashlib_name == "sha256":
            seen = bytes.fromhex(self.source.digests[content_id])
        else:
            seen = _streamed(self.source.open_attachment, content_id, digest.hashlib_name)
        if seen != expected:
            raise InvalidDigest(uri)


def _streamed(open_attachment: Callable[[str], BinaryIO], content_id: str, name: str) -> bytes:
    running = new_hash(name)
    with open_attachment(content_id) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            running.update(chunk)
    return running.digest()


def _same_document(source: SignedSource, whole: trees.Element, skeleton: trees.Element) -> list[Finding]:
    """No finding when the tree that was verified is the document that the reader read.

    The verifier parsed the whole text and the reader streamed it: two parsers. They are proved to agree on
    every attachment (decoded text against the reader's digests) and on all the rest (canonical forms with
    the base64 elided from both), so that no difference between parsers can show one and verify the other.
    """
    seen: dict[str, str] = {}
    encoded = [one for one in whole.iter(etree.Element) if trees.local_name(one) == "ContentTransferEncoded"]
    for element in encoded:
        content = trees.strict_base64(element.text)
        if content is None or len(element):
            return [_error("signature.parsers_differ", where=trees.path_of(element))]
        seen[_content_id(element)] = new_hash("sha256", content).hexdigest()
        element.text = None
    if seen != dict(source.digests) or len(encoded) != len(seen):
        return [_error("signature.parsers_differ", where="AttachmentEncoded")]
    for element in skeleton.iter(etree.Element):
        if trees.local_name(element) == "ContentTransferEncoded":
            element.text = None
    if _everything(whole) != _everything(skeleton):
        return [_error("signature.parsers_differ")]
    return []


def _everything(root: trees.Element) -> bytes:
    return etree.tostring(root.getroottree(), method="c14n", with_comments=True)


def _content_id(encoded: trees.Element) -> str:
    """The attachment's content id as the reader writes it: `cid:` taken off, even when doubled (§2.6)."""
    parent = encoded.getparent()
    text = "" if parent is None else parent.findtext("{*}ContentId") or ""
    bare = text.strip()
    while bare.startswith("cid:"):
        bare = bare.removeprefix("cid:")
    return bare


def _not_covered(missing: tuple[str, ...]) -> tuple[Finding, ...]:
    if not missing:
        return ()
    return (Finding(CHECK, "signature.not_covered", Severity.WARNING, evidence={"parts": ", ".join(missing)}),)


def _legacy(source: SignedSource, reason: str) -> SignatureReport:
    finding = Finding(CHECK, "signature.legacy", Severity.WARNING, evidence={"reason": reason})
    return SignatureReport(SignatureState.LEGACY, coverage.nothing(source.digests), findings=(finding,))


def _invalid(source: SignedSource, *findings: Finding) -> SignatureReport:
    nothing: Coverage = coverage.nothing(source.digests)
    return SignatureReport(SignatureState.INVALID, nothing, findings=tuple(findings))


def _too_large(size_bytes: int, limit_bytes: int) -> Finding:
    return _error(
        "signature.text_too_large",
        size_mib=f"{size_bytes / 1048576:.1f}",
        limit_mib=f"{limit_bytes / 1048576:.1f}",
    )


def _error(code: str, *, where: str = "", **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, where, evidence)
