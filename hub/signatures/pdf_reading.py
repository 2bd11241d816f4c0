"""Reads the signatures of one PDF with pyHanko and tells facts; runs in the PDF child only.

Owns: what is looked at in a signature, and the words for what cannot be read.
Never: decides about trust, knows anchors, opens a file or a connection.
Source: ISO 32000-2 §12.8; RFC 5652; RFC 5035 (signing-certificate-v2); RFC 3161; threats P1-P5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from asn1crypto import cms, core, tsp
from cryptography.hazmat.primitives.hashes import Hash
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import extract_certificate_info, extract_signer_info, find_cms_attribute_iter
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import (
    extract_self_reported_ts,
    extract_tst_data_iter,
    get_signing_cert_attr,
    message_imprint_checker,
    validate_sig_integrity,
)
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from hub.signatures import pdf_facts as facts
from hub.signatures import pdf_oddities as oddities

_SUB_FILTERS = frozenset({"/ETSI.CAdES.detached", "/adbe.pkcs7.detached", "/ETSI.RFC3161"})
_TIMESTAMPS = "/ETSI.RFC3161"
_COVERAGE = {
    SignatureCoverageLevel.ENTIRE_FILE: facts.WHOLE_FILE,
    SignatureCoverageLevel.ENTIRE_REVISION: facts.REVISION,
    SignatureCoverageLevel.CONTIGUOUS_BLOCK_FROM_START: facts.PART,
    SignatureCoverageLevel.UNCLEAR: facts.UNCLEAR,
}
_LEVELS = {
    ModificationLevel.NONE: "none",
    ModificationLevel.LTA_UPDATES: "validation_data",
    ModificationLevel.FORM_FILLING: "form",
    ModificationLevel.ANNOTATIONS: "form",
}
_BROKEN = frozenset({"md5", "sha1"})
_LONGEST_BLANK = 64  # line ends that transports put after a file
#: The child lacks something, or the file costs too much: that must never be told as a wrong signature.
_NOT_OF_THE_FILE = (MemoryError, RecursionError, PdfDecodeLimitError, OSError, ImportError)
_HEX = re.compile(rb"[0-9A-Fa-f\s]*")


def read(stream: BinaryIO, size_bytes: int) -> facts.FileFacts:
    """All facts about the PDF. Raises only for what lacks around it (memory, descriptors); the rest becomes a word."""
    try:
        return _read(stream, size_bytes)
    except (RecursionError, PdfDecodeLimitError) as wrong:
        return facts.FileFacts(trouble="expensive", why=_words(wrong), size_bytes=size_bytes)
    except _NOT_OF_THE_FILE:
        raise
    except Exception as wrong:  # pyHanko raises whatever a malformed file provokes
        return facts.FileFacts(trouble="unreadable", why=_words(wrong), size_bytes=size_bytes)


def _read(stream: BinaryIO, size_bytes: int) -> facts.FileFacts:
    reader = _reader(stream)
    if reader.encrypted:
        return facts.FileFacts(trouble="encrypted", size_bytes=size_bytes)
    filled = list(enumerate_sig_fields(reader, filled_status=True))
    if len(filled) > facts.MOST_SIGNATURES or reader.total_revisions > facts.MOST_REVISIONS:
        why = f"{len(filled)} signatures, {reader.total_revisions} revisions"
        return facts.FileFacts(trouble="expensive", why=why, size_bytes=size_bytes)
    fields = [_field(reader, str(name), field, size_bytes) for name, _, field in filled]
    fields += _removed(reader, {one.field for one in fields})
    fields.sort(key=lambda one: one.revision)
    seen = oddities.seen_in(reader)
    certificates, crls, ocsps = _evidence(reader, [field for _, _, field in filled])
    return facts.FileFacts(
        size_bytes=size_bytes,
        revisions=reader.total_revisions,
        last_hybrid=oddities.last_hybrid(reader),
        active=list(seen.active),
        hidden=oddities.hidden(reader, stream, seen) if fields else [],
        looked_through=seen.whole,
        fields=fields,
        certificates=certificates,
        crls=crls,
        ocsps=ocsps,
    )


def _reader(stream: BinaryIO) -> PdfFileReader:
    """Strictly, as the standard is written; what fails so is read as leniently as viewers do."""
    try:
        return PdfFileReader(stream, strict=True)
    except (PdfReadError, ValueError):
        return PdfFileReader(stream, strict=False)


def _field(reader: PdfFileReader, name: str, field: Any, size_bytes: int) -> facts.SignedField:
    """One field; what cannot be read of it is said in `fault`, and where it stands in the order is kept."""
    revision, sub_filter = 0, ""
    try:
        value = field.get_object().raw_get("/V")
        revision = reader.xrefs.get_last_change(value.reference)
        sub_filter = str(oddities.entry(value.get_object(), "/SubFilter") or "")
        if sub_filter not in _SUB_FILTERS:
            return facts.SignedField(name, sub_filter=sub_filter, fault="sub_filter", revision=revision)
        embedded = EmbeddedPdfSignature(reader, field, name)
        return _signature(embedded, sub_filter, size_bytes)
    except _NOT_OF_THE_FILE:
        raise
    except Exception as wrong:  # as above: one broken signature must not hide the others
        stamp = sub_filter == _TIMESTAMPS
        fault = "malformed"
        return facts.SignedField(name, stamp, sub_filter, fault, _words(wrong), revision=revision)


def _removed(reader: PdfFileReader, present: set[str]) -> list[facts.SignedField]:
    """Signatures of earlier revisions that the last one no longer shows: taking one away is a change, too."""
    found: dict[str, facts.SignedField] = {}
    for revision in range(reader.total_revisions - 1):
        then = reader.get_historical_resolver(revision)
        try:
            names = [str(name) for name, _, _ in enumerate_sig_fields(then, filled_status=True)]
        except PdfReadError:
            continue  # what that revision looked like matters only for what is still shown
        for name in names:
            if name not in present:
                found[name] = facts.SignedField(name, fault="removed", revision=revision)
    return list(found.values())


def _signature(embedded: EmbeddedPdfSignature, sub_filter: str, size_bytes: int) -> facts.SignedField:
    info = embedded.signer_info
    _well_formed(embedded, sub_filter)
    signer, certificates = _certificates(embedded.signed_data)
    token = _token(embedded.signed_data, embedded.compute_digest) if sub_filter == _TIMESTAMPS else None
    if token is not None:
        intact, valid = token.imprint, token.valid
    else:
        intact, valid = _integrity(embedded, signer) if signer is not None else (False, False)
    coverage, modification, changed, permitted, why = _changes(embedded)
    bytes_after, blank = _after(embedded, size_bytes)
    return facts.SignedField(
        field=str(embedded.field_name),
        is_timestamp=token is not None,
        sub_filter=sub_filter,
        why=why,
        digest=embedded.md_algorithm,
        algorithm=_algorithm(info),
        intact=intact,
        valid=valid,
        coverage=coverage,
        revision=embedded.signed_revision,
        bytes_after=bytes_after,
        blank_after=blank,
        modification=modification,
        changed=changed,
        permitted=permitted,
        claimed_at=_claimed(embedded),
        binding=_binding(signer, info),
        signer=signer.dump() if signer else b"",
        certificates=[one.dump() for one in certificates],
        tokens=list(_tokens(info)) if token is None else [],
        token=token,
    )


def _well_formed(embedded: EmbeddedPdfSignature, sub_filter: str) -> None:
    """Raises ValueError when the dictionary's type and kind differ, or a detached signature brings its own content."""
    is_timestamp = sub_filter == _TIMESTAMPS
    if (embedded.sig_object_type == "/DocTimeStamp") is not is_timestamp:
        raise ValueError(f"{sub_filter} in {embedded.sig_object_type}")
    content = embedded.signed_data["encap_content_info"]["content"]
    if not is_timestamp and content is not core.VOID and content.native is not None:
        raise ValueError("a detached signature carries content of its own")


def _integrity(embedded: EmbeddedPdfSignature, signer: Any) -> tuple[bool, bool]:
    """(digest holds, signature value holds); an attribute that contradicts the signature counts as not valid."""
    try:
        return validate_sig_integrity(
            embedded.signer_info,
            signer,
            expected_content_type="data",
            actual_digest=embedded.compute_digest(),
        )
    except SignatureValidationError as wrong:
        if _binding(signer, embedded.signer_info) == "mismatch":
            return True, False
        raise ValueError(str(wrong)) from wrong


def _certificates(signed: cms.SignedData) -> tuple[Any, list[Any]]:
    """The signer's certificate (None when it is not there) and at most a bounded number of the others."""
    if len(signed["certificates"]) > facts.MOST_CERTIFICATES:
        raise ValueError(f"{len(signed['certificates'])} certificates")
    try:
        found = extract_certificate_info(signed)
    except ValueError:  # CMSExtractionError: the signer's certificate is not embedded
        return None, []
    return found.signer_cert, list(found.other_certs)


def _algorithm(info: cms.SignerInfo) -> str:
    """The name of the algorithm; with the digest when the name tells one, e.g. `rsassa_pkcs1v15/sha256`."""
    algorithm = info["signature_algorithm"]
    try:
        return f"{algorithm.signature_algo}/{algorithm.hash_algo}"
    except ValueError:  # asn1crypto cannot split this one
        return str(algorithm.signature_algo)


def _claimed(embedded: EmbeddedPdfSignature) -> datetime | None:
    try:
        claimed = extract_self_reported_ts(embedded.signer_info) or embedded.self_reported_timestamp
    except (PdfReadError, ValueError, KeyError):
        return None
    if claimed is None:
        return None
    return claimed.replace(tzinfo=UTC) if claimed.tzinfo is None else claimed.astimezone(UTC)


def _binding(signer: Any, info: cms.SignerInfo) -> str:
    attributes = info["signed_attrs"]
    if signer is None or attributes is core.VOID:
        return "none"
    try:
        named = get_signing_cert_attr(attributes)
    except SignatureValidationError:
        return "mismatch"
    if named is None or not len(named["certs"]):
        return "none"
    first = named["certs"][0]
    version = "v2" if isinstance(named, tsp.SigningCertificateV2) else "v1"
    return version if oddities.names_certificate(first, signer) else "mismatch"


def _changes(embedded: EmbeddedPdfSignature) -> tuple[str, str, list[str], bool, str]:
    """(coverage, modification, names of changed fields, permitted by DocMDP, pyHanko's reason)."""
    embedded.coverage = embedded.evaluate_signature_coverage()
    if not _gap_is_the_signature(embedded):
        return facts.UNCLEAR, "other", [], False, "the gap of the ByteRange is not the signature"
    coverage = _COVERAGE[embedded.coverage]
    result = embedded.evaluate_modifications(DEFAULT_DIFF_POLICY)
    if not isinstance(result, DiffResult):
        return coverage, "other", [], False, _words(result)
    level, permission = result.modification_level, embedded.docmdp_level
    permitted = permission is None or level.value <= permission.value
    return coverage, _LEVELS.get(level, "other"), sorted(map(str, result.changed_form_fields))[:50], permitted, ""


def _gap_is_the_signature(embedded: EmbeddedPdfSignature) -> bool:
    """What the ByteRange leaves out is exactly the hex string of this CMS: nothing else may hide there (SWA)."""
    numbers = [int(one) for one in embedded.byte_range]
    if len(numbers) != 4 or numbers[0] != 0 or min(numbers) < 0:
        return False
    _, start, end, _ = numbers
    length = end - start
    if not 2 < length <= 4 * len(embedded.pkcs7_content) + 1024:
        return False
    stream = embedded.reader.stream
    stream.seek(start)
    gap = stream.read(length)
    if gap[:1] != b"<" or gap[-1:] != b">" or not _HEX.fullmatch(gap[1:-1]):
        return False
    return bytes.fromhex(gap[1:-1].decode("ascii")) == embedded.pkcs7_content


def _after(embedded: EmbeddedPdfSignature, size_bytes: int) -> tuple[int, bool]:
    """How many bytes follow the signed ones, and whether they are only blanks."""
    if len(embedded.byte_range) != 4:
        return size_bytes, False
    end = int(embedded.byte_range[2]) + int(embedded.byte_range[3])
    left = max(0, size_bytes - end)
    if not 0 < left <= _LONGEST_BLANK:
        return left, False
    embedded.reader.stream.seek(end)
    return left, not embedded.reader.stream.read(left).strip()


def _tokens(info: cms.SignerInfo) -> Iterator[facts.Token]:
    if info["unsigned_attrs"] is core.VOID:
        return
    for number, signed in enumerate(extract_tst_data_iter(info, signed=False)):
        if number == facts.MOST_TIMESTAMPS:
            return
        yield _token(signed, message_imprint_checker(info))


def _token(signed: cms.SignedData, expected: Any) -> facts.Token:
    """One RFC 3161 token; what cannot be read of it is its fault, not the signature's."""
    try:
        return _read_token(signed, expected)
    except _NOT_OF_THE_FILE:
        raise
    except Exception as wrong:  # as above
        return facts.Token(False, False, None, "", b"", [], fault=_words(wrong))


def _read_token(signed: cms.SignedData, expected: Any) -> facts.Token:
    raw = signed["encap_content_info"]["content"]
    told = raw.parsed
    if not isinstance(told, tsp.TSTInfo):
        raise ValueError("no TSTInfo")
    info = extract_signer_info(signed)
    signer, others = _certificates(signed)
    valid, own = False, info["digest_algorithm"]["algorithm"].native
    if signer is not None:
        if _binding(signer, info) not in ("v1", "v2"):
            raise ValueError("the token does not name the certificate of its authority")
        digest = Hash(get_pyca_cryptography_hash(own))
        digest.update(bytes(raw))
        held, signed_well = validate_sig_integrity(info, signer, "tst_info", digest.finalize())
        valid = held and signed_well
    imprint = told["message_imprint"]
    algorithm = imprint["hash_algorithm"]["algorithm"].native
    return facts.Token(
        imprint=imprint["hashed_message"].native == expected(algorithm),
        valid=valid,
        at=told["gen_time"].native.astimezone(UTC),
        digest=algorithm if own not in _BROKEN else own,
        signer=signer.dump() if signer else b"",
        certificates=[one.dump() for one in others],
    )


def _evidence(reader: PdfFileReader, fields: list[Any]) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Certificates, CRLs and OCSP answers (DER) that the file brings along; unreadable ones are left out."""
    certificates: list[bytes] = []
    crls: list[bytes] = []
    ocsps: list[bytes] = []
    store = oddities.entry(reader.root, "/DSS") or {}
    purposes = (
        ("/Certs", DecodePurpose.CERTIFICATE, certificates),
        ("/CRLs", DecodePurpose.CRL, crls),
        ("/OCSPs", DecodePurpose.OCSP_RESPONSE, ocsps),
    )
    left = facts.MOST_EVIDENCE_BYTES
    for name, purpose, into in purposes:
        for entry in oddities.entry(store, name) or ():
            der = _stream(entry, purpose)
            left -= len(der)
            into += [der] if der and left > 0 else []
    for archive in _archives(fields):
        crls += [one.dump() for one in archive["crl"] or ()]
        ocsps += [one.dump() for one in archive["ocsp"] or ()]
    return certificates[: facts.MOST_CERTIFICATES * 2], crls, ocsps


def _stream(entry: Any, purpose: DecodePurpose) -> bytes:
    try:
        return entry.get_object().read_data(purpose)
    except _NOT_OF_THE_FILE:
        raise
    except Exception:  # as above; evidence that cannot be read is no evidence
        return b""


def _archives(fields: list[Any]) -> Iterator[Any]:
    """adbe-revocationInfoArchival: what Adobe's software puts among the signed attributes."""
    for field in fields:
        try:
            content = cms.ContentInfo.load(field.get_object()["/V"].raw_get("/Contents").original_bytes)
            attributes = extract_signer_info(content["content"])["signed_attrs"]
            yield from find_cms_attribute_iter(attributes, "adobe_revocation_info_archival")
        except _NOT_OF_THE_FILE:
            raise
        except Exception:  # noqa: S112 (as above; the signature itself says what is wrong with it)
            continue


def _words(wrong: BaseException) -> str:
    return f"{type(wrong).__name__}: {wrong}"[:300]
