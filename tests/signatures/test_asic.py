"""ASiC-E containers: what is written is read back, openssl agrees, and no other form is read at all (A3)."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from hub.signatures import asic
from hub.signatures.asic import Container, ContainerWriter, Malformed, NotSigned
from hub.signatures.keys import HubKey, create_hub_key
from tests.support.fixtures import unavailable

PARTS = {"index.json": b"{}\n", "receipts/001-A.jws": b"a.b.c", "envelope.edxml": bytes(range(256)) * 40}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("stranger"))


def written(key: HubKey) -> bytes:
    out = io.BytesIO()
    writer = ContainerWriter(out)
    for name, content in PARTS.items():
        writer.add(name, (content[:2], content[2:]))
    writer.seal(key)
    return out.getvalue()


def opened(content: bytes) -> Container:
    return Container(io.BytesIO(content))


def malformed(content: bytes) -> str:
    with pytest.raises(Malformed) as refused:
        opened(content)
    return refused.value.code


def zipped(*entries: tuple[str, bytes], compress: int = zipfile.ZIP_STORED) -> bytes:
    """Any ZIP, begun as an ASiC-E container."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), asic.MIMETYPE)
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, compress)
    return out.getvalue()


def test_what_was_written_is_read_back(key):
    container = opened(written(key))
    assert container.data_names() == list(PARTS)
    assert {name: container.read(name, most_bytes=20_000) for name in PARTS} == PARTS
    assert container.listed() == {name: container.digest(name) for name in PARTS}
    assert container.signed_by(key.certificates) == key.certificates[0]


def test_the_mimetype_stands_first_and_plain(key):
    content = written(key)
    assert asic.is_container(io.BytesIO(content))
    assert content[30:69] == b"mimetype" + asic.MIMETYPE
    assert not asic.is_container(io.BytesIO(b"PK\x03\x04 something else"))
    assert not asic.is_container(io.BytesIO(b""))


def test_the_same_parts_give_the_same_bytes_but_for_the_signature(key):
    first, second = opened(written(key)), opened(written(key))
    assert first.places.keys() == second.places.keys()
    same = [name for name in first.places if first.digest(name) == second.digest(name)]
    assert same == ["mimetype", *PARTS, asic.MANIFEST]


def test_a_part_can_be_read_from_any_place(key):
    with opened(written(key)).open("envelope.edxml") as part:
        part.seek(-5, io.SEEK_END)
        assert part.read(99) == PARTS["envelope.edxml"][-5:]
        part.seek(3)
        assert part.read(4) == PARTS["envelope.edxml"][3:7]


def test_openssl_finds_the_cades_signature_genuine(key, tmp_path: Path):
    if shutil.which("openssl") is None:
        unavailable("openssl is not installed (Debian: apt-get install openssl)")
    container = opened(written(key))
    for name in (asic.MANIFEST, asic.SIGNATURE):
        (tmp_path / Path(name).name).write_bytes(container.read(name, most_bytes=10_000))
    (tmp_path / "hub.pem").write_text("".join(asic.chain_pem(key)))
    ran = subprocess.run(
        ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature001.p7s",
         "-content", "ASiCManifest001.xml", "-CAfile", "hub.pem", "-purpose", "any", "-out", "/dev/null"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_python_s_own_zip_finds_nothing_wrong(key):
    with zipfile.ZipFile(io.BytesIO(written(key))) as archive:
        assert archive.testzip() is None


def test_another_key_is_a_stranger_and_named(key, stranger):
    with pytest.raises(NotSigned) as refused:
        opened(written(stranger)).signed_by(key.certificates)
    assert "Truc lien thong" in refused.value.stranger


def test_an_old_certificate_among_the_trusted_ones_is_enough(key, stranger):
    trusted = (*stranger.certificates, *key.certificates)
    assert opened(written(key)).signed_by(trusted) == key.certificates[0]


def test_a_signature_over_another_manifest_is_refused(key):
    signature = asic.signature_over(b"one manifest", key)
    with pytest.raises(NotSigned, match="does not fit"):
        asic.signer_of(b"another manifest", signature, key.certificates)


@pytest.mark.parametrize("garbage", [b"", b"\x30\x80", b"\x30\x03\x02\x01\x05", b"\xff" * 300])
def test_garbage_is_no_signature(key, garbage):
    with pytest.raises(NotSigned):
        asic.signer_of(b"manifest", garbage, key.certificates)


def test_every_changed_byte_of_a_signature_is_noticed_or_harmless(key):
    """Harmless: a byte outside of what is signed and compared; never another signer or another manifest."""
    manifest = b"the manifest"
    signature = asic.signature_over(manifest, key)
    accepted = 0
    for place in range(0, len(signature), 7):
        changed = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        try:
            accepted += asic.signer_of(manifest, changed, key.certificates) != key.certificates[0]
        except NotSigned:
            continue
    assert accepted == 0


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([("../evil", b"x")], "name"),
        ([("/etc/passwd", b"x")], "name"),
        ([("a\\b", b"x")], "name"),
        ([("a/b/c", b"x")], "name"),
        ([("a" * 121, b"x")], "name"),
        ([("tệp", b"x")], "name"),
        ([("con trỏ.txt\n", b"x")], "name"),
        ([("a/", b"")], "name"),
        ([("A.json", b"x"), ("a.json", b"y")], "duplicate"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_odd_names_are_refused(entries, code):
    """A3: paths that lead out, names that two readers read differently."""
    assert malformed(zipped(*entries)) == code


def test_a_duplicate_is_refused():
    """A3: which of the two would a reader take?"""
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped(("index.json", b"1"), ("index.json", b"2"))
    assert malformed(content) == "duplicate"


def test_a_bomb_is_refused_before_it_is_inflated():
    """A3: 100 MiB of zeros in 100 KB."""
    content = zipped(("envelope.edxml", bytes(100 << 20)), compress=zipfile.ZIP_DEFLATED)
    assert len(content) < 200_000
    assert malformed(content) == "compressed"


def test_truncation_is_noticed_everywhere(key):
    content = written(key)
    for length in range(0, len(content), 97):
        assert malformed(content[:length]) in {"truncated", "hidden"}


def test_bytes_before_between_and_after_are_refused(key):
    content = written(key)
    assert malformed(b"#!" + content) == "hidden"
    assert malformed(content + b"x") == "truncated"
    start = content.index(b"PK\x01\x02")
    end = content[-22:-6] + (start + 3).to_bytes(4, "little") + content[-2:]
    assert malformed(content[:start] + b"abc" + content[start:-22] + end) == "hidden"


def test_a_comment_may_hide_nothing(key):
    content = written(key)
    assert malformed(content[:-2] + b"\x03\x00abc") == "truncated"


@pytest.mark.parametrize("place", [6, 8, 18, 22, 26, 28, 30])
def test_a_local_header_that_differs_from_the_directory_is_refused(key, place):
    """A3: one reader goes by the local header, another by the directory."""
    content = bytearray(written(key))
    content[place + 69] ^= 1  # in the header of the second part
    assert malformed(bytes(content)) == "hidden"


def test_too_many_parts_are_refused_before_the_directory_is_read(monkeypatch, key):
    content = written(key)
    monkeypatch.setattr(asic, "MOST_PARTS", 3)
    assert malformed(content) == "too_large"


def test_a_container_over_the_bound_is_not_read(monkeypatch, key):
    content = written(key)
    monkeypatch.setattr(asic, "MOST_BYTES", len(content) - 1)
    assert malformed(content) == "too_large"


def test_a_part_over_its_bound_is_not_read(key):
    with pytest.raises(Malformed, match=r"too_large envelope\.edxml"):
        opened(written(key)).read("envelope.edxml", most_bytes=100)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.replace(b"index.json", b"index.jsOn", 1)[:-3],
        lambda m: m.replace(b"</asic:ASiCManifest>", b"<x/></asic:ASiCManifest>"),
        lambda m: m.replace(b"xmlenc#sha256", b"xmlenc#sha512", 1),
        lambda m: b"<!DOCTYPE a>" + m.partition(b"\n")[2],
        lambda m: m + m,
        lambda m: b"",
    ],
)
def test_a_manifest_of_any_other_form_is_refused(change):
    manifest = asic.manifest_of({"index.json": "00" * 32})
    with pytest.raises(Malformed, match="manifest"):
        asic.manifest_read(change(manifest))


def test_a_manifest_is_read_as_written():
    digests = {"index.json": "00" * 32, "receipts/001-A.jws": "ab" * 32}
    assert asic.manifest_read(asic.manifest_of(digests)) == digests


@pytest.mark.parametrize("name", ["../a", "META-INF/x.xml", "mimetype ", "index.json"])
def test_a_writer_takes_no_odd_names_and_none_twice(name):
    writer = ContainerWriter(io.BytesIO())
    writer.add("index.json", (b"{}",))
    with pytest.raises(ValueError, match="part"):
        writer.add(name, (b"",))
