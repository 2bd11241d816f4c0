"""What is wrong with entries that are handed in: alone, against kept ones, against one another; a model by days."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.declarations import (
    DIRECTIONS,
    KIND_WORDS,
    MOST_COUNT,
    Declaration,
    DeclaredKind,
    Entry,
    Judged,
    judge,
)
from hub.domain.findings import describe_error, error_sentences

TODAY, EARLIEST = date(2026, 10, 5), date(2018, 9, 6)
NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)
START = date(2026, 1, 1)
PAPER = DeclaredKind.SENT_PAPER_ONLY


def entry(first: int | date, last: int | date, **more) -> Declaration:
    """Days as numbers from 1 January 2026 or as days."""
    days = [day if isinstance(day, date) else START + timedelta(days=day) for day in (first, last)]
    facts = {"id": f"{first}-{last}-{more.get('document_type', '')}", "agency_key": "H41", "kind": PAPER,
             "document_type": "", "count": 5, "declared_at": NOW, "declared_by": "Nguyễn Thị Mẫu",
             "caller_key": "H41"} | more  # fmt: skip
    return Declaration(first_day=days[0], last_day=days[1], **facts)


def judged(*handed: Declaration, known: tuple[Declaration, ...] = ()) -> Judged:
    """The entries in rows 1, 2, … against kept ones, where what one of them corrects is corrected."""
    correctors = {one.corrects: one.id for one in known if one.corrects}
    entries = [Entry(one, correctors.get(one.id, "")) for one in known]
    return judge(list(enumerate(handed, start=1)), entries, today=TODAY, earliest=EARLIEST)


def faults(*handed: Declaration, known: tuple[Declaration, ...] = ()) -> list[tuple[int, str, str]]:
    return [(f.row, f.field, f.code.removeprefix("declaration.")) for f in judged(*handed, known=known).faults]


def test_every_kind_has_words_and_every_kind_of_documents_a_direction():
    assert set(KIND_WORDS) == set(DeclaredKind)
    assert set(DeclaredKind) - set(DIRECTIONS) == {DeclaredKind.LEADERS}


def test_adjacent_days_other_kinds_and_other_agencies_do_no_harm():
    kept = entry(0, 30)
    others = (entry(31, 58), entry(0, 30, agency_key="H14"), entry(0, 30, kind=DeclaredKind.LEADERS))
    outcome = judged(*others, known=(kept,))
    assert outcome.faults == ()
    assert [one for _, one in outcome.new] == list(others)


@pytest.mark.parametrize("days", [(30, 40), (-5, 0), (10, 12), (-3, 60), (0, 30)])
def test_a_day_in_common_is_refused_in_every_position(days):
    assert faults(entry(*days), known=(entry(0, 30, count=7),)) == [(1, "period", "overlaps")]


def test_all_types_and_one_type_would_count_the_same_documents_twice():
    typed, general = entry(0, 30, document_type="cong_van"), entry(10, 40)
    assert faults(general, known=(typed,)) == [(1, "period", "counted_twice")]
    assert faults(typed, known=(general,)) == [(1, "period", "counted_twice")]
    assert faults(entry(0, 30, document_type="bao_cao"), known=(typed,)) == []
    many = (typed, entry(0, 30, document_type="bao_cao"), entry(0, 9))
    assert faults(general, known=many) == [(1, "period", "counted_twice")] * 2, "the general one ends before"


def test_a_fault_between_rows_names_the_row_in_both_languages():
    (fault,) = judged(entry(0, 30), entry(30, 40, count=6)).faults
    words = describe_error(fault.code, fault.facts)
    assert fault.row == 2
    assert "dòng 1 (kỳ 01/01/2026–31/01/2026, số lượng 5)" in words.vi
    assert "row 1 (days 01/01/2026–31/01/2026, count 5)" in words.en


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        (entry(TODAY, TODAY + timedelta(days=1)), "period", "in_future"),
        (entry(EARLIEST - timedelta(days=1), EARLIEST), "period", "too_early"),
        (entry(1, 0), "period", "days"),
        (entry(-366, 0), "period", "days"),
        (entry(0, 1, count=-1), "count", "count"),
        (entry(0, 1, count=MOST_COUNT + 1), "count", "count"),
        (entry(0, 1, kind=DeclaredKind.LEADERS, document_type="cong_van"), "document_type", "leaders_have_no_type"),
    ],
)
def test_what_is_wrong_alone(wrong, field, code):
    assert faults(wrong) == [(1, field, code)]


def test_the_edges_of_what_is_right_alone():
    assert faults(entry(TODAY, TODAY), entry(EARLIEST, EARLIEST), entry(-365, 0), entry(1, 1, count=MOST_COUNT)) == []


def test_all_faults_of_all_rows_are_told_in_the_order_of_the_rows():
    wrong = entry(0, 9, count=-1), entry(5, 9, corrects="nothing"), entry(9, 400)
    assert faults(*wrong) == [
        (1, "count", "count"),
        (2, "corrects", "correction_unknown"),
        (2, "period", "overlaps"),
        (3, "period", "days"),
        (3, "period", "in_future"),
        (3, "period", "overlaps"),
    ]


class TestCorrections:
    kept = entry(0, 30, id="old")

    def test_a_correction_may_have_other_days_and_another_count(self):
        assert faults(entry(10, 50, count=9, corrects="old"), known=(self.kept,)) == []

    def test_a_correction_may_not_run_into_a_third_entry(self):
        known = (self.kept, entry(31, 58, id="next"))
        (fault,) = judged(entry(0, 31, corrects="old"), known=known).faults
        assert (fault.code, fault.facts["other_en"]) == ("declaration.overlaps", "the entry next")

    def test_it_frees_the_days_for_others_wherever_it_stands_in_the_file(self):
        assert faults(entry(20, 30), entry(0, 9, corrects="old"), known=(self.kept,)) == []

    def test_it_is_of_the_same_agency_kind_and_type(self):
        for more, code in (
            ({"agency_key": "H14"}, "correction_unknown"),
            ({"kind": DeclaredKind.LEADERS}, "correction_differs"),
            ({"document_type": "cong_van"}, "correction_differs"),
        ):
            assert (1, "corrects", code) in faults(entry(0, 30, corrects="old", **more), known=(self.kept,))

    def test_an_entry_is_corrected_once(self):
        first = entry(0, 20, id="first", corrects="old")
        assert faults(entry(0, 9, corrects="old"), known=(self.kept, first)) == [
            (1, "corrects", "already_corrected"),
            (1, "period", "overlaps"),
        ]
        two = judged(entry(0, 9, corrects="old"), entry(20, 30, corrects="old"), known=(self.kept,))
        assert [(f.row, f.facts["other_en"]) for f in two.faults] == [(2, "row 1")]
        assert faults(entry(0, 9, corrects="first", count=1), known=(self.kept, first)) == []

    def test_nought_withdraws_and_frees_the_days(self):
        gone = entry(0, 30, id="gone", count=0, corrects="old")
        assert faults(entry(0, 30, document_type="cong_van"), known=(self.kept, gone)) == []
        assert faults(entry(0, 30), known=(self.kept, gone)) == [], "declared anew, not repeated"
        nothing = entry(0, 30, id="nothing", count=0)
        assert faults(entry(5, 6), known=(nothing,)) == [(1, "period", "overlaps")], "declared: there was none"
        assert faults(entry(3, 3, corrects="gone"), known=(self.kept, gone)) == []


class TestRepetitions:
    def test_the_same_content_is_answered_with_the_entry_that_is_kept(self):
        kept = entry(0, 30, id="kept", note="sổ giấy")
        again = replace(kept, id="new", declared_at=NOW + timedelta(days=1), caller_key="")
        outcome = judged(again, entry(31, 31), known=(kept,))
        assert outcome.faults == ()
        assert outcome.repeated == {1: kept}
        assert [row for row, _ in outcome.new] == [2]

    @pytest.mark.parametrize("other", [{"count": 6}, {"declared_by": "Người khác"}, {"note": "x"}])
    def test_anything_else_is_another_entry(self, other):
        assert faults(entry(0, 30, **other), known=(entry(0, 30),)) == [(1, "period", "overlaps")]

    def test_what_was_corrected_since_is_not_repeated(self):
        old, new = entry(0, 30, id="old"), entry(0, 30, id="new", count=8, corrects="old")
        assert faults(entry(0, 30), known=(old, new)) == [(1, "period", "overlaps")]
        assert judged(replace(new, id="again"), known=(old, new)).repeated == {1: new}


def test_ten_thousand_rows_of_one_agency_are_judged_at_once():
    days = [entry(EARLIEST + timedelta(days=n // 4), EARLIEST + timedelta(days=n // 4), id=str(n),
                  document_type=f"t{n % 4}") for n in range(10_000)]  # fmt: skip
    corrections = [replace(one, id=f"c{one.id}", count=1, corrects=one.id) for one in days]
    assert judged(*days).faults == ()
    began = datetime.now(UTC)
    assert judged(*corrections, known=tuple(days)).faults == ()
    assert datetime.now(UTC) - began < timedelta(seconds=10), "must not grow with the square of the rows"


def test_every_code_has_its_sentence():
    codes = {code for code in error_sentences() if code.startswith("declaration.")}
    told = {f.code for f in judged(entry(0, 9, count=-1), entry(5, 400, corrects="nothing")).faults}
    assert told <= codes


# -- a model that counts by days -----------------------------------------------------------------------------------

SPANS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
HANDED = st.fixed_dictionaries(
    {
        "days": SPANS,
        "agency_key": st.sampled_from(["H41", "H14"]),
        "kind": st.sampled_from([PAPER, DeclaredKind.RECEIVED_ELSEWHERE]),
        "document_type": st.sampled_from(["", "a", "b"]),
        "count": st.integers(0, 3),
        "corrects": st.one_of(st.none(), st.integers(0, 8)),
    }
)


def standing(kept: list[Declaration]) -> list[Declaration]:
    gone = {one.corrects for one in kept}
    return [one for one in kept if one.id not in gone and not (one.corrects and one.count == 0)]


def counted_twice(entries: list[Declaration]) -> bool:
    """By the day: more than one entry of a type, or one without a type beside one with."""
    days = Counter()
    for one in entries:
        for n in range((one.last_day - one.first_day).days + 1):
            days[one.agency_key, one.kind, one.first_day + timedelta(days=n), one.document_type] += 1
    mixed = any((*key[:3], "") in days for key in days if key[3])
    return mixed or any(many > 1 for many in days.values())


def allowed(kept: list[Declaration], new: list[Declaration]) -> bool:
    by_id, gone = {one.id: one for one in kept}, [one.corrects for one in kept if one.corrects]
    for one in new:
        if one.corrects is not None:
            old = by_id.get(one.corrects)
            fits = old is not None and (old.agency_key, old.kind, old.document_type) == (
                one.agency_key, one.kind, one.document_type)  # fmt: skip
            if not fits or one.corrects in gone:
                return False
            gone.append(one.corrects)
    return not counted_twice(standing([*kept, *new]))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.lists(HANDED, min_size=1, max_size=4), max_size=8))
def test_entries_are_kept_exactly_when_no_day_would_count_twice(requests):
    kept: list[Declaration] = []
    for at, request in enumerate(requests):
        new = []
        for number, facts in enumerate(request):
            days, corrects = facts["days"], facts["corrects"]
            more = {name: facts[name] for name in ("agency_key", "kind", "document_type", "count")}
            named = kept[corrects].id if corrects is not None and corrects < len(kept) else corrects and "unknown"
            who = f"{at}.{number}"  # no entry is the same as another: repetitions have tests of their own
            new.append(entry(*days, id=who, declared_by=who, corrects=named or None, **more))
        outcome = judged(*new, known=tuple(kept))
        assert (outcome.faults == ()) is allowed(kept, new)
        if not outcome.faults:
            kept += new
        assert not counted_twice(standing(kept))
