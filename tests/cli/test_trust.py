"""`hub trust`: what is shown before trusting, what is refused, and what `check` calls a case for a person."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.cli.trust import trust as command
from hub.demo.pki import EXPIRED, WEAK_KEY, DemoPki, Flaws
from hub.domain.evidence import EvidenceKind, EvidenceWanted
from hub.errors import Misconfigured
from hub.signatures.anchor_facts import Standing, facts_in
from hub.signatures.anchors import Trust
from hub.signatures.revocation import issuer_key, read_crl
from hub.store import evidence, tables
from hub.store.engine import Database

NOW = datetime.now(UTC)
CRL_URL = "http://crl.ca.vn/root.crl"


@cache
def pki() -> DemoPki:
    return DemoPki(name="CA Thử nghiệm Đường")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE", "HUB_TRUST_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "trust"


@pytest.fixture
def stored(tmp_path, folder, sqlite_template):
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "hub.sqlite3")
    opened = Database(f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}")
    yield opened
    opened.close()


def run(*words: str, expect: int = 0):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result


def written(tmp_path: Path, *certificates: x509.Certificate, name: str = "given.pem", encoding=Encoding.PEM) -> str:
    place = tmp_path / name
    place.write_bytes(b"".join(one.public_bytes(encoding) for one in certificates))
    return str(place)


def root() -> x509.Certificate:
    return pki().root.certificate


def sub_ca() -> x509.Certificate:
    return pki().sub_ca.certificate


def person(flaws: Flaws = Flaws()) -> x509.Certificate:  # noqa: B008 - a frozen value
    return pki().person("Nguyễn Văn A", "Sở Mẫu", flaws=flaws).certificate


class TestAdd:
    def test_a_root_is_shown_and_then_trusted(self, stored, folder, tmp_path):
        shown = run("add", "government", written(tmp_path, root(), name="x.cer", encoding=Encoding.DER)).output
        (facts,) = facts_in(tmp_path / "x.cer")
        for fact in ("CA gốc / root", root().subject.rfc4514_string(), facts.certificate.sha256, "Khởi động lại"):
            assert fact in shown
        loaded = Trust.load(folder)
        assert (loaded.government.roots, loaded.government.helpers) == ((root(),), ())
        assert [file.name for file in (folder / "government").iterdir()] == ["ca-thu-nghiem-duong-rootca.pem"]

    def test_it_is_audited(self, stored, tmp_path):
        run("add", "government", written(tmp_path, root()), "--name", "goc")
        with stored.reading() as connection:
            (row,) = connection.execute(sa.select(tables.audit))
        assert (row.what, row.facts["file"], len(row.facts["sha256"])) == ("trust.added", "goc.pem", 64)

    def test_it_can_be_done_before_there_is_a_database(self, folder, tmp_path):
        result = run("add", "government", written(tmp_path, root()))
        assert "not in the audit" in result.stderr
        assert Trust.load(folder).government.roots == (root(),)

    def test_several_certificates_of_one_file_go_together(self, stored, folder, tmp_path):
        shown = run("add", "government", written(tmp_path, root(), sub_ca()), "--name", "both.pem").output
        assert "CA trung gian / sub-CA" in shown
        loaded = Trust.load(folder).government
        assert (loaded.roots, loaded.helpers) == ((root(),), (sub_ca(),))

    def test_the_hosts_that_will_be_asked_are_named(self, stored, tmp_path):
        hosts = facts_in(Path(written(tmp_path, sub_ca())))[0].hosts
        shown = run("add", "government", written(tmp_path, sub_ca())).output
        assert hosts
        assert all(host in shown for host in hosts)

    @pytest.mark.parametrize("purpose", ["government", "public", "timestamping"])
    def test_a_signer_is_no_ca(self, folder, tmp_path, purpose):
        result = run("add", purpose, written(tmp_path, root(), person()), expect=1)
        assert "signer's certificate" in result.stderr
        assert "người ký" in result.stderr
        assert not folder.exists(), "all or none"

    def test_a_ca_is_no_hub(self, folder, tmp_path):
        assert "not a CA's" in run("add", "hub", written(tmp_path, root()), expect=1).stderr
        signer = person()
        run("add", "hub", written(tmp_path, signer))
        assert Trust.load(folder).hub == (signer,)

    def test_the_same_is_not_trusted_twice(self, folder, tmp_path):
        run("add", "government", written(tmp_path, root()), "--name", "first")
        result = run("add", "government", written(tmp_path, sub_ca(), root()), "--name", "second", expect=1)
        assert "government/first.pem" in result.stderr
        run("add", "public", written(tmp_path, root()))

    def test_a_file_is_never_overwritten(self, folder, tmp_path):
        run("add", "government", written(tmp_path, root()), "--name", "one")
        assert "--name" in run("add", "government", written(tmp_path, sub_ca()), "--name", "one", expect=1).stderr
        assert Trust.load(folder).government.helpers == ()

    @pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "đường", "a\nb", "x" * 200])
    def test_only_plain_names(self, folder, tmp_path, name):
        run("add", "government", written(tmp_path, root()), "--name", name, expect=1)
        assert not folder.exists()

    def test_a_root_whose_own_signature_fails_is_refused(self, folder, tmp_path):
        der = bytearray(root().public_bytes(Encoding.DER))
        der[-3] ^= 1
        (tmp_path / "forged.cer").write_bytes(bytes(der))
        assert "own signature fails" in run("add", "government", str(tmp_path / "forged.cer"), expect=1).stderr

    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_what_is_no_certificate_is_named(self, tmp_path, folder, content):
        (tmp_path / "odd.pem").write_bytes(content)
        with pytest.raises(Misconfigured, match=r"odd\.pem"):
            run("add", "government", str(tmp_path / "odd.pem"))

    def test_what_is_odd_but_possible_is_said(self, tmp_path, folder):
        shown = run("add", "hub", written(tmp_path, person(EXPIRED), person(WEAK_KEY))).output
        assert "expired" in shown
        assert "RSA 1024" in shown

    def test_nothing_half_written_is_left(self, folder, tmp_path):
        run("add", "government", written(tmp_path, root()), "--name", "one")
        assert [file.name for file in (folder / "government").iterdir()] == ["one.pem"]


class TestListAndRemove:
    def test_the_list_names_everything(self, folder, tmp_path):
        assert "hub trust add" in run("list").output
        run("add", "government", written(tmp_path, root(), sub_ca()), "--name", "both")
        run("add", "public", written(tmp_path, root()), "--name", "other")
        shown = run("list").output
        assert shown.count("government/both.pem") == 2
        assert "public/other.pem" in shown
        rows = json.loads(run("list", "--json").output)
        assert [(row["purpose"], row["file"], row["standing"]) for row in rows] == [
            ("government", "both.pem", "root"),
            ("government", "both.pem", "sub-CA"),
            ("public", "other.pem", "root"),
        ]
        assert all(len(row["sha256"]) == 64 for row in rows)

    @pytest.mark.parametrize("name", ["one", "one.pem"])
    def test_removing_ends_the_trust(self, stored, folder, tmp_path, name):
        run("add", "government", written(tmp_path, root()), "--name", "one")
        run("add", "public", written(tmp_path, root()), "--name", "one")
        assert "government/one.pem" in run("remove", "government", name).output
        loaded = Trust.load(folder)
        assert (loaded.government.roots, loaded.public.roots) == ((), (root(),))
        with stored.reading() as connection:
            assert [row.what for row in connection.execute(sa.select(tables.audit))][-1] == "trust.removed"

    @pytest.mark.parametrize("name", ["nothing", "../public/one", "../public/one.pem", ""])
    def test_only_a_listed_file_can_be_removed(self, folder, tmp_path, name):
        run("add", "public", written(tmp_path, root()), "--name", "one")
        assert "hub trust list" in run("remove", "government", name, expect=1).stderr
        assert Trust.load(folder).public.roots == (root(),)


class TestFacts:
    def test_where_a_certificate_stands(self, tmp_path):
        found = facts_in(Path(written(tmp_path, root(), sub_ca(), person())))
        assert [one.standing for one in found] == [Standing.ROOT, Standing.SUB_CA, Standing.LEAF]
        assert [one.proven for one in found] == [True, True, True]
        assert found[0].ca_key == issuer_key(sub_ca())


class TestCheck:
    @pytest.fixture(autouse=True)
    def trusted(self, stored, folder, tmp_path):
        run("add", "government", written(tmp_path, root(), sub_ca()), "--name", "both")

    def want(self, stored, *, at=NOW) -> evidence.Source:
        with stored.writing() as transaction:
            evidence.want(transaction, [EvidenceWanted(EvidenceKind.CRL, issuer_key(sub_ca()), CRL_URL)], at=at)
            return evidence.sources(transaction.connection)[0]

    def keep(self, stored, *, moment: datetime) -> None:
        with stored.writing() as transaction:
            piece = read_crl(pki().crl(pki().root, moment=moment))
            evidence.keep(transaction, piece, source=CRL_URL, at=moment)

    def test_all_is_well_with_fresh_evidence(self, stored):
        self.keep(stored, moment=NOW)
        shown = run("check").output
        assert "government/both.pem (CA gốc / root)" in shown
        assert CRL_URL in shown
        assert "✗" not in shown

    def test_a_stale_crl_needs_a_person(self, stored):
        self.keep(stored, moment=NOW - timedelta(days=60))
        assert "It is stale" in run("check", expect=1).output

    def test_a_source_that_fails_is_named_with_its_next_time(self, stored):
        source = self.want(stored)
        with stored.writing() as transaction:
            evidence.failed(transaction, source, at=NOW, error="the server answered 404 Not Found")
        shown = run("check", expect=1).output
        assert "404 Not Found" in shown
        assert f"{NOW + timedelta(minutes=1):%Y-%m-%d %H:%M}" in shown
        assert "evidence_mirror" in shown

    def test_a_clock_that_stands_still_is_noticed(self, stored):
        self.want(stored, at=NOW - timedelta(hours=1))
        assert "Start the clock" in run("check", expect=1).output

    def test_what_is_about_to_be_fetched_is_fine(self, stored):
        self.want(stored)
        run("check")

    def test_other_hosts_that_fail_again_and_again_are_named_once(self, stored):
        wanted = [EvidenceWanted(EvidenceKind.OCSP, "e" * 64, "http://ocsp.ca.vn/", b"%d" % n) for n in range(3)]
        with stored.writing() as transaction:
            evidence.want(transaction, wanted, at=NOW)
            for _ in range(3):
                for source in evidence.sources(transaction.connection):
                    evidence.failed(transaction, source, at=NOW, error="host ocsp.ca.vn is not allowed")
        shown = run("check", expect=1).output
        assert shown.count("Nguồn / source ocsp.ca.vn") == 1
        assert "evidence_hosts" in shown

    @pytest.mark.parametrize(("flaws", "words"), [(EXPIRED, "expired"), (WEAK_KEY, "Weak key")])
    def test_a_certificate_that_cannot_serve_needs_a_person(self, stored, folder, tmp_path, flaws, words):
        odd = pki().self_signed(
            "Odd root",
            flaws=Flaws(
                **{name: getattr(flaws, name) for name in ("key", "valid_from", "valid_for")},
                is_ca=True,
                key_usage=None,
            ),
        )
        run("add", "public", written(tmp_path, odd.certificate), "--name", "odd")
        assert words in run("check", expect=1).output

    def test_an_old_certificate_of_a_hub_is_no_trouble(self, stored, folder, tmp_path):
        run("add", "hub", written(tmp_path, person(EXPIRED)), "--name", "old")
        run("check")

    def test_a_hub_that_trusts_nobody_needs_a_person(self, stored, folder):
        run("remove", "government", "both")
        assert "hub trust add" in run("check", expect=1).output
