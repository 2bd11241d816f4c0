"""A document's life as a state machine: any order of sendings, wakes, fetches and words, compared with a small model.

Each run of the machine uses documents of its own on one hub; the model is tests/support/life.py.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.statuses import StatusCode
from hub.errors import CopyGone, IllegalTransition
from hub.ports import Placed, TryLater
from hub.processes import STATIONS
from hub.stations import acknowledge, deliver, expire, fetch, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import deliveries, documents, life_tables, outbox, tables
from tests.support import busy, changes
from tests.support.life import LIVE, UNDER_WAY, Item, Life, Paper, Sending
from tests.support.scenes import Scene, document, unsigned

RECIPIENTS = ("H41", "H14", "H41.1.2")
NUMBERS = itertools.count(1)
MOMENTS = itertools.count(1)
SOME = st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=3, unique=True).map(tuple)
ENDS = {"handed_over": "ContentHandover", "refused": "ContentHandoverFailure", "withdrawn": "ContentWithdrawal"}
BOUNDS = settings(
    max_examples=8,
    stateful_step_count=24,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # the steps of a failure are printed; shortening them takes minutes with a database
    suppress_health_check=list(HealthCheck),
)


def a_moment() -> datetime:
    """A time that nobody claimed before."""
    return datetime(2026, 3, 3, tzinfo=UTC) + timedelta(seconds=next(MOMENTS))


class Machine(RuleBasedStateMachine):
    """The hub and the model do the same; after each step they must agree."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.life, self.away = scene, Life(), set()
        self.hub = replace(scene.hub, agencies={"mailbox": self})
        self.kept: dict[str, object] = {}
        self.ids: dict[tuple[str, str], str] = {}

    def hand_over(self, work):
        """The recipients' systems, as an adapter."""
        return TryLater("bận") if work.recipient in self.away else Placed()

    # What the sender does

    @initialize(to=SOME)
    def first(self, to):
        self._send(to)

    @precondition(lambda self: len(self.life.papers) < 2)
    @rule(to=SOME)
    def send(self, to):
        self._send(to)

    def _send(self, to) -> None:
        kept = self._post(unsigned(document(next(NUMBERS), to=to)))
        self._accepted(kept, "new", to, own=Paper(kept.document_id, kept.id))

    @rule(data=st.data())
    def send_a_frozen_document_again(self, data):
        frozen = [one for one in self.life.papers if one.state != "live"]
        if frozen:
            paper = data.draw(st.sampled_from(frozen))
            number = int(paper.document_id.split(",")[-1].split("/")[0])
            again = document(number, to=RECIPIENTS, subject="gửi lại")  # the very same bytes get the old receipt
            kept = self.scene.post(unsigned(again)).consignment
            assert _codes(kept) & {"change.already_recalled", "change.already_replaced"}
            assert kept.state is ConsignmentState.REJECTED

    @rule(data=st.data(), to=SOME)
    def recall(self, data, to):
        paper = self._paper(data)
        body = changes.recall(self._carrier(paper), to=to, seal=unsigned, subject=f"Thu hồi {next(MOMENTS)}")
        expected = self._frozen(paper) or _nobody_left(paper, to)
        self._change(paper, body, expected, Sending("", "recall", to, about=paper))

    @rule(data=st.data(), to=SOME, other=st.sampled_from(RECIPIENTS), what=st.sampled_from(["", "added", "removed"]))
    def update(self, data, to, other, what):
        paper = self._paper(data)
        receivers = {what: (other,)} if what else {}
        subject = f"V/v khác {next(MOMENTS)}"
        body = changes.update(self._carrier(paper), to=to, seal=unsigned, subject=subject, **receivers)
        had = what == "added" and other in paper.had_it
        expected = self._frozen(paper) or ("change.had_a_copy" if had else "")
        self._change(paper, body, expected, Sending("", "update", to, about=paper, **receivers))

    @precondition(lambda self: len(self.life.papers) < 4)
    @rule(data=st.data(), to=SOME, organs=st.lists(st.sampled_from(RECIPIENTS), max_size=2, unique=True).map(tuple))
    def replace_it(self, data, to, organs):
        paper = self._paper(data)
        body = changes.replacement(self._carrier(paper), next(NUMBERS), to=to, organs=organs, seal=unsigned)
        missing = "change.replacer_not_addressed" if set(organs) - set(to) else ""
        own = Paper("", "")
        sending = Sending("", "replace", to, own=own, about=paper, organs=organs)
        self._change(paper, body, self._frozen(paper) or missing, sending)

    @rule(data=st.data())
    def take_back(self, data):
        copies = [copy for paper in self.life.papers for copy in paper.copies.values()]
        if copies:
            copy = data.draw(st.sampled_from(copies))
            paper = copy.sending.own
            body = changes.take_back(self._carrier(paper), copy.recipient, at=a_moment(), seal=unsigned)
            self._accepted(self._post(body), "take_back", (copy.recipient,), about=paper)

    def _change(self, paper: Paper, body: bytes, expected: str, sending: Sending) -> None:
        kept = self.scene.post(body).consignment
        assert (kept.state is ConsignmentState.REJECTED) == bool(expected), (_codes(kept), expected)
        if expected:
            assert expected in _codes(kept)
            return
        sending.id = kept.id
        if sending.own is not None:
            sending.own.document_id, sending.own.ref = kept.document_id, kept.id
        self.kept[kept.id] = kept
        self.life.accept(sending)

    def _post(self, body: bytes):
        kept = self.scene.post(body).consignment
        assert kept.state is ConsignmentState.ACCEPTED, kept.findings
        return kept

    def _accepted(self, kept, kind: str, to, **facts) -> None:
        self.kept[kept.id] = kept
        self.life.accept(Sending(kept.id, kind, to, **facts))

    def _paper(self, data) -> Paper:
        return data.draw(st.sampled_from(self.life.papers))

    def _carrier(self, paper: Paper):
        return self.kept[paper.ref]

    @staticmethod
    def _frozen(paper: Paper) -> str:
        return {"live": "", "recalled": "change.already_recalled", "replaced": "change.already_replaced"}[paper.state]

    # What the hub does

    @precondition(lambda self: self._woken())
    @rule(data=st.data(), times=st.sampled_from([1, 1, 2]))
    def wake(self, data, times):
        row = data.draw(st.sampled_from(self._woken()))
        self._run(row, times=times)

    @precondition(lambda self: self._woken())
    @rule()
    def all_wakes(self):
        while rows := self._woken():
            self._run(rows[0])

    def _woken(self) -> list:
        mine = {*self.kept, *self._ids().values()}
        return [row for row in self.scene.owed() if row.station in ("route", "deliver") and row.work_id in mine]

    def _run(self, row, *, times: int = 1) -> None:
        for _ in range(times):
            STATIONS[row.station](row.work_id, self.hub)
        with self.scene.database.writing(repeatable=True) as transaction:
            outbox.forget(transaction, [row.number])
        self._modelled(row.station, row.work_id)

    def _modelled(self, station: str, work_id: str) -> None:
        if station == "route":
            sending = next(one for one in self.life.sendings if one.id == work_id)
            if not sending.routed and self.life.is_next(sending):
                self.life.route(sending)
            return
        item = next(one for one in self.life.items if self._ids().get(one.key) == work_id)
        self.life.deliver(item, away=item.recipient in self.away)

    @rule(who=st.sampled_from(RECIPIENTS))
    def system_goes_or_comes_back(self, who):
        self.away ^= {who}

    @rule()
    def try_again(self):
        """The clock: what could not be handed over is tried again."""
        for item in self.life.items:
            if item.deferred and item.state == "due":
                self._deliver(item)

    def _deliver(self, item: Item) -> None:
        deliver.run(self._id(item), self.hub)
        self.life.deliver(item, away=item.recipient in self.away)

    @rule(data=st.data())
    def time_is_over(self, data):
        item = self._item(data, lambda one: one.state in UNDER_WAY)
        if item is not None:
            with self.scene.database.writing(repeatable=True) as transaction:
                deliveries.change(transaction, self._id(item), expires_at=self.hub.now() - timedelta(seconds=1))
            expire.run(self._id(item), self.hub)
            item.end("expired")

    # What the recipients do

    @rule(data=st.data())
    def fetch(self, data):
        item = self._item(data)
        if item is None:
            return
        fetch.run(self.scene.delivery(self._id(item)), self.hub)
        with self.scene.database.reading() as connection:
            now = deliveries.get(connection, self._id(item))
            cancelled = documents.copy(connection, now.id).holding == "cancelled"
        got = now.state in (DeliveryState.IN_HAND, DeliveryState.HANDED_OVER) and not cancelled
        assert got == item.readable
        item.fetched = item.fetched or item.state in ("in_hand", "handed_over")

    @rule(data=st.data(), taken=st.sampled_from([True, True, False]))
    def acknowledge_or_refuse(self, data, taken):
        item = self._item(data)
        if item is None:
            return
        wanted = "handed_over" if taken else "refused"
        said = Acknowledgement(self._id(item), item.recipient, taken=taken, reason="không nhận")
        if item.state in ("in_hand", wanted):
            acknowledge.run(said, self.hub)
            if item.state == "in_hand":
                item.take() if taken else item.end("refused")
            return
        gone = CopyGone if item.state in ("withdrawn", "expired") else IllegalTransition
        with pytest.raises(gone):
            acknowledge.run(said, self.hub)

    @rule(data=st.data(), code=st.sampled_from(["01", "02", "03", "04", "05", "06"]), again=st.booleans())
    def say(self, data, code, again):
        item = self._item(data, lambda one: one.sending.carries)
        if item is not None:
            self._say(item, code, again=again)
            item.say(code)

    @rule(data=st.data(), code=st.sampled_from(["15", "16"]), again=st.booleans())
    def answer(self, data, code, again):
        item = self._item(data, lambda one: one.state != "needless")
        if item is None:
            return
        self._say(item, code, again=again)
        paper = item.sending.about
        if item.open or paper is None:
            item.answer(code)
        elif item.recipient in paper.copies:
            paper.copies[item.recipient].answer(code)
        item.spoke = True

    def _say(self, item: Item, code: str, *, again: bool) -> None:
        said = StatusSaid(self._id(item), item.recipient, StatusCode(code), "", a_moment())
        assert status.run(said, self.hub).new
        assert not again or not status.run(said, self.hub).new

    def _item(self, data, which=lambda one: True) -> Item | None:
        found = [one for one in self.life.items if which(one)]
        return data.draw(st.sampled_from(found)) if found else None

    # What must be true

    def _rows(self) -> dict:
        ids = list(self.kept)
        with self.scene.database.reading() as connection:
            rows = connection.execute(sa.select(tables.deliveries).where(tables.deliveries.c.consignment_id.in_(ids)))
            return {(row.consignment_id, row.recipient_key): row for row in rows}

    def _ids(self) -> dict[tuple[str, str], str]:
        if len(self.ids) != len(self.life.items):
            self.ids = {key: row.id for key, row in self._rows().items()}
        return self.ids

    def _id(self, item: Item) -> str:
        return self._ids()[item.key]

    @invariant()
    def deliveries_agree(self):
        rows = self._rows()
        ours = {item.key: (item.state, item.fetched, item.status) for item in self.life.items}
        assert {k: (r.state, r.fetched_at is not None, r.status_code) for k, r in rows.items()} == ours
        table = tables.consignments
        with self.scene.database.reading() as connection:
            found = connection.execute(sa.select(table.c.id, table.c.state).where(table.c.id.in_(list(self.kept))))
            states = {row.id: row.state for row in found}
        for sending in self.life.sendings:
            under_way = any(item.state in UNDER_WAY for item in sending.items.values())
            expected = ("routed" if under_way else "closed") if sending.routed else "accepted"
            assert states[sending.id] == expected, sending

    @invariant()
    def inboxes_agree_and_nothing_comes_before_its_document(self):
        rows, mine = self._rows(), set(self.kept)
        for code in RECIPIENTS:
            lies = [(one.consignment_id, code) for one in self.scene.inbox(code) if one.consignment_id in mine]
            assert lies == [item.key for item in self.life.lies_there(code)]
        for item in self.life.items:
            if item.sending.carries or rows[item.key].position is None:
                continue
            copy = item.sending.about.copies[item.recipient]
            assert rows[copy.key].position is not None
            assert rows[copy.key].position < rows[item.key].position

    @invariant()
    def holdings_and_duties_agree(self):
        with self.scene.database.reading() as connection:
            for paper in self.life.papers:
                assert documents.get(connection, paper.ref).state == paper.state
                theirs = {one.recipient_key: one.holding.value for one in documents.copies(connection, paper.ref)}
                assert theirs == {key: copy.holding for key, copy in paper.copies.items()}
            asked = self._asked(connection)
        for item in self.life.items:
            ours = [(one.kind, one.outcome) for one in item.asked]
            assert asked.get(item.key, []) == ours

    def _asked(self, connection) -> dict[tuple[str, str], list[tuple[str, str | None]]]:
        found: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
        duties, held = life_tables.duties, tables.deliveries
        rows = connection.execute(
            sa.select(held.c.consignment_id, held.c.recipient_key, duties.c.kind, duties.c.outcome)
            .join(held, held.c.id == duties.c.delivery_id)
            .where(held.c.consignment_id.in_(list(self.kept)), duties.c.asked_by.isnot(None))
            .order_by(duties.c.opened_at, duties.c.id)
        )
        for row in rows:
            found.setdefault((row.consignment_id, row.recipient_key), []).append((row.kind, row.outcome))
        return found

    @invariant()
    def each_ends_once_and_with_a_receipt(self):
        by_id = {delivery_id: key for key, delivery_id in self._ids().items()}
        told, issued = Counter(), Counter()
        with self.scene.database.reading() as connection:
            words = sa.select(tables.events).where(tables.events.c.consignment_id.in_(list(self.kept)))
            for row in connection.execute(words):
                told[by_id.get(row.delivery_id), row.kind] += 1
            proofs = sa.select(tables.receipts).where(tables.receipts.c.consignment_id.in_(list(self.kept)))
            for row in connection.execute(proofs):
                issued[by_id.get(row.delivery_id), row.event] += 1
        for item in self.life.items:
            ended = {word: told[item.key, word] for word in (*ENDS, "expired") if told[item.key, word]}
            over = item.state not in UNDER_WAY | {"needless"}
            assert ended == ({item.state: 1} if over else {})
            if item.state in ENDS:
                assert issued[item.key, ENDS[item.state]] == 1
            answered = sum(one.outcome in ("accepted", "declined") for one in item.asked)
            assert told[item.key, "duty_answered"] == answered

    def teardown(self):
        """In the end everything arrives: when every system answers, the hub needs no more than its own wakes."""
        self.away = set()
        for item in self.life.items:
            if item.deferred and item.state == "due":
                self._deliver(item)
        self.all_wakes()
        self.deliveries_agree()
        assert not [item for item in self.life.items if item.state == "due"]
        assert all(sending.routed for sending in self.life.sendings)
        assert busy.uncounted(self.hub) == [], "what was folded after each run is what the rows say, counted anew"


def _nobody_left(paper: Paper, to) -> str:
    """The code of a recall from agencies none of which holds the document."""
    if set(to) & paper.holders:
        return ""
    gone = {key for key, copy in paper.copies.items() if copy.holding in ("giving_up_asked", "cancelled", "withdrawn")}
    assert not gone & LIVE
    return "change.already_recalled" if set(to) <= gone else "change.nobody_holds"


def _codes(kept) -> set[str]:
    return {finding.code for finding in kept.findings}


def test_a_documents_life(scene):
    run_state_machine_as_test(lambda: Machine(scene), settings=BOUNDS)
