"""Reads a certificate file that an administrator hands in.

Owns: PEM or DER, one certificate, described as values.
Never: judges trust.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from hub.domain.signatures import SignerCertificate
from hub.errors import Misconfigured
from hub.signatures.keyinfo import described


def read_certificate(path: Path) -> SignerCertificate:
    """The (first) certificate of a PEM or DER file. Raises Misconfigured when there is none."""
    try:
        content = path.read_bytes()
        if b"-----BEGIN" in content:
            return described(x509.load_pem_x509_certificates(content)[0])
        return described(x509.load_der_x509_certificate(content))
    except (OSError, ValueError, IndexError) as fault:
        raise Misconfigured(str(path), "a certificate in PEM or DER", f"It cannot be read: {fault}") from fault
