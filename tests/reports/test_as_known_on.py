"""What a report showed on an evening it shows again, whatever came later: every report, every row of the data."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub import reports
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.periods import VIETNAM, Period, PeriodKind, vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.processes import deadlines
from hub.reports.figures import Asked
from hub.reports.made import Made, Told
from hub.reports.protocol import report_asked
from hub.signatures.keyinfo import described
from hub.stations import retry, tally
from hub.stations.retry import Action, Step
from hub.store import agencies, connections, declarations, policies, radar, rebuild
from hub.store.agencies import AgencyCertificate
from tests.support.changes import fetch, over, recall, said, taken
from tests.support.scenes import Scene, genuine_document, seal, unsigned

HUB = Scope(ScopeKind.HUB)
SCOPES = (HUB, Scope(ScopeKind.UNIT, "G22"), Scope(ScopeKind.BELOW, "H41"))
EVERY = [one.report_id for one in reports.REPORTS]


class Days:
    """A hub on which something of every kind happens every other day, at noon; what each report showed that evening."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.shown = scene, {}
        now = datetime.now(UTC).astimezone(VIETNAM)
        self._noon = datetime.combine(now.date() + timedelta(days=1), time(12), VIETNAM)
        scene.clock.ahead = self._noon - now
        self.first = vietnam_day(self._noon)
        self._copies = {}

    def pass_by(self) -> None:
        """Every day, its evening and the way to the next but one."""
        for happen in (self._sent, self._recalled, self._expired, self._again, self._taken):
            happen()
            self.scene.drain()
            self._evening()
            self.scene.clock.ahead += timedelta(days=2)
        deadlines.tick(self.scene.hub)
        tally.run("backlog", self.scene.hub)

    def made(self, scope: Scope, report_id: str, known_on: date | None = None) -> Made:
        days = Period(PeriodKind.RANGE, self.first - timedelta(days=3), self.first + timedelta(days=20))
        question = report_asked(Asked(scope, days, known_on), self.scene.hub.settings, now=self.scene.hub.now())
        with self.scene.database.reading() as connection:
            return reports.make(connection, report_id, question)

    def _evening(self) -> None:
        deadlines.tick(self.scene.hub)
        tally.run("backlog", self.scene.hub)
        day = vietnam_day(self.scene.hub.now())
        for scope in SCOPES:
            self.shown[day] = self.shown.get(day, {}) | {(scope, one): self.made(scope, one) for one in EVERY}

    def _sent(self) -> None:
        """Signed by a person; without any signature; one whose time ends before it arrives, one that nobody fetches."""
        scene = self.scene
        self.signed = scene.post(genuine_document(1, to=("H41", "H14"))).consignment
        self.lost = scene.accepted(2, to=("H41",))
        scene.drain(only=("route",))
        over(scene, self._copy(self.lost))
        self.forgotten = scene.accepted(3, to=("H41",))
        with scene.database.writing() as transaction:
            now = scene.hub.now()
            weak = PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE, until=self.first + timedelta(days=99))
            policies.keep(transaction, "H41", weak, now=now)
            connections.plan(transaction, "H41", self.first + timedelta(days=3), at=now, by="x")
            for code in ("G22", "H41"):
                radar.seen(transaction, code, now)
        self._declared("00000000-0000-7000-8000-000000000001", 7)

    def _recalled(self) -> None:
        """Who signed it signs nothing any more; a certificate and a policy are taken back."""
        scene = self.scene
        scene.post(recall(self.signed, to=("H41", "H14"), seal=unsigned))
        self._deliver_again(self.lost)
        with scene.database.writing() as transaction:
            now, held = scene.hub.now(), described(seal("G22").certificate)
            assert agencies.withdraw_certificate(transaction, held.sha256, now=now)
            policies.forget(transaction, "H41", Demand.AGENCY_SEAL, "", now=now)
            connections.plan(transaction, "H41", None, at=now, by="x")
        self._declared("00000000-0000-7000-8000-000000000002", 5, corrects="00000000-0000-7000-8000-000000000001")

    def _expired(self) -> None:
        """What was delivered again expires in the inbox; the certificate is held again; another document is signed."""
        scene = self.scene
        over(scene, self._copy(self.lost))
        fetch(scene, self._copy(self.forgotten))
        with scene.database.writing() as transaction:
            held = described(seal("G22").certificate)
            one = AgencyCertificate(held.sha256, held.subject, held.not_after, held.pem, None)
            agencies.keep_certificate(transaction, scene.agency("G22"), one, now=scene.hub.now())
        scene.post(genuine_document(4, to=("H41",)))

    def _again(self) -> None:
        self._deliver_again(self.lost)

    def _taken(self) -> None:
        for consignment in (self.lost, self.forgotten):
            taken(self.scene, self._copy(consignment))
            said(self.scene, self._copy(consignment), "06")

    def _copy(self, consignment):
        return self.scene.deliveries(consignment.id)["H41"]

    def _deliver_again(self, consignment) -> None:
        step = Step(Action.DELIVER_AGAIN, self._copy(consignment).id, consignment.id, "H41", "", "")
        assert retry.run(step, self.scene.hub)
        self.scene.drain()

    def _declared(self, entry: str, count: int, corrects: str | None = None) -> None:
        day, now = self.first, self.scene.hub.now()
        kind = DeclaredKind.SENT_PAPER_ONLY
        one = Declaration(entry, "G22", day, day, kind, "", count, now, "A", "G22", corrects=corrects)
        with self.scene.database.writing() as transaction:
            declarations.add(transaction, one)


@pytest.fixture
def days(scene: Scene) -> Days:
    found = Days(scene)
    found.pass_by()
    return found


def test_every_report_of_every_evening_comes_out_the_same_again(days: Days) -> None:
    differing = [
        (day, str(scope), report_id)
        for day, shown in days.shown.items()
        for (scope, report_id), made in shown.items()
        if days.made(scope, report_id, day).data_sha256 != made.data_sha256
    ]
    assert differing == []
    assert {name: moving(days, name) for name in MOVED} == MOVED, "else nothing was compared with nothing"
    assert [row_of(shown[HUB, "failures"]) for shown in days.shown.values()] == [0, 0, 1, 1, 1]
    with days.scene.database.reading() as connection:
        assert list(rebuild.differing_subjects(connection, now=days.scene.hub.now())) == []
        assert list(rebuild.differing_sums(connection)) == []


MOVED = {  # evening after evening, what the hub saw of a numerator
    "fully_electronic": [1, 0, 1, 1, 1],
    "leaders_signing": [1, 0, 1, 1, 1],
    "units_signing": [1, 0, 1, 1, 1],
    "units_certified": [7, 6, 7, 7, 7],
    "legacy_signatures": [1, 0, 0, 0, 0],
    "agencies_planned": [1, 0, 0, 0, 0],
    "unfetched": [0, 1, 2, 3, 3],
    "completion": [0, 0, 0, 0, 2],
}


def moving(days: Days, indicator: str) -> list[int]:
    """The numerator of the whole hub on each evening."""
    of_hub = [[made for (scope, _), made in shown.items() if scope == HUB] for shown in days.shown.values()]
    told = [
        {one.indicator_id: one.numerator[0] for made in many for one in made.figures if isinstance(one, Told)}
        for many in of_hub
    ]
    return [found[indicator] for found in told]


def row_of(failures: Made) -> int:
    """How many copies arrived and were not taken before their time ended."""
    counts = next(table for table in failures.tables if table.table_id == "counts")
    return next(row[1] for row in counts.rows if row[0] == "Đến rồi, hết hạn không lấy")
