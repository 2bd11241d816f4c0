"""Some days of a busy hub: documents of every fate, sent and answered through the stations, the clock moved in between.

Owns: one life with everything in it that counts, ceases to count or never counts.
Never: writes a row by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hub.domain.envelopes import Business, Paper, Urgency
from hub.domain.periods import vietnam_day
from hub.processes import deadlines
from hub.stations import Hub, acknowledge, retry, tally
from hub.stations.acknowledge import Acknowledgement
from hub.store import events, rebuild
from hub.store.consignments import Consignment
from hub.store.standing import Scope, ScopeKind
from tests.support.changes import fetch, over, recall, replacement, said, taken, update
from tests.support.scenes import CAST, PDF, Scene, document, genuine, genuine_document, secret, signed, unsigned

ALL = ("H41", "H14", "H41.1.2")
BELOW = {agency.code: agency.parent for agency in CAST if agency.parent}
STATIONS = ("route", "deliver", "inform")


def lived(scene: Scene, *, each_day: Callable[[], object] = lambda: None) -> dict[str, Consignment]:
    """A fortnight; `each_day` is called when a day is over, before the clock goes on. Returns the sendings by name."""
    found = _sent(scene)
    scene.drain(only=STATIONS)
    for day in (_first_day, _second_day, _last_day):
        day(scene, found)
        scene.drain(only=STATIONS)
        each_day()
        scene.clock.ahead += timedelta(days=5)
        deadlines.tick(scene.hub)
    each_day()
    return found


def uncounted(hub: Hub) -> list[object]:
    """What is not counted as its rows say when the tally has folded all that waits."""
    tally.run("backlog", hub)
    with hub.database.reading() as connection:
        wait = events.how_many_to_tally(connection)
        subjects = rebuild.differing_subjects(connection, now=hub.now())
        return [*([wait] if wait else []), *subjects, *rebuild.differing_sums(connection)]


def _sent(scene: Scene) -> dict[str, Consignment]:
    today = vietnam_day(scene.hub.now())
    bodies = {
        "handled": genuine_document(1, issued_on=today),
        "again": signed(document(1, issued_on=today, pdf=PDF, to=("G30",), subject="V/v gửi thêm")),
        "recalled": unsigned(document(2, to=ALL, pdf=PDF)),
        "with_paper": unsigned(document(3, paper=Paper.WITH_PAPER, to=ALL, urgency=Urgency.EXPRESS)),
        "report": unsigned(document(4, sender="H41.1.2", to=("G22", "H14"), document_type_name="Báo cáo")),
        "invitation": unsigned(document(5, business=Business(), document_type_name="Giấy mời")),
        "to_a_closed_one": signed(document(6, to=("H99",), pdf=genuine("G22")), pdf=genuine("G22")),
        "secret": secret(document(7), "Mật"),
        "rejected": unsigned(document(8, to=("H98",))),
    }
    callers = {"report": "H41.1.2"}
    return {name: scene.post(body, caller=callers.get(name, "G22")).consignment for name, body in bodies.items()}


def _first_day(scene: Scene, found: dict[str, Consignment]) -> None:
    """Taken at once, refused, fetched but not taken, expired in the inbox."""
    handled = scene.deliveries(found["handled"].id)
    fetch(scene, handled["H41"])
    taken(scene, handled["H41"])
    said(scene, handled["H41"], "03")
    refuse = Acknowledgement(handled["H14"].id, "H14", taken=False, reason="sai cơ quan")
    acknowledge.run(refuse, scene.hub)
    taken(scene, scene.deliveries(found["recalled"].id)["H41"])
    fetch(scene, scene.deliveries(found["recalled"].id)["H14"])
    over(scene, scene.deliveries(found["with_paper"].id)["H41.1.2"])


def _second_day(scene: Scene, found: dict[str, Consignment]) -> None:
    """Recalled after its day, completed late, declined, updated, what expired is delivered again."""
    said(scene, scene.deliveries(found["handled"].id)["H41"], "06")
    post = scene.post
    found["recall"] = post(recall(found["recalled"], to=ALL, seal=unsigned)).consignment
    found["update"] = post(update(found["with_paper"], to=ALL, subject="V/v khác", seal=unsigned)).consignment
    found["replacing"] = post(replacement(found["invitation"], 9, to=("H41", "H14"), seal=unsigned)).consignment
    said(scene, scene.deliveries(found["report"].id)["G22"], "02")
    with scene.database.reading() as connection:
        plan = retry.plan(connection, Scope(ScopeKind.SENDER, "G22"), scene.hub)
    assert [retry.run(step, scene.hub) for step in plan] == [True]


def _last_day(scene: Scene, found: dict[str, Consignment]) -> None:
    """One recalled copy is cancelled, the other kept; what was delivered again is taken."""
    recalled = scene.deliveries(found["recalled"].id)
    said(scene, recalled["H41"], "15")
    said(scene, recalled["H14"], "16")
    taken(scene, scene.deliveries(found["with_paper"].id)["H41.1.2"])
    said(scene, scene.deliveries(found["with_paper"].id)["H41"], "05")
