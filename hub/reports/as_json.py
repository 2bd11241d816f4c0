"""A report as JSON: exact counts, titles in two languages, rows as arrays in the order of the columns.

Owns: the names in the answer, the written form of a share (both counts, six decimals, percent).
Never: leaves a ratio without its numerator and denominator.
Source: issue “Paper-free percentages that can be audited”; Decision 28/2018/QĐ-TTg Art. 14(4) (ISO 8601, +07:00).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from hub.domain.periods import vietnam_time
from hub.reports.formats import ratio_vi
from hub.reports.made import Cell, Chart, Kind, Letter, Made, Share, Table, Told, ToldCount, Words

_DECIMALS = Decimal("0.000001")


def shown(made: Made, *, charts_link: str = "") -> dict[str, Any]:
    """What the API answers; with `charts_link` each chart says where its drawing is (`…/{chart_id}.svg`)."""
    return {
        "report": made.report_id,
        "title": _words(made.title),
        "lines": [_words(line) for line in made.lines],
        "figures": [_told(one) for one in made.figures],
        "tables": [_table(table) for table in made.tables],
        "charts": [_chart(chart, charts_link) for chart in made.charts],
        "notes": [_words(note) for note in made.notes],
        "letter": _letter(made.letter) if made.letter else None,
        "rule_pack": made.rule_pack,
        "known_on": made.known_on.isoformat(),
        "made_at": vietnam_time(made.made_at),
        "data_sha256": made.data_sha256,
    }


def decimal(ratio: Fraction | None) -> str | None:
    """Six decimals, rounded half up; None when there is nothing.

    >>> decimal(Fraction(18274, 18302)), decimal(Fraction(2, 3)), decimal(None)
    ('0.998470', '0.666667', None)
    """
    if ratio is None:
        return None
    return str((Decimal(ratio.numerator) / Decimal(ratio.denominator)).quantize(_DECIMALS, ROUND_HALF_UP))


def share(one: Share) -> dict[str, Any]:
    """A share with both counts, which are exact, and the links to exactly the documents counted."""
    return {
        "numerator": one.numerator,
        "denominator": one.denominator,
        "value": decimal(one.ratio),
        "percent_vi": ratio_vi(one.ratio),
        "links": {"numerator": one.numerator_link or None, "denominator": one.denominator_link or None},
    }


def _told(one: Told | ToldCount) -> dict[str, Any]:
    """An indicator or a plain count by its id, so that no program needs to read a table."""
    if isinstance(one, ToldCount):
        return {"indicator": one.count_id, "name": _words(one.name), "count": one.count}
    sides = {"numerator": one.numerator, "denominator": one.denominator}
    return {
        "indicator": one.indicator_id,
        "name": _words(one.name),
        **{name: {"seen": seen, "declared": declared} for name, (seen, declared) in sides.items()},
        "value": decimal(one.ratio),
        "percent_vi": ratio_vi(one.ratio),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "id": table.table_id,
        "title": _words(table.title),
        "columns": [
            {"title": {"vi": column.title_vi, "en": column.title_en}, "kind": column.kind.value}
            for column in table.columns
        ],
        "rows": [
            [_cell(cell, column.kind) for column, cell in zip(table.columns, row, strict=True)] for row in table.rows
        ],
        "notes": [_words(note) for note in table.notes],
    }


def _chart(chart: Chart, charts_link: str) -> dict[str, Any]:
    drawn = {"svg": f"{charts_link}/{chart.chart_id}.svg"} if charts_link else {}
    return {
        "id": chart.chart_id,
        "title": _words(chart.title),
        "drawing": chart.drawing.value,
        "percent": chart.percent,
        "labels": list(chart.labels),
        "series": [
            {"name": _words(series.name), "values": [_number(value) for value in series.values]}
            for series in chart.series
        ],
        "target": decimal(chart.target),
        **drawn,
    }


def _letter(letter: Letter) -> dict[str, Any]:
    return {**asdict(letter), "day": letter.day.isoformat()}


def _cell(cell: Cell, kind: Kind) -> Any:
    if isinstance(cell, Share):
        return share(cell)
    if isinstance(cell, Fraction) and kind is Kind.SHARE:  # a ratio that is not counted: a target, a difference
        return {"value": decimal(cell), "percent_vi": ratio_vi(cell)}
    if isinstance(cell, datetime):
        return vietnam_time(cell)
    return cell.isoformat() if isinstance(cell, date) else _number(cell)


def _number(value: Any) -> Any:
    return decimal(value) if isinstance(value, Fraction) else value


def _words(words: Words) -> dict[str, str]:
    return {"vi": words.vi, "en": words.en}
