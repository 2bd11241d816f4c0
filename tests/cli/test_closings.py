"""`hub reports close|closed`: nothing is closed by looking, a closed quarter beside today's figures, tampering told."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli import closings as room
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.periods import PeriodKind, period_holding, vietnam_day
from hub.errors import NoSuchThing
from hub.stations import new_id, utc_now
from hub.store import declarations, tables
from hub.store.report_tables import closed_periods
from tests.support.hubs import make_hub

QUARTER = period_holding(PeriodKind.QUARTER, vietnam_day(utc_now())).previous()


@pytest.fixture
def database(tmp_path, monkeypatch):
    """A hub to which G22 and H41 declared documents of the quarter before this one."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE", "HUB_MAIL_SERVER"):
        monkeypatch.delenv(name, raising=False)
    hub = make_hub(tmp_path / "data")
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_TRUST_DIR", str(tmp_path / "data" / "trust"))
    declare(hub.database, "G22", DeclaredKind.SENT_ELSEWHERE_PAPER_FREE, 18274)
    declare(hub.database, "G22", DeclaredKind.SENT_PAPER_ONLY, 28)
    declare(hub.database, "H41", DeclaredKind.SENT_PAPER_ONLY, 4)
    yield hub.database
    hub.close()


def declare(database, agency: str, kind: DeclaredKind, count: int, *, day: date = QUARTER.last_day) -> None:
    one = Declaration(new_id(), agency, day, day, kind, "", count, utc_now(), "Lê Thị Mẫu", agency)
    with database.writing() as transaction:
        declarations.add(transaction, one)


def run(command, *words: str):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def close() -> None:
    result = run(room.close, QUARTER.written, "--apply")
    assert result.exit_code == 0, result.output


def test_to_look_closes_nothing(database):
    shown = run(room.close, QUARTER.written)
    assert shown.exit_code == 0
    assert "99,8 % (18.274/18.306" in shown.output
    assert f"hub reports close {QUARTER.written} --apply" in shown.output
    assert "no period is closed" in run(room.closed).output
    with database.reading() as connection:
        assert connection.execute(sa.select(closed_periods.c.first_day)).first() is None
        assert connection.execute(sa.select(tables.audit.c.what)).first() is None


def test_a_closed_quarter_stands_and_is_listed(database):
    close()
    (line,) = run(room.closed).output.splitlines()
    assert line.startswith(QUARTER.written)
    shown = run(room.closed, QUARTER.written)
    assert shown.exit_code == 0
    assert "figures are genuine" in shown.output
    assert "today's figures are the frozen ones" in shown.output
    assert "≠" not in shown.output
    again = run(room.close, QUARTER.written, "--apply")
    assert again.exit_code == 1
    assert "is closed already" in again.output
    with database.reading() as connection:
        (said,) = connection.execute(sa.select(tables.audit))
    assert said.what == "reports.period_closed"
    assert said.who.startswith("cli:")


def test_what_was_declared_later_is_shown_as_a_correction(database):
    close()
    declare(database, "H41", DeclaredKind.SENT_PAPER_ONLY, 3, day=QUARTER.first_day)
    shown = run(room.closed, QUARTER.written)
    assert shown.exit_code == 0, "a correction is no fault"
    assert "18.274/18.306, khai báo / declared 18.306) → 99,8 % (18.274/18.309" in shown.output
    assert "mẫu số khai báo / declared denominator +3" in shown.output
    assert f"{vietnam_day(utc_now()):%d/%m/%Y}: 1 khai báo mới / 1 new declarations" in shown.output
    assert "  H41: " in shown.output
    assert "  G22: " not in shown.output
    of_one = run(room.closed, QUARTER.written, "--agency", "H41")
    assert "(0/4, khai báo / declared 4) → " in of_one.output
    assert "≠" not in run(room.closed, QUARTER.written, "--agency", "G22").output


def test_figures_that_were_tampered_with_are_told_with_a_number(database):
    close()
    with database.writing() as transaction:
        (figures,) = transaction.execute(sa.select(closed_periods.c.figures)).one()
        figures["agencies"]["H41"]["issued_electronically"][0] += 1
        transaction.execute(sa.update(closed_periods).values(figures=figures))
    shown = run(room.closed, QUARTER.written)
    assert shown.exit_code == 1
    assert "frozen figures were changed after they were signed" in shown.output


@pytest.mark.usefixtures("database")
def test_what_cannot_be_closed_says_why():
    now = period_holding(PeriodKind.QUARTER, vietnam_day(utc_now()))
    early = run(room.close, now.written, "--apply")
    assert early.exit_code == 1
    assert "has not ended" in early.output
    assert run(room.close, "2026-Q9").exit_code == 2
    week = run(room.close, "2026-W01")
    assert week.exit_code == 1
    assert "only a month" in week.output
    with pytest.raises(NoSuchThing, match="is not closed"):
        run(room.closed, QUARTER.written)
