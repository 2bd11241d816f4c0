"""A closed period: frozen and signed once, what came later shown as a correction, every change of the row seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hub import reports
from hub.bundles import closings
from hub.domain.closing import NOTHING, Amounts, Closing
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.periods import PeriodKind, period, period_holding, vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.statuses import StatusCode
from hub.processes import deadlines
from hub.reports.figures import Asked
from hub.reports.protocol import report_asked
from hub.signatures.jws import sign_receipt, verify_receipt
from hub.stations import acknowledge, new_id, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import closings as store
from hub.store import declarations, tables
from tests.stations.conftest import at_once
from tests.support.hubs import make_hub
from tests.support.scenes import Scene, genuine

HUB = Scope(ScopeKind.HUB)


class Quarter:
    """Three documents of G22 (one is genuine), an entry on paper; then the quarter after it has begun."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.hub = scene, scene.hub
        first, self.copies = scene.placed(1, to=("H41", "H14"))
        scene.placed(2, to=("H41",), page=genuine("G22"))
        scene.placed(3, to=("H14",))
        self.days = period_holding(PeriodKind.QUARTER, vietnam_day(first.judged_at))
        self.day = vietnam_day(first.judged_at)
        self.declares("G22", 7)
        over = closings.day_ends(self.days.last_day) - self.hub.now()
        scene.clock.ahead += over + timedelta(days=4)
        deadlines.tick(self.hub)  # what nobody fetched meanwhile is told
        scene.drain(only=("tally",))

    def declares(self, agency: str, count: int, **more) -> Declaration:
        """On paper only, said now of the day of the documents."""
        paper = DeclaredKind.SENT_PAPER_ONLY
        now = self.hub.now()
        one = Declaration(new_id(), agency, self.day, self.day, paper, "", count, now, "Lê Thị Mẫu", agency, **more)
        with self.hub.database.writing() as transaction:
            return declarations.add(transaction, one).declaration

    def close(self) -> Closing:
        return closings.close(self.hub, closings.plan(self.hub, self.days), by="cli:anh")

    def frozen(self) -> Closing:
        with self.hub.database.reading() as connection:
            found = store.frozen(connection, self.days)
        assert found is not None
        return found

    def days_go_by(self, days: int) -> date:
        self.scene.clock.ahead += timedelta(days=days)
        return vietnam_day(self.hub.now())

    def today(self) -> closings.Today:
        with self.hub.database.reading() as connection:
            return closings.today(connection, self.frozen())

    def corrections(self, *only: str, agency_key: str = "") -> list[closings.Correction]:
        with self.hub.database.reading() as connection:
            return closings.corrections(connection, self.frozen(), self.hub.now(), only=only, agency_key=agency_key)

    def report(self, *, known_on: date | None = None, scope: Scope = HUB) -> reports.Made:
        question = report_asked(Asked(scope, self.days, known_on), self.hub.settings, now=self.hub.now())
        with self.hub.database.reading() as connection:
            return reports.make(connection, "paper-free", question)


@pytest.fixture
def quarter(scene):
    return Quarter(scene)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where no SQL is at stake


def test_the_figures_are_frozen_under_the_hubs_signature(quarter):
    closing = quarter.close()
    assert quarter.frozen() == closing
    assert closing.hub["issued_electronically"] == Amounts(3, 0, 3, 7)
    claims = verify_receipt(closing.jws, trusted=[quarter.hub.key.certificates[0]])
    assert claims["event"] == "PeriodClosed"
    assert (claims["first_day"], claims["last_day"]) == tuple(
        day.isoformat() for day in (quarter.days.first_day, quarter.days.last_day)
    )
    assert claims["data_sha256"] == closing.data_sha256 == closings.digest(closing)
    assert "anh" not in str(claims)
    assert closings.faults(quarter.hub, closing) == []
    today = quarter.today()
    assert (today.changed, today.agencies) == ((), {})
    assert quarter.corrections() == []
    with quarter.hub.database.reading() as connection:
        (said,) = connection.execute(sa.select(tables.audit).where(tables.audit.c.what == "reports.period_closed"))
    assert (said.who, said.facts["period"]) == ("cli:anh", quarter.days.written)


def test_the_agencies_of_a_closing_add_up_to_the_hub(quarter):
    closing = quarter.close()
    agencies = closing.of(closing.agencies)
    assert {one: amounts for one, amounts in closing.hub.items() if amounts != NOTHING} == agencies


def test_what_comes_later_is_a_correction_of_its_day_and_never_a_new_frozen_figure(quarter):
    closing = quarter.close()
    first = quarter.days_go_by(2)
    quarter.declares("H41", 5)
    second = quarter.days_go_by(3)
    copy = quarter.copies["H41"].id
    acknowledge.run(Acknowledgement(copy, "H41"), quarter.hub)
    status.run(StatusSaid(copy, "H41", StatusCode.ASSIGNED, "", None), quarter.hub)
    quarter.scene.drain()
    quarter.days_go_by(1)
    assert quarter.frozen() == closing
    assert closings.faults(quarter.hub, quarter.frozen()) == []
    today = quarter.today()
    changed = {one.indicator_id: one for one in today.changed}
    assert changed["issued_electronically"].change == Amounts(0, 0, 0, 5)
    assert changed["feedback"].change == Amounts(1, 0, 0, 0)
    assert set(today.agencies) == {"H41"}, "what H41 did late changes nothing of who sent it"
    found = quarter.corrections(*changed)
    assert [one.known_on for one in found] == [first, second]
    assert found[0].reasons == (("1 khai báo mới", "1 new declarations"),)
    assert any("received" in en for _, en in found[1].reasons)
    for indicator, difference in changed.items():
        total = sum((one.changes.get(indicator, NOTHING) for one in found), NOTHING)
        assert total == difference.change, indicator
    assert closings.known_since(found, "issued_electronically") == first
    assert quarter.corrections(*changed, agency_key="H14") == []
    assert [one.known_on for one in quarter.corrections(*changed, agency_key="H41")] == [first, second]


@on_sqlite
def test_a_declaration_that_is_put_right_is_called_so(quarter):
    wrong = quarter.declares("H41", 50)
    quarter.close()
    day = quarter.days_go_by(2)
    quarter.declares("H41", 5, corrects=wrong.id, note="gõ nhầm")
    (one,) = quarter.corrections("issued_electronically")
    assert one.known_on == day
    assert one.changes["issued_electronically"] == Amounts(0, 0, 0, -45)
    assert closings.reasons(one) == ("1 khai báo được thay", "1 declarations corrected")


@on_sqlite
def test_a_change_that_no_movement_explains_still_says_something(quarter):
    quarter.close()
    one = closings.Correction(quarter.day, (), {"issued_electronically": Amounts(1)})
    assert "classified anew" in closings.reasons(one)[1]


class TestReportsOfAClosedPeriod:
    def test_they_say_so_and_what_was_corrected(self, quarter):
        assert not any("đã chốt" in note.vi for note in quarter.report().notes)
        closing = quarter.close()
        (said,) = [note for note in quarter.report().notes if closing.data_sha256 in note.vi]
        assert "đúng như số liệu đã chốt" in said.vi
        assert all(table.table_id != "corrections" for table in quarter.report().tables)
        quarter.days_go_by(2)
        quarter.declares("H41", 5)
        made = quarter.report()
        (said,) = [note for note in made.notes if closing.data_sha256 in note.vi]
        assert "đã được điều chỉnh sau khi chốt" in said.vi
        (table,) = [table for table in made.tables if table.table_id == "corrections"]
        counts = {row[0]: [(share.numerator, share.denominator) for share in row[1:]] for row in table.rows}
        assert [(3, 10), (3, 15)] in counts.values()

    def test_of_one_unit_its_own_frozen_figures_count(self, quarter):
        quarter.close()
        quarter.days_go_by(2)
        quarter.declares("H41", 5)
        untouched = quarter.report(scope=Scope(ScopeKind.UNIT, "G22"))
        assert any("đúng như số liệu đã chốt" in note.vi for note in untouched.notes)
        touched = quarter.report(scope=Scope(ScopeKind.UNIT, "H41"))
        assert any("đã được điều chỉnh" in note.vi for note in touched.notes)

    def test_as_known_before_the_closing_they_are_what_they_were(self, quarter):
        known_on = vietnam_day(quarter.hub.now()) - timedelta(days=1)
        before = quarter.report(known_on=known_on)
        quarter.close()
        quarter.days_go_by(2)
        quarter.declares("H41", 5)
        assert quarter.report(known_on=known_on).data_sha256 == before.data_sha256


class TestRefused:
    @on_sqlite
    def test_what_has_not_ended(self, quarter):
        with pytest.raises(ValueError, match="has not ended"):
            closings.plan(quarter.hub, period_holding(PeriodKind.QUARTER, vietnam_day(quarter.hub.now())))

    @on_sqlite
    def test_a_week(self, quarter):
        with pytest.raises(ValueError, match="only a month"):
            closings.plan(quarter.hub, period("2026-W01"))

    @on_sqlite
    def test_what_is_closed_already(self, quarter):
        quarter.close()
        with pytest.raises(ValueError, match="is closed already"):
            closings.plan(quarter.hub, quarter.days)

    def test_what_is_not_counted_yet(self, scene):
        sent = scene.accepted(1)
        days = period_holding(PeriodKind.MONTH, vietnam_day(sent.judged_at))
        scene.clock.ahead += timedelta(days=40)
        with pytest.raises(ValueError, match="not tallied yet"):
            closings.plan(scene.hub, days)
        scene.drain()
        assert closings.plan(scene.hub, days).hub["issued_electronically"] == Amounts(1, 0, 1, 0)

    def test_of_two_at_once_one_closes(self, quarter):
        planned = closings.plan(quarter.hub, quarter.days)
        outcomes: list[str] = []

        def close() -> None:
            try:
                outcomes.append(closings.close(quarter.hub, planned, by="cli:anh").jws)
            except ValueError as late:
                outcomes.append(str(late))

        at_once(close, workers=3)
        assert [one for one in outcomes if "is closed already" not in one] == [quarter.frozen().jws]


@on_sqlite
class TestTampering:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"rule_pack": "other"}, ("figures were changed", "“rule_pack”")),
            ({"last_day": date(2020, 3, 31)}, ("figures were changed", "“last_day”")),
            ({"data_sha256": "00" * 32}, ("“data_sha256”",)),
            ({"hub": {"issued_electronically": Amounts(9, 0, 9, 0)}}, ("figures were changed",)),
            ({"agencies": {}}, ("figures were changed", "“agencies”")),
            ({"jws": "a.b.c"}, ("signature is not genuine",)),
        ],
    )
    def test_a_row_that_was_changed_is_seen(self, quarter, change, words):
        found = " ".join(en for _, en in closings.faults(quarter.hub, replace(quarter.close(), **change)))
        assert all(one in found for one in words), found

    def test_one_figure_of_one_agency(self, quarter):
        closing = quarter.close()
        agencies = {key: dict(figures) for key, figures in closing.agencies.items()}
        agencies["G22"]["issued_electronically"] += Amounts(1)
        assert closings.faults(quarter.hub, replace(closing, agencies=agencies))

    def test_a_receipt_of_another_kind_is_none(self, quarter):
        closing = quarter.close()
        claims = verify_receipt(closing.jws, trusted=[quarter.hub.key.certificates[0]])
        other = sign_receipt(claims | {"event": "ReportKept"}, quarter.hub.key)
        found = closings.faults(quarter.hub, replace(closing, jws=other))
        assert [en for _, en in found] == ["“event” is not what was signed"]

    def test_a_strangers_signature_is_none(self, quarter, tmp_path):
        stranger = make_hub(tmp_path / "stranger")
        stranger.close()
        closing = quarter.close()
        claims = verify_receipt(closing.jws, trusted=[quarter.hub.key.certificates[0]])
        signed = sign_receipt(claims, stranger.key)
        assert "not genuine" in closings.faults(quarter.hub, replace(closing, jws=signed))[0][1]
