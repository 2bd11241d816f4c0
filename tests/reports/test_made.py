"""What a report may hold, and the hash that says whether two reports have the same data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256

import pytest

from hub.reports.made import Chart, Column, Drawing, Kind, Made, Series, Share, Table, Told, Words
from tests.support import made_reports

WORDS = Words("Bảng", "Table")
TOLD = Told("i", Words("C", "I"), (1, 0), (2, 1))
REPORT = made_reports.quarterly()


def with_cell(cell: object, kind: Kind = Kind.TEXT) -> Made:
    table = Table("one", WORDS, (Column("Cột", kind=kind),), ((cell,),))  # type: ignore[arg-type]
    return made_reports.report(tables=(table,), drawn=())


def test_a_share_of_nothing_has_no_ratio() -> None:
    assert Share(0, 0).ratio is None
    assert Told("i", WORDS, (0, 0), (0, 0)).ratio is None
    assert TOLD.ratio == Fraction(1, 3)
    assert Share(18274, 18302).ratio == Fraction(18274, 18302)


@pytest.mark.parametrize("row", [(), ("a",), ("a", "b", "c")])
def test_a_row_has_a_cell_for_each_column(row: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one: a row"):
        Table("one", WORDS, (Column("A"), Column("B")), (("a", "b"), row))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SHARE])
def test_a_share_stands_in_a_column_of_shares(kind: Kind) -> None:
    with pytest.raises(ValueError, match="one: a share"):
        Table("one", WORDS, (Column("A", kind=kind),), ((Share(1, 2),),))


def test_a_series_has_a_value_for_each_label() -> None:
    series = (Series(WORDS, (1, 2)), Series(WORDS, (1,)))
    with pytest.raises(ValueError, match="c: a series"):
        Chart("c", WORDS, Drawing.BARS, ("a", "b"), series, percent=False)


class TestHash:
    def test_it_is_the_sha_256_of_canonical_json(self) -> None:
        made = replace(
            with_cell(Share(1, 3, "https://a.example/n"), Kind.SHARE),
            lines=(),
            notes=(),
            title=Words("B", "R"),
            figures=(TOLD,),
        )
        text = {
            "charts": [],
            "figures": [
                {"denominator": [2, 1], "indicator_id": "i", "name": {"en": "I", "vi": "C"}, "numerator": [1, 0]}
            ],
            "known_on": {"day": "2026-10-05"},
            "letter": None,
            "lines": [],
            "notes": [],
            "report_id": "paper_free",
            "rule_pack": "qd28-2018",
            "tables": [
                {
                    "columns": [{"kind": "share", "title_en": "", "title_vi": "Cột"}],
                    "notes": [],
                    "rows": [[{"denominator": 3, "numerator": 1}]],
                    "table_id": "one",
                    "title": {"en": "Table", "vi": "Bảng"},
                }
            ],
            "title": {"en": "R", "vi": "B"},
        }
        canonical = json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode()
        assert made.data_sha256 == sha256(canonical).hexdigest()

    def test_when_where_and_how_wide_it_is_shown_changes_nothing(self) -> None:
        assert REPORT.letter is not None
        table = REPORT.tables[0]
        wider = tuple(replace(column, width=column.width + 9) for column in table.columns)
        rows = tuple(
            tuple(Share(cell.numerator, cell.denominator) if isinstance(cell, Share) else cell for cell in row)
            for row in table.rows
        )
        other = replace(
            REPORT,
            made_at=REPORT.made_at + timedelta(days=900),
            letter=replace(REPORT.letter, number="417", place="Đà Nẵng", day=date(2027, 1, 1)),
            tables=(replace(table, columns=wider, rows=rows), *REPORT.tables[1:]),
        )
        assert other != REPORT
        assert other.data_sha256 == REPORT.data_sha256

    @pytest.mark.parametrize(
        "other",
        [
            replace(REPORT, known_on=date(2026, 10, 6)),
            replace(REPORT, rule_pack="qd28-2019"),
            replace(REPORT, title=Words(REPORT.title.vi, "Another")),
            replace(REPORT, notes=REPORT.notes[:1]),
            replace(REPORT, figures=(TOLD,)),
            replace(REPORT, letter=None),
            replace(REPORT, charts=made_reports.charts()),
            replace(REPORT, tables=REPORT.tables[::-1]),
            replace(REPORT, tables=(replace(REPORT.tables[0], rows=REPORT.tables[0].rows[:-1]), REPORT.tables[1])),
        ],
    )
    def test_any_other_figure_or_word_changes_it(self, other: Made) -> None:
        assert other.data_sha256 != REPORT.data_sha256

    def test_a_share_is_more_than_its_ratio(self) -> None:
        assert with_cell(Share(1, 2), Kind.SHARE).data_sha256 != with_cell(Share(2, 4), Kind.SHARE).data_sha256

    def test_nothing_can_pass_for_something_else(self) -> None:
        day = date(2026, 10, 5)
        cells = [
            "",
            None,
            "None",
            day,
            "2026-10-05",
            '{"day":"2026-10-05"}',
            made_reports.MADE_AT,
            1,
            "1",
            Fraction(1, 2),
        ]
        assert len({with_cell(cell).data_sha256 for cell in cells}) == len(cells)

    def test_one_instant_is_one_whatever_its_zone(self) -> None:
        from_hanoi = made_reports.MADE_AT.astimezone()
        assert with_cell(from_hanoi).data_sha256 == with_cell(made_reports.MADE_AT).data_sha256
