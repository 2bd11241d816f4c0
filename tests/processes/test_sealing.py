"""The sealing: what is due, in bounded batches; timestamps that come when they come, verified before they are kept."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.services.timestamps_http import TimestampsHttp
from hub.demo.tsa import DemoTsa, TokenFlaws
from hub.domain.evidence import NoEvidence
from hub.errors import TimestampsUnavailable
from hub.processes import sealing
from hub.processes.sealing import pause_after, run_stamps, stamp_tick, tick
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.timestamps import Expected, verify_token
from hub.store import seals
from tests.conformance.timestamp_authority import authority, pki
from tests.support.sealed import give

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently
TRUST = Trust(timestamping=TrustAnchors.of([pki().root.certificate]))


@pytest.fixture
def hub(scene):
    """The scene's hub without other evidence and without an authority."""
    return replace(scene.hub, trust=TRUST, book=NoEvidence(), timestamps=None)


@pytest.fixture
def tsa():
    with DemoTsa(authority()) as running:
        yield running


@pytest.fixture
def stamping(hub, tsa):
    """The hub with the authority configured."""
    adapter = TimestampsHttp(tsa.url, timeout_seconds=30)
    yield replace(hub, timestamps=adapter)
    adapter.close()


def chain(hub):
    with hub.database.reading() as connection:
        return list(seals.walk(connection))


def test_receipts_are_sealed_at_most_every_so_often(scene, hub):
    assert tick(hub) == 0
    give(hub.database, range(1, 2))
    assert tick(hub) == 1
    give(hub.database, range(2, 3))
    assert tick(hub) == 0
    scene.clock.ahead = timedelta(seconds=hub.settings.seal_every_seconds + 1)
    assert tick(hub) == 1
    assert [link.statement.size for link in chain(hub)] == [1, 1]
    assert tick(hub) == 0


@ON_SQLITE
def test_a_clock_that_was_set_back_does_not_stop_the_sealing(scene, hub):
    give(hub.database, range(1, 2))
    scene.clock.ahead = timedelta(days=400)
    assert tick(hub) == 1
    give(hub.database, range(2, 3))
    scene.clock.ahead = timedelta()
    assert tick(hub) == 1


def test_a_full_batch_is_sealed_at_once_and_a_backlog_batch_by_batch(hub, monkeypatch):
    monkeypatch.setattr(sealing, "MOST_RECEIPTS", 5)
    monkeypatch.setattr(seals.seal_next, "__kwdefaults__", {"most": 5})
    give(hub.database, range(1, 18))
    assert tick(hub) == 3
    assert [link.statement.size for link in chain(hub)] == [5, 5, 5]
    give(hub.database, range(18, 21))
    assert tick(hub) == 1


@ON_SQLITE
def test_a_backlog_does_not_hold_the_clock_up(hub, monkeypatch):
    monkeypatch.setattr(sealing, "LONGEST_ROUND_SECONDS", 0.0)
    give(hub.database, range(1, 3))
    assert tick(hub) == 0
    monkeypatch.setattr(sealing, "LONGEST_ROUND_SECONDS", 5.0)
    assert tick(hub) == 1


@ON_SQLITE
def test_without_an_authority_a_seal_says_that_none_is_awaited(hub):
    give(hub.database, range(1, 3))
    tick(hub)
    (link,) = chain(hub)
    assert (link.token, link.next_stamp_at, link.last_error) == (None, None, "")
    assert stamp_tick(hub) is False
    run_stamps(hub, threading.Event())  # returns: there is nothing to do


def test_a_seal_is_timestamped_and_the_token_proves_its_head(stamping):
    give(stamping.database, range(1, 3))
    tick(stamping)
    assert stamp_tick(stamping) is True
    assert stamp_tick(stamping) is False
    (link,) = chain(stamping)
    report = verify_token(link.token, Expected(bytes.fromhex(link.head)), judge=lambda *_: ())
    assert report.valid
    assert link.stamped_at == report.timestamp.gen_time
    assert (link.next_stamp_at, link.stamp_failures) == (None, 0)


@ON_SQLITE
@pytest.mark.parametrize(
    ("flaws", "words"),
    [
        (TokenFlaws(status="rejection"), "rejection"),
        (TokenFlaws(imprint=bytes(32)), "timestamp.other_digest"),
        (TokenFlaws(nonce=1), "timestamp.other_nonce"),
        (TokenFlaws(late_by=-timedelta(hours=1)), "timestamp.too_early"),
        (TokenFlaws(changed=True), "timestamp.content_changed"),
    ],
    ids=str,
)
def test_e21_a_wrong_timestamp_is_never_kept(stamping, tsa, flaws, words):
    """E21: what is not for this seal, at this time, by this request, is asked for again later."""
    give(stamping.database, range(1, 3))
    tick(stamping)
    tsa.flaws = flaws
    assert stamp_tick(stamping) is True
    (link,) = chain(stamping)
    assert (link.token, link.stamp_failures) == (None, 1)
    assert words in link.last_error
    assert link.next_stamp_at > stamping.now()


@ON_SQLITE
def test_e21_an_authority_that_nobody_trusts(stamping):
    """E21: the chain of the authority's certificate leads nowhere."""
    give(stamping.database, range(1, 3))
    tick(stamping)
    assert stamp_tick(replace(stamping, trust=Trust())) is True
    (link,) = chain(stamping)
    assert link.token is None
    assert "certificate.untrusted" in link.last_error


@ON_SQLITE
def test_a_lost_authority_is_tried_again_and_then_ever_more_seldom(scene, stamping, tsa):
    give(stamping.database, range(1, 3))
    tick(stamping)
    tsa.flaws = TokenFlaws(status="rejection")
    for failures in range(1, 6):
        assert stamp_tick(stamping) is True
        (link,) = chain(stamping)
        assert link.stamp_failures == failures
        assert stamp_tick(stamping) is False
        scene.clock.ahead += pause_after(failures) + timedelta(seconds=1)
    tsa.flaws = TokenFlaws(late_by=scene.clock.ahead)
    assert stamp_tick(stamping) is True
    assert chain(stamping)[0].token is not None


def test_pauses_grow_to_an_hour():
    pauses = [pause_after(failures) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[2] == timedelta(minutes=1)
    assert pauses[-1] == timedelta(hours=1)


@ON_SQLITE
def test_a_slow_authority_holds_nothing_up(scene, stamping, tsa, monkeypatch):
    """The authority takes long (130 s in life); sealing goes on, at most four wait, and a stop does not wait."""
    tsa.delay_seconds = 2.0
    monkeypatch.setattr(sealing, "LOOK_EVERY_SECONDS", 0.05)
    for number in range(1, 8):
        give(stamping.database, range(number, number + 1))
        scene.clock.ahead += timedelta(seconds=stamping.settings.seal_every_seconds + 1)
        tick(stamping)
    stop = threading.Event()
    asking = threading.Thread(target=run_stamps, args=(stamping, stop), daemon=True)
    asking.start()
    _wait_for(lambda: tsa.most_at_once == sealing.AT_ONCE)
    give(stamping.database, range(100, 110))
    scene.clock.ahead += timedelta(seconds=stamping.settings.seal_every_seconds + 1)
    began = time.monotonic()
    assert tick(stamping) == 1
    assert time.monotonic() - began < tsa.delay_seconds
    stop.set()
    asking.join(timeout=20)
    assert tsa.most_at_once == sealing.AT_ONCE


def test_one_seal_is_asked_for_by_one_of_many(stamping, tsa, monkeypatch):
    monkeypatch.setattr(sealing, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(sealing, "MOST_RECEIPTS", 2)
    monkeypatch.setattr(seals.seal_next, "__kwdefaults__", {"most": 2})
    give(stamping.database, range(1, 13))
    assert tick(stamping) == 6
    stop = threading.Event()
    askers = [threading.Thread(target=run_stamps, args=(stamping, stop), daemon=True) for _ in range(2)]
    for asker in askers:
        asker.start()
    _wait_for(lambda: all(link.token for link in chain(stamping)))
    stop.set()
    for asker in askers:
        asker.join(timeout=20)
    assert tsa.answered == 6


@ON_SQLITE
def test_a_defect_does_not_end_the_asking(stamping, monkeypatch):
    class Defect:
        def __init__(self):
            self.asked = 0

        def stamp(self, request):
            self.asked += 1
            raise [ZeroDivisionError("a defect"), TimestampsUnavailable("away")][self.asked % 2]

    broken = Defect()
    monkeypatch.setattr(sealing, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(sealing, "CLAIMED_FOR", timedelta())
    monkeypatch.setattr(sealing, "QUICK_PAUSE", timedelta())
    give(stamping.database, range(1, 3))
    tick(stamping)
    stop = threading.Event()
    asking = threading.Thread(target=run_stamps, args=(replace(stamping, timestamps=broken), stop), daemon=True)
    asking.start()
    _wait_for(lambda: broken.asked >= 3)
    stop.set()
    asking.join(timeout=20)
    assert not asking.is_alive()


def _wait_for(holds, timeout_seconds: float = 60.0) -> None:
    until = time.monotonic() + timeout_seconds
    while not holds():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)
