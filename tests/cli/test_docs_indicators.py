"""The page of indicators says what the rule pack says, and its examples are true of its figures."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction

from hub.cli import docs, docs_indicators
from hub.domain.indicators import Target
from hub.domain.ratios import percent_vi
from hub.domain.rules import pack_on

PACK = pack_on(date(2026, 3, 2))
BY_ID = {one.indicator_id: one for one in PACK.indicators}


def sections(packs=(PACK,)) -> dict[str, str]:
    """Indicator id → its lines on the page."""
    parts = "\n".join(docs_indicators.lines(packs)).split("\n### ")[1:]
    return {re.search(r"^`(\w+)` · ", part, re.MULTILINE)[1]: part for part in parts}


def numbers(text: str) -> list[int]:
    return [int(one.replace(".", "")) for one in re.findall(r"\d[\d.]*", text)]


def test_every_indicator_is_on_the_page_with_all_that_the_pack_says() -> None:
    found = sections()
    assert list(found) == list(BY_ID)
    for name, one in BY_ID.items():
        wanted = [one.vi, one.en, one.formula_vi, one.formula_en, one.source, one.unit_vi, one.unit_en]
        wanted += [word for pair in one.exclusions for word in pair] + [target.source for target in one.targets]
        assert [word for word in wanted if word not in found[name]] == []
        assert ("chưa có nguồn / no source" in found[name]) is (not one.targets)


def test_every_example_divides_to_its_percentage() -> None:
    found = sections()
    checked = 0
    for part in found.values():
        for above, below, percent in re.findall(r"example[^:]*:\*\* (.*) ÷ (.*) = \*\*(.*)\*\*", part):
            assert percent_vi(Fraction(sum(numbers(above)), sum(numbers(below)))) == percent
            checked += 1
    assert checked == len(found) + 2, "each once, fully electronic also for the two types with a target of their own"


def test_examples_worked_by_hand_from_the_printed_table() -> None:
    worked = {name: docs_indicators.worked(one) for name, one in BY_ID.items()}
    sent, declared = 1640 + 120 + 88 + 2 + 310 + 40 + 12 + 8, 55 + 20 + 5
    assert (sent, declared) == (2220, 80)
    assert (
        worked["fully_electronic"] == "(1.848 + 20 khai báo / declared) ÷ (2.220 + 80 khai báo / declared) = **81,2 %**"
    )
    assert worked["paper_only"] == "55 khai báo / declared ÷ (2.220 + 80 khai báo / declared) = **2,4 %**"
    assert worked["signed_by_both"] == "2.160 ÷ 2.220 = **97,3 %**"
    assert worked["valid_signatures"] == "2.160 ÷ 2.208 = **97,8 %**"
    assert worked["sent_on_time"] == "2.186 ÷ 2.218 = **98,6 %**"
    assert worked["completion"] == "3.912 ÷ 4.800 = **81,5 %**"
    assert worked["agencies_connected"] == "5 ÷ 22 = **22,7 %**"
    assert worked["plan_fulfilled"] == "4 ÷ 17 = **23,5 %**"
    assert worked["plan_on_time"] == "4 ÷ 6 = **66,7 %**"
    assert worked["leaders_signing"] == "14 ÷ 16 khai báo / declared = **87,5 %**"
    assert docs_indicators.worked(BY_ID["fully_electronic"], "thong_bao").startswith("(88 + 0 khai báo")


def test_a_target_is_shown_with_its_days_and_types() -> None:
    target = Target(Fraction(199, 200), "Kế hoạch", frozenset({"giay_moi"}), date(2026, 1, 1), date(2026, 12, 31))
    changed = replace(PACK, indicators=(replace(BY_ID["sent_on_time"], targets=(target,)),))
    assert (
        "- **Mục tiêu / target:** 99,5 % (Giấy mời / Invitation), từ / from 01/01/2026 đến / to 31/12/2026; Kế hoạch"
        in sections((changed,))["sent_on_time"]
    )


def test_the_page_is_one_of_the_reference_pages() -> None:
    page = docs.pages()["indicators.md"]
    assert page.startswith(docs.RULED)
    assert "\n".join(docs_indicators.lines((PACK,))) in page
