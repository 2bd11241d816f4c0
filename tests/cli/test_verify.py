"""`hub verify` and `hub evidence`: another machine, no network, exit codes for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub import wiring
from hub.cli.evidence import evidence
from hub.cli.verify import verify
from hub.errors import NoSuchThing
from hub.signatures import asic
from hub.store import tables
from tests.bundles import workshop
from tests.bundles.workshop import Made

WHY = ("--reason", "Giải quyết khiếu nại số 15")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    shared = workshop.made_once(tmp_path_factory.getbasetemp() / "bundles")
    yield shared
    shared.workshop.scene.close()


def run(made: Made, bundle: Path, *more: str) -> Result:
    return CliRunner().invoke(verify, [str(bundle), "--trust", str(made.workshop.trust), *more])


def kept(folder: Path, content: bytes) -> Path:
    file = folder / "ho-so.asice"
    file.write_bytes(content)
    return file


def test_a_sound_bundle_in_a_process_of_its_own_without_a_network(made, tmp_path):
    """E7: an audit hook ends the process when it asks for the network."""
    ran = workshop.elsewhere(kept(tmp_path, made.bundle), made.workshop.trust)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert "13 ✓" in ran.stdout
    assert "✗" not in ran.stdout


def test_a_broken_bundle_names_the_first_broken_thing(made, tmp_path):
    broken = workshop.flipped(made.bundle, "envelope.edxml")
    ran = run(made, kept(tmp_path, broken))
    assert ran.exit_code == 1
    assert " 2 ✗ Bản kê: Tệp «envelope.edxml» đã bị thay đổi" in ran.output
    assert ran.output.splitlines()[-4].startswith("✗ HỎNG – Bản kê")
    assert "BROKEN – Manifest: The file “envelope.edxml” was changed" in ran.output


def test_json_for_programs(made, tmp_path):
    sound = run(made, kept(tmp_path, made.bundle), "--json")
    assert (sound.exit_code, json.loads(sound.output)["sound"]) == (0, True)
    broken = run(made, kept(tmp_path, workshop.flipped(made.bundle, "index.json")), "--json")
    facts = json.loads(broken.output)
    assert broken.exit_code == 1
    assert (facts["first_broken"]["number"], facts["first_broken"]["where"]) == (2, "index.json")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(100)])
def test_what_is_no_bundle_ends_with_two(made, tmp_path, content):
    result = run(made, kept(tmp_path, content))
    assert result.exit_code == 2
    assert "not an evidence bundle" in result.output


def test_a_truncated_bundle_is_a_broken_bundle(made, tmp_path):
    assert run(made, kept(tmp_path, made.bundle[: len(made.bundle) // 2])).exit_code == 1


@pytest.fixture
def same_hub(made, monkeypatch):
    """The commands open the hub of the workshop, and leave it open."""
    monkeypatch.setattr(wiring, "open_hub", lambda settings: made.workshop.scene.hub)
    monkeypatch.setattr(type(made.workshop.scene.hub), "close", lambda self: None)


def openings(made: Made) -> list[dict]:
    """What the audit says of opened content, oldest first."""
    asked = sa.select(tables.audit.c.facts).where(tables.audit.c.what == "content.opened")
    with made.workshop.scene.database.reading() as connection:
        return list(connection.execute(asked.order_by(tables.audit.c.number)).scalars())


@pytest.mark.usefixtures("same_hub")
def test_the_bundle_is_written_whole_and_never_over_a_file(made, tmp_path):
    out = tmp_path / "mot.asice"
    first = CliRunner().invoke(evidence, [made.consignment_id, *WHY, "--out", str(out)])
    assert (first.exit_code, first.output.strip()) == (0, str(out))
    assert run(made, out).exit_code == 0
    before = out.read_bytes()
    again = CliRunner().invoke(evidence, [made.consignment_id, *WHY, "--out", str(out)])
    assert again.exit_code == 1
    assert "exists already" in again.output
    assert out.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["mot.asice"]


@pytest.mark.usefixtures("same_hub")
def test_without_out_the_file_has_the_name_of_the_consignment(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(evidence, [made.consignment_id.upper(), *WHY]).exit_code == 0
    with (tmp_path / f"{made.consignment_id}.asice").open("rb") as file:
        assert asic.Container(file).signed_by(made.workshop.key.certificates)


@pytest.mark.usefixtures("same_hub")
def test_an_unknown_consignment_leaves_nothing(tmp_path):
    result = CliRunner().invoke(evidence, ["00000000-0000-7000-8000-00000000dead", *WHY, "--out", str(tmp_path / "x")])
    assert isinstance(result.exception, NoSuchThing)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("same_hub")
def test_a_folder_that_is_not_there_is_named(made, tmp_path):
    result = CliRunner().invoke(evidence, [made.consignment_id, *WHY, "--out", str(tmp_path / "no" / "x.asice")])
    assert result.exit_code == 1
    assert "cannot be written" in result.output


@pytest.mark.usefixtures("same_hub")
def test_the_file_is_for_its_owner_alone(made, tmp_path):
    assert CliRunner().invoke(evidence, [made.consignment_id, *WHY, "--out", str(tmp_path / "x")]).exit_code == 0
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("same_hub")
@pytest.mark.parametrize("why", [[], ["--reason", "kiểm tra"], ["--reason", " " * 20]])
def test_without_a_reason_there_is_no_bundle(made, tmp_path, why):
    before = openings(made)
    ran = CliRunner().invoke(evidence, [made.consignment_id, *why, "--out", str(tmp_path / "x")])
    assert ran.exit_code == 2
    assert "--reason" in ran.output
    assert (list(tmp_path.iterdir()), openings(made)) == ([], before)


@pytest.mark.usefixtures("same_hub")
def test_the_bundle_holds_the_envelope_so_its_reason_is_audited(made, tmp_path):
    before = len(openings(made))
    assert CliRunner().invoke(evidence, [made.consignment_id, *WHY, "--out", str(tmp_path / "x")]).exit_code == 0
    (told,) = openings(made)[before:]
    kept = made.workshop.scene.consignment(made.consignment_id)
    assert told == {"consignment": kept.id, "sha256": kept.sha256, "reason": WHY[1], "form": "bundle"}
