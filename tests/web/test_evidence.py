"""The evidence bundle over HTTP: for those who may read the consignment, and nobody else (T3)."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.errors import PayloadsUnavailable
from hub.signatures import asic
from tests.support import hubs
from tests.support.scenes import document, signed
from tests.web.conftest import Web

MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"


@dataclass(frozen=True, slots=True)
class Sent:
    """One document of G22 in the inbox of H41; nothing in these tests changes it."""

    web: Web
    facts: Mapping[str, Any]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, ready_made: tuple[Path, Mapping[str, str]]) -> Iterator[Sent]:
    folder, keys = ready_made
    copy = tmp_path_factory.mktemp("evidence") / "hub"
    shutil.copytree(folder, copy)
    web = Web(hubs.open_again(copy), keys)
    yield Sent(web, web.placed())
    web.hub.close()


def path(facts) -> str:
    return f"/consignments/{facts['id']}/evidence"


def test_the_sender_gets_a_signed_container(sent):
    web, facts = sent.web, sent.facts
    answer = web.as_("G22").get(path(facts))
    assert answer.status_code == 200
    assert answer.content_type == MEDIA_TYPE
    assert answer.content_length == len(answer.data)
    assert answer.headers["Content-Disposition"].startswith(f"attachment; filename={facts['id']}.asice")
    container = asic.Container(io.BytesIO(answer.data))
    assert container.signed_by(web.hub.key.certificates) == web.hub.key.certificates[0]
    assert container.digest("envelope.edxml") == facts["sha256"]
    assert container.listed() == {name: container.digest(name) for name in container.data_names()}


@pytest.mark.parametrize("other", ["H41", "H14", "G30"])
def test_others_get_exactly_what_an_unknown_id_gets(sent, other):
    """T3: as with GET /consignments/{id}; a recipient has the envelope, its own receipts and the status history."""
    web, facts = sent.web, sent.facts
    theirs = web.as_(other).get(path(facts))
    unknown = web.as_(other).get("/consignments/00000000-0000-7000-8000-00000000dead/evidence")
    odd = web.as_(other).get("/consignments/..%2f..%2fetc/evidence")
    assert theirs.status_code == unknown.status_code == odd.status_code == 404
    assert theirs.json["code"] == unknown.json["code"] == "thing.unknown"
    assert web.as_(other).get(f"/consignments/{facts['id']}").status_code == 404


def test_without_a_key_there_is_nothing(sent):
    web, facts = sent.web, sent.facts
    assert web.anonymous().get("/api/v1" + path(facts)).status_code == 401


def test_a_rejected_sending_has_evidence_for_its_caller(sent):
    web = sent.web
    answer = web.as_("G22").send(signed(document(2, to=("Z99",))))
    assert answer.status_code == 422
    bundle = web.as_("G22").get(path(answer.json))
    assert bundle.status_code == 200
    assert "receipts/001-SubmissionRejection.jws" in asic.Container(io.BytesIO(bundle.data)).places


def test_a_full_disk_is_not_now_and_leaves_nothing(sent, monkeypatch):
    web, facts = sent.web, sent.facts

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("hub.bundles.collect.write", full)
        answer = web.as_("G22").get(path(facts))
    assert answer.status_code == 503
    assert answer.json["code"] == PayloadsUnavailable.code
    assert list((web.hub.settings.data_dir / "spool").iterdir()) == []
    assert web.as_("G22").get(path(facts)).status_code == 200


def test_the_last_space_is_for_documents_that_arrive(sent, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(type(sent.web.hub.payloads), "free_bytes", lambda self: sent.web.hub.settings.min_free_bytes)
        assert sent.web.as_("G22").get(path(sent.facts)).status_code == 503
    assert sent.web.as_("G22").get(path(sent.facts)).status_code == 200
