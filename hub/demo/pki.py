"""A small certificate authority for the demo and the tests: a root, sub-CAs, seals, personal certificates, CRLs.

Owns: the declared ways in which a certificate may be wrong (`Flaws`), so that tests say what they break.
Never: is used to trust anything real; its keys live in memory and are made anew in each process.
Source: RFC 5280; names shaped like the government's CAs (domain notes §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from hub.domain.evidence import EvidencePiece
from hub.signatures import revocation

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_YEAR = timedelta(days=365)
_CRL_EARLIER, _CRL_LASTS = timedelta(hours=1), timedelta(days=7)  # a CRL may be a little old at its moment
_HOST = "demo.invalid"  # RFC 2606: a name that no resolver knows


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is odd about a certificate; the default has no flaw.

    `key` is `rsa-2048`, `rsa-1024`, `rsa-3072`, `ec-p256` or `ec-p384`. `key_usage` holds RFC 5280 names of
    the bits that are set; None leaves the extension out. `path_length` is for CAs only. `critical_purposes`
    marks the extended key usage critical; `extensions` are added as they are, critical.
    """

    key: str = "rsa-2048"
    valid_from: timedelta = -timedelta(days=1)
    valid_for: timedelta = 2 * _YEAR
    key_usage: frozenset[str] | None = frozenset({"digital_signature", "content_commitment"})
    extended_key_usage: tuple[x509.ObjectIdentifier, ...] = ()
    is_ca: bool = False
    path_length: int | None = None
    critical_unknown: bool = False
    critical_purposes: bool = False
    extensions: tuple[x509.ExtensionType, ...] = ()


SOUND = Flaws()
EXPIRED = Flaws(valid_from=-2 * _YEAR, valid_for=_YEAR)
NOT_YET_VALID = Flaws(valid_from=_YEAR, valid_for=_YEAR)
WRONG_KEY_USAGE = Flaws(key_usage=frozenset({"key_encipherment"}))
ONLY_NON_REPUDIATION = Flaws(key_usage=frozenset({"content_commitment"}))
SERVER_ONLY = Flaws(extended_key_usage=(ExtendedKeyUsageOID.SERVER_AUTH,))
WEAK_KEY = Flaws(key="rsa-1024")

TIMESTAMPING = Flaws(
    key_usage=frozenset({"digital_signature"}),
    extended_key_usage=(ExtendedKeyUsageOID.TIME_STAMPING,),
    critical_purposes=True,
)

_AUTHORITY = Flaws(
    key="ec-p256",
    is_ca=True,
    valid_for=10 * _YEAR,
    key_usage=frozenset({"key_cert_sign", "crl_sign"}),
)
NOT_A_CA = replace(_AUTHORITY, is_ca=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key, its certificate, and the certificates above it, nearest first (the root is last)."""

    key: PrivateKey
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate and the ones above it without the root: what a signature carries."""
        return (self.certificate, *(issuer for issuer in self.issuers if issuer.subject != issuer.issuer))

    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8 PEM, for a demo client's folder."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def chain_pem(self) -> bytes:
        """The chain as PEM, leaf first."""
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.chain)


class CrlBook:
    """Evidence in memory: the hub's EvidenceBook over a few CRLs and OCSP answers."""

    def __init__(self, pieces: Iterable[EvidencePiece] = ()) -> None:
        """The pieces in any order; `about` sorts them."""
        self._pieces = sorted(pieces, key=lambda piece: piece.this_update, reverse=True)

    @classmethod
    def of(cls, crls: Iterable[bytes]) -> CrlBook:
        """A book of these CRLs (DER)."""
        return cls(revocation.read_crl(der) for der in crls)

    def about(self, issuer_key: str) -> Sequence[EvidencePiece]:
        """The pieces of this CA, newest first."""
        return [piece for piece in self._pieces if piece.issuer_key == issuer_key]


class DemoPki:
    """One root and its sub-CA; issues seals, personal certificates and CRLs around a fixed moment."""

    def __init__(self, *, moment: datetime | None = None, name: str = "Truc lien thong thu nghiem") -> None:
        """`moment` (aware) is the now of all validity dates; default is the machine's clock."""
        self.moment = (moment or datetime.now(UTC)).replace(microsecond=0)
        self.name = name
        self.crl_issuers: list[Identity] = []
        self._revoked: dict[int, _Entry] = {}
        self.root = self.self_signed(f"{name} RootCA", flaws=_AUTHORITY)
        self.sub_ca = self.authority(f"{name} CA phuc vu co quan nha nuoc")

    def authority(self, name: str, *, issuer: Identity | None = None, flaws: Flaws = _AUTHORITY) -> Identity:
        """A CA below `issuer` (default: the root); `flaws` may make it no CA at all."""
        return self.issue(_name(common_name=name), issuer=issuer or self.root, flaws=flaws)

    def short_authority(self, name: str, *, path_length: int) -> Identity:
        """A CA below the root that may have at most `path_length` CAs below itself."""
        return self.authority(name, flaws=replace(_AUTHORITY, path_length=path_length))

    def agency_seal(
        self, organisation: str, code: str, *, issuer: Identity | None = None, flaws: Flaws = SOUND
    ) -> Identity:
        """An agency's seal: CN and O are the organisation, organizationIdentifier is its agency code."""
        subject = _name(common_name=organisation, organisation=organisation, code=code)
        return self.issue(subject, issuer=issuer or self.sub_ca, flaws=flaws)

    def person(
        self, full_name: str, organisation: str, *, issuer: Identity | None = None, flaws: Flaws = SOUND
    ) -> Identity:
        """A personal certificate: CN is the person, O the organisation, and no agency code."""
        subject = _name(common_name=full_name, organisation=organisation)
        return self.issue(subject, issuer=issuer or self.sub_ca, flaws=flaws)

    def timestamping(
        self, name: str = "Dau thoi gian", *, issuer: Identity | None = None, flaws: Flaws = TIMESTAMPING
    ) -> Identity:
        """A time-stamping authority: its extended key usage is critical and names nothing else (RFC 3161 §2.3)."""
        return self.issue(_name(common_name=name), issuer=issuer or self.sub_ca, flaws=flaws)

    def revoke(
        self,
        identity: Identity,
        *,
        at: datetime,
        reason: x509.ReasonFlags | None = None,
        invalid_since: datetime | None = None,
    ) -> None:
        """Every later CRL of the identity's issuer names it as revoked at the moment `at`."""
        serial = identity.certificate.serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        if invalid_since is not None:
            entry = entry.add_extension(x509.InvalidityDate(invalid_since), critical=False)
        self._revoked[serial] = _Entry(entry.build(), identity.certificate.issuer)

    def crls(self, *, moment: datetime | None = None) -> tuple[bytes, ...]:
        """A fresh CRL (DER) of the root and of every CA made so far, issued an hour before `moment`."""
        return tuple(self.crl(issuer, moment=moment) for issuer in self.crl_issuers)

    def crl(
        self,
        issuer: Identity,
        *,
        moment: datetime | None = None,
        lasts: timedelta = _CRL_LASTS,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> bytes:
        """One CA's CRL (DER), issued an hour before `moment` (default: the PKI's own) and good for `lasts`."""
        since = (moment or self.moment) - _CRL_EARLIER
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
        builder = builder.last_update(since).next_update(since + lasts)
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(key_id, critical=False)
        builder = builder.add_extension(x509.CRLNumber(int(since.timestamp())), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        for entry in self._revoked.values():
            if entry.issuer == issuer.certificate.subject:
                builder = builder.add_revoked_certificate(entry.revoked)
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def evidence(self, *, moment: datetime | None = None) -> CrlBook:
        """A book of the present CRLs of all CAs."""
        return CrlBook.of(self.crls(moment=moment))

    def self_signed(self, name: str, *, code: str = "", flaws: Flaws = SOUND) -> Identity:
        """A certificate that vouches for itself."""
        subject = _name(common_name=name, code=code)
        key = _key(flaws.key, subject.rfc4514_string())
        return self._kept(Identity(key, self._certificate(subject, key, flaws, issuer=None)), flaws)

    def issue(self, subject: x509.Name, *, issuer: Identity, flaws: Flaws) -> Identity:
        """Any subject under any issuer; the same subject in one process always has the same key."""
        key = _key(flaws.key, subject.rfc4514_string())
        certificate = self._certificate(subject, key, flaws, issuer=issuer)
        return self._kept(Identity(key, certificate, (issuer.certificate, *issuer.issuers)), flaws)

    def anchors_pem(self) -> bytes:
        """The root and its sub-CA as PEM: what an administrator puts into `trust/government/`."""
        kept = (self.root.certificate, self.sub_ca.certificate)
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in kept)

    def _kept(self, identity: Identity, flaws: Flaws) -> Identity:
        """CAs are remembered, because each has a CRL."""
        if flaws.is_ca:
            self.crl_issuers.append(identity)
        return identity

    def _certificate(
        self, subject: x509.Name, key: PrivateKey, flaws: Flaws, *, issuer: Identity | None
    ) -> x509.Certificate:
        start = self.moment + flaws.valid_from
        signing_key = issuer.key if issuer else key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + flaws.valid_for)
            .add_extension(
                x509.BasicConstraints(ca=flaws.is_ca, path_length=flaws.path_length if flaws.is_ca else None),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        )
        if issuer is not None:
            builder = _with_addresses(builder, issuer.certificate)
        return _with_usage(builder, flaws).sign(signing_key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the CRLs of the CA with this name."""

    revoked: x509.RevokedCertificate
    issuer: x509.Name


def _with_addresses(builder: x509.CertificateBuilder, issuer: x509.Certificate) -> x509.CertificateBuilder:
    """Where the issuer's CRL and OCSP answers would be had; the file is named after the CA."""
    file = revocation.issuer_key(issuer.subject)[:16]
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"http://crl.{_HOST}/{file}.crl")], None, None, None)
    responder = x509.UniformResourceIdentifier(f"http://ocsp.{_HOST}/{file}")
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, responder)
    builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)


def _with_usage(builder: x509.CertificateBuilder, flaws: Flaws) -> x509.CertificateBuilder:
    if flaws.key_usage is not None:
        names = (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
        usage = x509.KeyUsage(**{name: name in flaws.key_usage for name in names})
        builder = builder.add_extension(usage, critical=True)
    if flaws.extended_key_usage:
        usages = x509.ExtendedKeyUsage(flaws.extended_key_usage)
        builder = builder.add_extension(usages, critical=flaws.critical_purposes)
    for extension in flaws.extensions:
        builder = builder.add_extension(extension, critical=True)
    if flaws.critical_unknown:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    return builder


def _name(*, common_name: str, organisation: str = "", code: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]))
    if code:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, code))
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]))
    return x509.Name(attributes)


@cache
def _key(kind: str, label: str) -> PrivateKey:
    """One key for each subject and kind in a process: making RSA keys is what makes tests slow."""
    family, _, size = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}
    return ec.generate_private_key(curves[size])
