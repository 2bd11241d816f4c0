"""Figures that ministries and provinces published, built from documents and declarations, as our reports print them.

Source: the first paragraph of the issue "Paper-free percentages that can be audited"; domain notes §5.1.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from hub.domain.declarations import DeclaredKind
from hub.domain.ratios import percent_vi
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import as_csv, as_json, as_pdf
from hub.reports.formats import decimal_vi, number_vi
from hub.reports.made import Made
from hub.store import schema
from hub.store.engine import Database
from tests.support.country import Batch, Country
from tests.support.pdf_texts import texts

NOW = datetime(2026, 9, 5, 3, tzinfo=UTC)
DAY = date(2026, 8, 12)
MONTH = "2026-08"
PROVINCE = Scope(ScopeKind.BELOW, "H77")


@pytest.fixture
def country(tmp_path: Path, sqlite_template: Path) -> Iterator[Country]:
    place = tmp_path / "hub.sqlite3"
    shutil.copy(sqlite_template, place)
    database = Database(f"sqlite:///{place}")
    yield Country(database, NOW)
    database.close()


@pytest.fixture
def nation(tmp_path: Path) -> Iterator[Country]:
    """An empty directory."""
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    schema.upgrade(database)
    yield Country(database, NOW)
    database.close()


def figure(made: Made, indicator: str) -> dict:
    return next(one for one in as_json.shown(made)["figures"] if one["indicator"] == indicator)


def printed(made: Made) -> str:
    """Everything that a reader of the file sees."""
    return b"".join(as_csv.write_made(made)).decode("utf-8-sig")


def notes(made: Made) -> list[str]:
    return [one.vi for one in made.notes]


def row(made: Made, table: str, place: int = 0) -> tuple:
    return next(one for one in made.tables if one.table_id == table).rows[place]


def test_published_figure_30_percent_fully_electronic_65_with_paper_in_parallel(country: Country) -> None:
    country.agencies(["H77"])
    country.send(
        Batch("H77", 600, DAY, paper=0),
        Batch("H77", 1250, DAY, paper=1),
        Batch("H77", 25, DAY, paper=0, signed=False),  # without paper, but it does not replace it
        Batch("H77", 15, DAY, paper=None),
    )
    country.declare("H77", DeclaredKind.SENT_ELSEWHERE_WITH_PAPER, 50, MONTH)
    country.declare("H77", DeclaredKind.SENT_PAPER_ONLY, 60, MONTH)
    country.count()
    made = country.report("paper-free", MONTH, PROVINCE)
    assert figure(made, "fully_electronic") | {"name": ""} == {
        "indicator": "fully_electronic",
        "name": "",
        "numerator": {"seen": 600, "declared": 0},
        "denominator": {"seen": 1890, "declared": 110},
        "value": "0.300000",
        "percent_vi": "30,0 %",
    }
    parallel = figure(made, "electronic_with_paper")
    assert (parallel["numerator"], parallel["percent_vi"]) == ({"seen": 1250, "declared": 50}, "65,0 %")
    assert notes(made)[:2] == [
        "Văn bản điện tử hoàn toàn, không gửi bản giấy: 600 / 2.000, 30,0 %.",
        "Văn bản điện tử gửi song song bản giấy: 1.300 / 2.000, 65,0 %.",
    ]
    assert percent_vi(Fraction(parallel["value"]), places=0) == "65 %"
    parts = [figure(made, one)["value"] for one in ("electronic_not_replacing", "paper_only")]
    assert parts == ["0.020000", "0.030000"], "the rest of the hundred"


def test_published_figure_18274_of_18302_is_99_8_percent(country: Country) -> None:
    units = country.agencies(["H77"]) + country.agencies(["H77.1", "H77.2"], above="H77")
    country.send(*(Batch(unit, count, DAY) for unit, count in zip(units, (9000, 5274, 4000), strict=True)))
    country.declare("H77.2", DeclaredKind.SENT_PAPER_ONLY, 28, MONTH)
    country.count()
    made = country.report("paper-free", MONTH, PROVINCE)
    found = figure(made, "issued_electronically")
    assert (found["numerator"], found["denominator"]) == (
        {"seen": 18274, "declared": 0},
        {"seen": 18274, "declared": 28},
    )
    assert found["percent_vi"] == "99,8 %"
    assert "18.274 / 18.302, 99,8 %" in printed(made)
    told = "Mẫu số 18.302 văn bản gồm 18.274 do trục ghi nhận và 28 do đơn vị khai báo"
    assert any(one.startswith(told) for one in notes(made))
    alone = figure(country.report("paper-free", MONTH, Scope(ScopeKind.UNIT, "H77.2")), "issued_electronically")
    assert (alone["denominator"], alone["percent_vi"]) == ({"seen": 4000, "declared": 28}, "99,3 %")


def test_published_figure_445_documents_5_units_13_more_by_30_september(country: Country) -> None:
    country.agencies(["H77"], connected_on=date(2026, 7, 1))
    connected = country.agencies(
        (f"H77.{number}" for number in range(1, 5)), above="H77", connected_on=date(2026, 8, 3)
    )
    to_come = country.agencies((f"H77.{number}" for number in range(5, 18)), above="H77")
    country.agencies(["H77.90"], above="H77")
    country.plan(to_come, date(2026, 9, 30))
    country.send(Batch("H77", 400, DAY), Batch(connected[0], 45, DAY), Batch("H77", 7, DAY, paper=1))
    country.count()
    made = country.report("connections", MONTH, PROVINCE)
    assert notes(made)[:3] == [
        "445 văn bản gửi không kèm bản giấy.",
        "5 đơn vị đã kết nối.",
        "Thêm 13 đơn vị đến hết ngày 30/09/2026.",
    ]
    assert row(made, "plan") == (date(2026, 9, 30), 13, 0, 13, 13)
    assert figure(made, "agencies_connected")["numerator"]["seen"] == 5
    assert figure(country.report("paper-free", MONTH, PROVINCE), "fully_electronic")["numerator"]["seen"] == 445


def test_published_figure_95_of_95_bodies_connected(nation: Country) -> None:
    """By 30 September 2019."""
    nation.agencies((f"G{number:02}" for number in range(1, 33)), connected_on=date(2019, 3, 12))
    nation.agencies((f"H{number:02}" for number in range(1, 64)), connected_on=date(2019, 9, 30))
    found = figure(nation.report("connections", "2019-9M"), "agencies_connected")
    before = figure(nation.report("connections", "2019-H1"), "agencies_connected")
    assert (found["numerator"]["seen"], found["denominator"]["seen"], found["percent_vi"]) == (95, 95, "100,0 %")
    assert before["numerator"]["seen"] == 32


FULL = pytest.param(163_107, 488_165, marks=[pytest.mark.long, pytest.mark.timeout(1200)], id="whole")
A_HUNDREDTH = pytest.param(1_631, 4_882, id="a hundredth")  # 651.272 documents and copies take half a minute to count


@pytest.mark.parametrize(("sent", "received"), [FULL, A_HUNDREDTH])
def test_published_figure_163107_sent_488165_received_95_of_95_connected(
    nation: Country, sent: int, received: int
) -> None:
    """12 March to 30 September 2019; 60 bodies came through an axis of their own, 35 directly: each counts as one.

    Every day a hundredth of the documents is exchanged, by all 95 bodies; the whole of it among the long tests.
    """
    first, last = date(2019, 3, 12), date(2019, 9, 30)
    bodies = nation.agencies((f"H{n:02}" for n in range(1, 61)), connected_on=first, own_axis=True)
    bodies += nation.agencies((f"G{n:02}" for n in range(1, 36)), connected_on=last)
    exchanged(nation, bodies, sent=sent, received=received, days=(first, last))
    nation.send(Batch("H01", 3, date(2019, 3, 11), to=("G01",)), Batch("H01", 3, date(2019, 10, 1), to=("G01",)))
    nation.count()
    made = nation.report("volumes", f"{first}..{last}")
    told = {one.count_id: one.count for one in made.figures}
    assert told == {"sent": sent, "received": received, "sent_and_received": sent + received}
    text = "\n".join(texts(as_pdf.write(made)))
    written = {163_107: ["163.107", "488.165", "651.272"], 1_631: ["1.631", "4.882", "6.513"]}[sent]
    assert [number for number in written if number in text.split()] == written
    connected = nation.report("connections", f"{first}..{last}")
    assert "95 đơn vị đã kết nối." in notes(connected)
    found = figure(connected, "agencies_connected")
    assert (found["numerator"]["seen"], found["denominator"]["seen"], found["percent_vi"]) == (95, 95, "100,0 %")


def exchanged(country: Country, bodies: list[str], *, sent: int, received: int, days: tuple[date, date]) -> None:
    """All bodies send to two or three others, alike, each on a day of its own between these two."""
    to_two, share = 3 * sent - received, sent // len(bodies)
    for place, body in enumerate(bodies):
        others = [bodies[(place + step) % len(bodies)] for step in (1, 2, 3)]
        day = days[0] + place * (days[1] - days[0]) // (len(bodies) - 1)
        count = share if place else sent - share * (len(bodies) - 1)
        twos = min(to_two, count)
        to_two -= twos
        country.send(Batch(body, twos, day, to=tuple(others[:2])), Batch(body, count - twos, day, to=tuple(others)))


def test_published_figure_90_81_percent_exchanged_electronically(country: Country) -> None:
    """December 2020, nationwide."""
    country.agencies(["H77"])
    country.send(Batch("H77", 9000, date(2020, 12, 3)))
    country.declare("H77", DeclaredKind.SENT_ELSEWHERE_WITH_PAPER, 81, "2020-12")
    country.declare("H77", DeclaredKind.SENT_PAPER_ONLY, 919, "2020-12")
    country.count()
    made = country.report("paper-free", "2020-12")
    found = figure(made, "issued_electronically")
    assert percent_vi(Fraction(found["value"]), places=2) == "90,81 %"
    assert found["percent_vi"] == "90,8 %"
    target = row(made, "indicators", -1)
    assert (target[0], target[6], target[7]) == ("Văn bản phát hành điện tử", Fraction(9, 10), "Đạt")


def test_published_figure_78_percent_signed(country: Country) -> None:
    """A province: about 700.000 documents in a year, 78 % of them signed; here a thousandth of them."""
    country.agencies(["H77"])
    country.send(Batch("H77", 546, DAY), Batch("H77", 154, DAY, signed=False))
    country.count()
    found = figure(country.report("signatures", "2026", PROVINCE), "signed_by_agency")
    assert (found["numerator"]["seen"], found["denominator"]["seen"]) == (546, 700)
    assert (found["percent_vi"], percent_vi(Fraction(found["value"]), places=0)) == ("78,0 %", "78 %")


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_published_figure_620830_is_135164_sent_and_485666_received(country: Country) -> None:
    """July 2022 at its full size: the official total adds both; each document went to 3 or 4 recipients."""
    recipients = tuple(country.agencies(["H77", "H78", "H79", "H80"]))
    july = date(2022, 7, 14)
    to_three = 4 * 135_164 - 485_666
    country.send(
        Batch("H77", to_three, july, to=recipients[:3]),
        Batch("H78", 135_164 - to_three, july, to=recipients),
    )
    country.count()
    made = country.report("volumes", "2022-07")
    sent, received, both = (row(made, "counts", place)[1] for place in range(3))
    assert [number_vi(one) for one in (sent, received, both)] == ["135.164", "485.666", "620.830"]
    assert decimal_vi(Fraction(received, sent)) == "3,6"
