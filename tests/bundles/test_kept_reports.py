"""A kept report: its files and signature are genuine, any change is seen, made again it is the same or says where."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest

from hub.bundles import closings, kept_reports
from hub.bundles.kept_reports import Order
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.periods import PeriodKind, period_holding, vietnam_day
from hub.domain.schedules import MainFigure, Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.statuses import StatusCode
from hub.errors import PayloadsUnavailable, PdfNotMade
from hub.processes import deadlines
from hub.reports import REPORTS
from hub.reports.made import Made
from hub.signatures.jws import sign_receipt, verify_receipt
from hub.stations import acknowledge, new_id, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import connections, declarations
from hub.store.kept_reports import Kept
from tests.support import reporting
from tests.support.hubs import make_hub
from tests.support.scenes import genuine


@pytest.fixture
def hub(tmp_path):
    opened = make_hub(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def figures(monkeypatch):
    """A function that says how the report comes out from now on."""

    def become(**changes) -> None:
        monkeypatch.setattr(kept_reports, "made", lambda hub, order: reporting.report(order, hub.now(), **changes))

    become()
    return become


def kept(hub, **more) -> Kept:
    order = reporting.order(**more)
    return kept_reports.kept(hub, order, kept_reports.made(hub, order))


def body_of(hub, one: Kept, ending: str) -> bytes:
    return kept_reports.content(hub, next(file for file in one.files if file.name.endswith(ending)))


@pytest.mark.usefixtures("figures")
class TestKept:
    def test_every_form_is_made_and_lies_under_its_digest(self, hub):
        one = kept(hub, formats=("pdf", "csv", "xlsx"))
        assert [file.name for file in one.files] == [
            f"paper_free-2026-09-2026-09-30.{ending}" for ending in ("json", "pdf", "csv", "xlsx")
        ]
        assert all(hub.payloads.holds(file.sha256) for file in one.files)
        assert json.loads(body_of(hub, one, "json"))["data_sha256"] == one.data_sha256
        assert body_of(hub, one, "pdf").startswith(b"%PDF-")
        assert "Ký số" in body_of(hub, one, "csv").decode("utf-8-sig")
        sheets = openpyxl.load_workbook(io.BytesIO(body_of(hub, one, "xlsx"))).sheetnames
        assert len(sheets) == 2
        assert kept_reports.missing(one) == []

    def test_the_hub_signs_what_was_asked_and_every_file(self, hub):
        one = kept(hub)
        claims = verify_receipt(one.jws, trusted=[hub.key.certificates[0]])
        assert claims["event"] == "ReportKept"
        assert (claims["report"], claims["asked"]["period"], claims["known_on"]) == (
            "paper_free",
            "2026-09",
            "2026-09-30",
        )
        assert claims["data_sha256"] == one.data_sha256
        assert [file["sha256"] for file in claims["files"]] == [file.sha256 for file in one.files]
        assert claims["rule_pack"] == "qd28-2018"
        assert kept_reports.faults(hub, one) == []

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"data_sha256": "00" * 32}, "data_sha256"),
            ({"known_on": date(2026, 9, 29)}, "known_on"),
            ({"report": "volumes"}, "report"),
            ({"files": ()}, "files"),
            ({"made_at": datetime(2026, 10, 2, tzinfo=UTC)}, "event_time"),
            ({"asked": {"period": "2026-08"}}, "asked"),
        ],
    )
    def test_a_row_that_was_changed_is_seen(self, hub, change, named):
        found = kept_reports.faults(hub, replace(kept(hub), **change))
        assert any(f"“{named}”" in en for _, en in found), found

    def test_a_receipt_of_another_kind_is_no_signature_of_a_report(self, hub):
        one = kept(hub)
        claims = verify_receipt(one.jws, trusted=[hub.key.certificates[0]])
        other = sign_receipt(claims | {"event": "SubmissionAcceptance"}, hub.key)
        assert [en for _, en in kept_reports.faults(hub, replace(one, jws=other))] == ["“event” is not what was signed"]

    def test_a_signature_of_a_stranger_is_seen(self, hub, tmp_path):
        stranger = make_hub(tmp_path / "stranger")
        try:
            one = kept(stranger)
        finally:
            stranger.close()
        assert "not genuine" in kept_reports.faults(hub, one)[0][1]

    def test_a_file_that_was_changed_or_is_gone_is_seen(self, hub):
        one = kept(hub)
        csv, xlsx = (hub.payloads.place(file.sha256) for file in one.files[1:])
        csv.chmod(0o600)
        csv.write_bytes(csv.read_bytes() + b" ")
        xlsx.unlink()
        found = kept_reports.faults(hub, one)
        assert [vi.split(":")[0] for vi, _ in found] == [one.files[1].name, one.files[2].name]
        with pytest.raises(PayloadsUnavailable, match="not those that were kept"):
            body_of(hub, one, "csv")

    def test_a_pdf_that_cannot_be_made_stops_nothing_and_is_named(self, hub, monkeypatch):
        def too_large(_made: Made) -> bytes:
            raise PdfNotMade

        monkeypatch.setitem(kept_reports.FORMS, "pdf", replace(kept_reports.FORMS["pdf"], write=too_large))
        one = kept(hub, formats=("pdf", "csv"))
        assert [file.name.rpartition(".")[2] for file in one.files] == ["json", "csv"]
        assert kept_reports.missing(one) == ["pdf"]
        assert kept_reports.told(hub, one).missing == ["pdf"]
        assert kept_reports.faults(hub, one) == []

    def test_a_report_does_not_fill_the_disk(self, hub):
        full = replace(hub, settings=type(hub.settings)(min_free_bytes=2**62))
        with pytest.raises(PayloadsUnavailable, match="too little space"):
            kept(full)

    def test_the_mail_tells_the_figures_in_both_languages(self, hub):
        one = kept(hub)
        told = kept_reports.told(hub, one)
        assert told.figures == [
            MainFigure("Ký số: 99,8 % (18.274/18.302)", "Signed: 99,8 % (18.274/18.302)"),
            MainFigure("Không giấy: 27,2 % (272/1.000)", "Paperless: 27,2 % (272/1.000)"),
            MainFigure("Văn bản gửi: 163.107", "Documents sent: 163.107"),
        ]
        assert [file.name.rpartition(".")[2] for file in told.files] == ["csv", "xlsx"], "the data only when asked for"
        assert told.period_words == ("Tháng 9 năm 2026", "September 2026")


class TestAgain:
    def test_the_same_figures_are_the_same_report(self, hub, figures):
        one = kept(hub)
        again = kept_reports.reproduce(replace(hub, now=lambda: datetime(2030, 1, 1, tzinfo=UTC)), one)
        assert again.same
        assert again.data_sha256 == one.data_sha256

    def test_what_comes_out_otherwise_is_named(self, hub, figures):
        one = kept(hub)
        figures(signed=18273, name="Đã ký số")
        again = kept_reports.reproduce(hub, one)
        assert not again.same
        found = {where: (before, after) for where, before, after in again.differs}
        assert found["tables[0].rows[0][0]"] == ('"Ký số"', '"Đã ký số"')
        assert found["tables[0].rows[0][1].numerator"] == ("18274", "18273")
        assert not any(where.startswith(("made_at", "data_sha256")) for where in found)

    def test_the_order_is_read_back_as_it_was(self, hub, figures):
        wanted = reporting.order("2026-Q3")
        one = kept_reports.kept(hub, wanted, kept_reports.made(hub, wanted))
        assert kept_reports.order_of(one) == wanted


def test_figures_are_final_when_the_day_is_over_and_counted(scene):
    day = date(2026, 9, 30)
    over = datetime(2026, 9, 30, 17, tzinfo=UTC)
    assert kept_reports.day_ends(day) == over
    with scene.database.reading() as connection:
        assert not kept_reports.ready(connection, day, over - timedelta(seconds=1))
        assert kept_reports.ready(connection, day, over)
    scene.accepted(1)
    today = scene.hub.now().astimezone(UTC).date() + timedelta(days=1)
    later = kept_reports.day_ends(today)
    with scene.database.reading() as connection:
        assert not kept_reports.ready(connection, today, later), "an event of that day is not counted"
    scene.drain()
    with scene.database.reading() as connection:
        assert not kept_reports.ready(connection, today, later), "the hours of its copies ended, and nobody has told"
    scene.clock.ahead = later - scene.hub.now()
    deadlines.tick(scene.hub)
    scene.drain()
    with scene.database.reading() as connection:
        assert kept_reports.ready(connection, today, later)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_report_comes_out_the_same_after_all_that_came_later(scene):
    """Real reports of this month, kept when it is over; then late statuses, declarations, plans, a closing."""
    first, copies = scene.placed(1)
    scene.placed(2, to=("H41",), page=genuine("G22"))
    days = period_holding(PeriodKind.MONTH, vietnam_day(first.judged_at))
    scene.clock.ahead += kept_reports.day_ends(days.last_day) - scene.hub.now() + timedelta(hours=7)
    deadlines.tick(scene.hub)
    scene.drain(only=("tally",))
    wish = Wish(Scope(ScopeKind.HUB), compare=True)
    orders = [Order(one.report_id, wish, days, days.last_day) for one in REPORTS]
    found = [kept_reports.kept(scene.hub, order, kept_reports.made(scene.hub, order)) for order in orders]
    before = {one.report: figures_now(scene, one) for one in found}
    scene.clock.ahead += timedelta(days=3)
    closings.close(scene.hub, closings.plan(scene.hub, days), by="cli:anh")
    scene.clock.ahead += timedelta(days=1)
    acknowledge.run(Acknowledgement(copies["H41"].id, "H41"), scene.hub)
    status.run(StatusSaid(copies["H41"].id, "H41", StatusCode.ASSIGNED, "", None), scene.hub)
    paper, now = DeclaredKind.SENT_PAPER_ONLY, scene.hub.now()
    said = Declaration(new_id(), "H14", days.last_day, days.last_day, paper, "", 9, now, "Lê Thị Mẫu", "H14")
    with scene.database.writing() as transaction:
        declarations.add(transaction, said)
        connections.plan(transaction, "H14", days.last_day, at=now, by="cli:anh")
    changed = {one.report for one in found if figures_now(scene, one) != before[one.report]}
    assert changed >= {"paper-free", "connections", "quarterly"}, "what came later counts"
    for one in found:
        again = kept_reports.reproduce(scene.hub, one)
        assert again.same, (one.report, again.differs)


def figures_now(scene, one: Kept) -> str:
    """The hash of the tables of the same report as known today; its head and notes name the day."""
    order = replace(kept_reports.order_of(one), known_on=vietnam_day(scene.hub.now()))
    return replace(kept_reports.made(scene.hub, order), lines=(), notes=(), known_on=one.known_on).data_sha256
