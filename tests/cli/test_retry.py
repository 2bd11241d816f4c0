"""`hub retry`: it lists and says how to apply; with --apply it does exactly that, and it is audited."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub import wiring
from hub.cli.retry import retry as command
from hub.domain.deliveries import DeliveryState
from hub.errors import UnknownAgency
from hub.stations import expire, route
from hub.store import deliveries, tables
from tests.stations.conftest import snapshot

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hub(scene, monkeypatch):
    """The command opens the scene's hub, and closing it is the scene's business."""

    class Lent:
        def __getattr__(self, name):
            return getattr(scene.hub, name)

        def close(self):
            pass

    monkeypatch.setenv("HUB_DATA_DIR", str(scene.folder))
    monkeypatch.setattr(wiring, "open_hub", lambda _settings: Lent())
    return scene.hub


def run(*words):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def audit(scene):
    with scene.database.reading() as connection:
        return [(row.what, row.who, row.facts) for row in connection.execute(sa.select(tables.audit))]


@pytest.fixture
def two(scene, hub):
    """One delivery that waits and one that expired."""
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    waiting = scene.deliveries(sent.id)["H41"]
    late = scene.hub.now() + timedelta(hours=2)
    with scene.database.writing() as transaction:
        deliveries.change(transaction, waiting.id, attempts=3, reason="bận", next_attempt_at=late)
    other = scene.accepted(2, to=("H14",))
    route.run(other.id, scene.hub)
    gone = scene.deliveries(other.id)["H14"]
    with scene.database.writing() as transaction:
        deliveries.change(transaction, gone.id, expires_at=scene.hub.now())
    expire.run(gone.id, scene.hub)
    return waiting, gone


def test_it_lists_and_does_nothing(scene, two):
    before = snapshot(scene.database)
    result = run("--all")
    assert result.exit_code == 0
    assert all(one.id in result.output for one in two)
    assert "hub retry --all --apply" in result.output
    assert "attempt now: 1" in result.output
    assert "deliver again: 1" in result.output
    assert snapshot(scene.database) == before


def test_applied_it_does_exactly_what_was_listed(scene, two):
    waiting, gone = two
    result = run("--recipient", "000.00.00.h14", "--apply")
    assert "done: 1" in result.output
    assert "left alone: 0" in result.output
    assert scene.delivery(gone.id).state is DeliveryState.DUE
    assert scene.delivery(waiting.id).next_attempt_at > scene.hub.now()
    ((what, who, facts),) = audit(scene)
    assert (what, facts) == ("retry.applied", {"scope": "--recipient H14", "steps": 1})
    assert who.startswith("cli:")


def test_the_scopes(two):
    waiting, gone = two
    for words, found in (
        (("--sender", "G22"), {waiting.id, gone.id}),
        (("--sender", "G30"), set()),
        (("--recipient", "H41"), {waiting.id}),
        (("--delivery", "?"), set()),
    ):
        listed = run(*words).output
        assert {one.id for one in two if one.id in listed} == found


def test_one_consignment_and_one_delivery_by_their_ids(two):
    waiting, gone = two
    listed = run("--consignment", gone.consignment_id.upper()).output
    assert gone.id in listed
    assert waiting.id not in listed
    listed = run("--delivery", waiting.id).output
    assert waiting.id in listed
    assert f"hub retry --delivery {waiting.id} --apply" in listed


def test_with_nothing_to_do_nothing_is_audited(scene, hub):
    assert "nothing to try again" in run("--all", "--apply").output
    assert audit(scene) == []


def test_exactly_one_scope_must_be_named(hub):
    for words in ((), ("--all", "--sender", "G22"), ("--apply",)):
        result = run(*words)
        assert result.exit_code == 2
        assert "name one scope" in result.output


def test_an_unknown_agency_is_named(hub):
    with pytest.raises(UnknownAgency):
        run("--recipient", "NOBODY")
