"""`hub reports schedule|kept|reproduce`: from the schedule to a mail with a PDF; kept, verified, made again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from adapters.services.notices_mail import NoticesMail
from hub.cli import schedules as room
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.notices import CarrierKind
from hub.domain.periods import PeriodKind, period_holding, vietnam_day
from hub.errors import NoSuchThing, UnknownAgency
from hub.processes import deadlines, reporting
from hub.signatures.jws import verify_receipt
from hub.stations import Hub, new_id, utc_now
from hub.store import declarations, tables
from hub.store import kept_reports as kept_store
from hub.store import schedules as store
from hub.store.report_tables import SUMS_OF
from tests.support.mail_server import MailServer
from tests.support.scenes import Scene, genuine


@pytest.fixture
def scene(tmp_path, sqlite_template, monkeypatch):
    """Two documents of G22, in the database that the commands open by their settings."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE", "HUB_MAIL_SERVER"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "data"
    data.mkdir()
    (data / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("HUB_DATA_DIR", str(data))
    monkeypatch.setenv("HUB_TRUST_DIR", str(data / "trust"))
    opened = Scene(data)
    opened.placed(1)
    opened.placed(2, page=genuine("G22"))
    yield opened
    opened.close()


@pytest.fixture
def server(monkeypatch):
    opened = MailServer().open()
    monkeypatch.setenv("HUB_MAIL_SERVER", opened.url)
    monkeypatch.setenv("HUB_MAIL_FROM", "truc@hub.vn")
    yield opened
    opened.close()


def run(command, *words: str):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def added(*words: str) -> str:
    result = run(room.schedule, "add", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.split()[0]


def of_the_clock(scene: Scene, server: MailServer | None = None, *, day: int = 2) -> Hub:
    """The hub as the clock has it on that day of the next month, after it has done all that is due."""
    today = vietnam_day(utc_now())
    next_month = (today.replace(day=28) + timedelta(days=4)).replace(day=day)
    scene.clock.ahead = next_month - today
    hub = scene.hub
    if server is not None:
        mailing = NoticesMail(server.url, sender="truc@hub.vn", timeout_seconds=10)
        hub = replace(hub, carriers={CarrierKind.MAIL: mailing})
    deadlines.tick(hub)
    scene.drain(only=("tally",))
    while reporting.make_tick(hub) or reporting.send_tick(hub):
        continue
    return hub


def newest(scene: Scene) -> kept_store.Kept:
    with scene.database.reading() as connection:
        (one,) = kept_store.newest(connection, limit=1)
    return one


def audit(scene: Scene) -> list[str]:
    with scene.database.reading() as connection:
        return [one for one in connection.execute(sa.select(tables.audit.c.what)).scalars() if "reports" in one]


def paper_of(scene: Scene, count: int) -> None:
    """G22 says today how many documents of this month it sent on paper only."""
    day = vietnam_day(utc_now())
    paper = DeclaredKind.SENT_PAPER_ONLY
    one = Declaration(new_id(), "G22", day, day, paper, "", count, scene.hub.now(), "Lê Thị Mẫu", "G22")
    with scene.database.writing() as transaction:
        declarations.add(transaction, one)


def test_a_reader_gets_the_pdf_and_it_can_be_made_again(scene, server, tmp_path):
    """The real report, the real typesetting, a real mail server; then figures that became known later."""
    added("paper-free", "--every", "month", "--reader", "lanhdao@b.vn", "--compare")
    hub = of_the_clock(scene, server)
    (mail,) = server.taken
    one = newest(scene)
    files = {file.get_filename(): file.get_payload(decode=True) for file in mail.iter_attachments()}
    assert sorted(name.rpartition(".")[2] for name in files) == ["jws", "pdf", "xlsx"]
    assert next(body for name, body in files.items() if name.endswith(".pdf")).startswith(b"%PDF-")
    claims = verify_receipt(
        next(body for name, body in files.items() if name.endswith(".jws")).decode(),
        trusted=[hub.key.certificates[0]],
    )
    assert claims["data_sha256"] == one.data_sha256
    text = mail.get_body().get_content()
    assert "không gửi bản giấy: 50,0 % (1/2)" in text, "the genuine one replaces paper"
    english = text.rpartition("-" * 60)[2]
    assert "Fully electronic" in english
    accented = {one for one in english if one.isalpha() and not one.isascii()}
    assert not accented, "only names of agencies would be, and there is none in it"
    assert "Kỳ trước" not in text, "the figures of this period; the others stand in the files"

    paper_of(scene, 3)
    again = run(room.reproduce, one.id)
    assert again.exit_code == 0, again.output
    assert f"the same: {one.data_sha256}" in again.output

    shown = run(room.kept, one.id, "--out", str(tmp_path / "out"))
    assert shown.exit_code == 0
    assert "every file are genuine" in shown.output
    assert "lanhdao@b.vn: đã gửi" in shown.output
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert files.items() <= written.items()
    data = json.loads(next(body for name, body in written.items() if name.endswith(".json")))
    assert data["data_sha256"] == one.data_sha256
    assert run(room.kept, one.id, "--out", str(tmp_path / "out")).exit_code == 1, "nothing is overwritten"


def test_without_typst_it_is_kept_all_the_same_and_that_is_said(scene, server, monkeypatch):
    monkeypatch.setattr("hub.reports.as_pdf.find_spec", lambda _name: None)
    added("volumes", "--every", "month", "--reader", "a@b.vn")
    of_the_clock(scene, server)
    (mail,) = server.taken
    assert "Không lập được tệp: pdf." in mail.get_body().get_content()
    assert "Could not be made: pdf." in mail.get_body().get_content()
    one = newest(scene)
    assert [file.name.rpartition(".")[2] for file in one.files] == ["json", "xlsx"]
    shown = run(room.kept, one.id)
    assert shown.exit_code == 0
    assert "pdf: không lập được / could not be made" in shown.output


def test_figures_that_were_changed_behind_the_hub_are_named(scene):
    added("paper-free", "--every", "month", "--format", "csv")
    of_the_clock(scene)
    one = newest(scene)
    with scene.database.writing() as transaction:
        for table in SUMS_OF.values():
            transaction.execute(sa.update(table).where(table.c.direction == "sent").values(documents=7))
    again = run(room.reproduce, one.id)
    assert again.exit_code == 1
    assert "differs" in again.output
    assert "tables[0].rows[0]" in again.output


def test_a_file_that_was_changed_is_told_with_a_number_and_not_written(scene, tmp_path):
    added("volumes", "--every", "month", "--format", "csv")
    of_the_clock(scene)
    one = newest(scene)
    place = scene.hub.payloads.place(one.files[0].sha256)
    place.chmod(0o600)
    place.write_bytes(place.read_bytes() + b" ")
    shown = run(room.kept, one.id, "--out", str(tmp_path / "out"))
    assert shown.exit_code == 1
    assert "✗" in shown.output
    assert not (tmp_path / "out").exists()


def test_schedules_come_are_listed_and_end(scene):
    first = added(
        "paper-free", "--every", "quarter", "--scope", "below", "--agency", "000.00.00.H41", "--type", "giay_moi"
    )
    second = added("volumes", "--every", "week", "--first", "2026-W01", "--after-days", "2")
    listed = run(room.schedule, "list").output
    assert "paper-free [below H41] quarter pdf,xlsx → –" in listed
    assert "next: 2026-W01" in listed
    assert listed.count("overdue") == 1
    with scene.database.reading() as connection:
        one = store.get(connection, first)
    assert one.period == period_holding(PeriodKind.QUARTER, vietnam_day(utc_now()))
    assert (one.wish.scope.agency_key, one.wish.document_type) == ("H41", "giay_moi")
    assert "ended" in run(room.schedule, "end", second.upper()).output
    assert second not in run(room.schedule, "list").output
    assert "đã dừng" in run(room.schedule, "list", "--all").output
    with pytest.raises(NoSuchThing):
        run(room.schedule, "end", second)
    assert audit(scene) == ["reports.schedule_added"] * 2 + ["reports.schedule_ended"]


@pytest.mark.parametrize(
    "words",
    [
        ("weather", "--every", "month"),
        ("volumes",),
        ("volumes", "--every", "range"),
        ("volumes", "--every", "day", "--after-days", "1"),
        ("volumes", "--every", "month", "--first", "2026-Q1"),
        ("volumes", "--every", "month", "--first", "soon"),
        ("volumes", "--every", "month", "--scope", "unit"),
        ("volumes", "--every", "month", "--agency", "H41"),
        ("volumes", "--every", "month", "--reader", "Văn thư <a@b.vn>"),
        ("volumes", "--every", "month", "--reader", "a@b.vn\r\nBcc: c@d.vn"),
        ("volumes", "--every", "month", *(word for n in range(51) for word in ("--reader", f"a{n}@b.vn"))),
    ],
)
def test_half_a_schedule_is_refused(scene, words):
    assert run(room.schedule, "add", *words).exit_code == 2
    assert "no schedule" in run(room.schedule, "list").output
    assert audit(scene) == []


def test_an_agency_that_is_not_there_is_named(scene):
    with pytest.raises(UnknownAgency):
        run(room.schedule, "add", "volumes", "--every", "month", "--scope", "unit", "--agency", "H77")


def test_a_report_can_be_made_at_once(scene):
    one = added("paper-free", "--every", "month", "--reader", "a@b.vn", "--format", "csv")
    first = run(room.schedule, "run-now", one)
    assert first.exit_code == 0, first.output
    assert "made and kept" in first.output
    assert "HUB_MAIL_SERVER" in first.stderr
    assert "is there already" in run(room.schedule, "run-now", one).output
    before = period_holding(PeriodKind.MONTH, vietnam_day(utc_now())).previous()
    kept = newest(scene)
    assert kept.asked["period"] == before.written
    assert kept.known_on == vietnam_day(utc_now()) - timedelta(days=1)
    assert "mails 0/1" in run(room.kept).output
    with pytest.raises(NoSuchThing):
        run(room.schedule, "run-now", new_id())


def test_who_was_not_reached_is_mailed_again_by_hand(scene, server):
    server.refused = frozenset({"moi@b.vn"})
    added("volumes", "--every", "month", "--reader", "moi@b.vn", "--reader", "cu@b.vn", "--format", "csv")
    of_the_clock(scene, server)
    one = newest(scene)
    listed = run(room.schedule, "list").output
    assert "cu@b.vn: đã gửi" in listed
    assert "moi@b.vn: chờ gửi lại / to be tried again, 1 lần / attempts:" in listed
    server.refused = frozenset()
    assert "to be mailed again: 1" in run(room.kept, one.id, "--mail").output
    of_the_clock(scene, server, day=3)
    assert [mail["To"] for mail in server.taken] == ["cu@b.vn", "moi@b.vn"]
    assert audit(scene)[-1] == "reports.mailed_again"


def test_what_is_not_kept_is_not_there(scene):
    assert "nothing is kept yet" in run(room.kept).output
    assert run(room.kept, "--mail").exit_code == 2
    for command in (room.kept, room.reproduce):
        with pytest.raises(NoSuchThing):
            run(command, new_id())
