"""A certificate file that an administrator hands in is read in either form, or refused with its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import Misconfigured
from hub.signatures.certificates import read_certificate
from tests.support.scenes import seal


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_both_forms_give_the_same_certificate(tmp_path: Path, encoding: Encoding) -> None:
    certificate = seal("H41").certificate
    file = tmp_path / "seal.cer"
    file.write_bytes(certificate.public_bytes(encoding))
    found = read_certificate(file)
    assert found.not_after == certificate.not_valid_after_utc
    assert found.pem == certificate.public_bytes(Encoding.PEM).decode()
    assert "H41" in found.subject


@pytest.mark.parametrize(
    "content",
    [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", b"\x30\x03\x02\x01\x00"],
)
def test_anything_else_is_refused_by_the_name_of_the_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "seal.cer"
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"seal\.cer"):
        read_certificate(file)


def test_a_file_that_is_not_there_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read_certificate(tmp_path / "nothing.pem")
