"""The indicators of the rule pack: none is missing, each is a part of a whole, and a broken row is named."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from datetime import date
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.counting import Cell, Measure, Paper, Signed, Validity
from hub.domain.declarations import DIRECTIONS, DeclaredKind
from hub.domain.indicators import AgencyState, Better, Counts, Selection, Target, read_indicators
from hub.domain.rules import pack_on
from hub.errors import Misconfigured

PACK = pack_on(date(2026, 3, 2))
BY_ID = {one.indicator_id: one for one in PACK.indicators}
CELLS = [Cell(*one) for one in product(["bao_cao", "giay_moi", "other"], [0, 3], Paper, Signed, Validity)]
PARTS = ("fully_electronic", "electronic_with_paper", "electronic_not_replacing", "paper_only")
SENT_KINDS = [kind for kind in DIRECTIONS if DIRECTIONS[kind].value == "sent"]


@st.composite
def documents(draw):
    """Sums of some cells, in which what bears one mark bears also those that belong to it."""
    found = []
    for cell in draw(st.lists(st.sampled_from(CELLS), max_size=8)):
        count = draw(st.integers(0, 10_000))
        sums = {Measure.DOCUMENTS: count}
        for part, whole in (
            (Measure.TIMED, Measure.DOCUMENTS),
            (Measure.ON_TIME, Measure.TIMED),
            (Measure.FED_BACK, Measure.DOCUMENTS),
            (Measure.ACCEPTED, Measure.FED_BACK),
            (Measure.COMPLETED, Measure.ACCEPTED),
            (Measure.DECLINED, Measure.FED_BACK),
            *((mark, Measure.DOCUMENTS) for mark in (Measure.SAME_DAY, Measure.UNFETCHED)),
        ):
            sums[part] = draw(st.integers(0, sums[whole]))
        found.append((cell, Counter(sums)))
    return found


ENTRIES = st.lists(st.tuples(st.sampled_from(DeclaredKind), st.sampled_from(["", "giay_moi"]), st.integers(0, 1000)))


class TestThePack:
    def test_no_indicator_that_the_customer_named_is_missing(self):
        assert set(BY_ID) >= {
            "issued_electronically", *PARTS,
            "signed_by_agency", "signed_by_person", "signed_by_both", "valid_signatures",
            "sent_on_time", "received_electronically", "receipt_same_day",
            "feedback", "acceptance", "completion", "refusal", "unfetched",
            "agencies_connected", "agencies_planned", "plan_fulfilled", "plan_on_time",
            "legacy_signatures", "units_certified", "leaders_signing",
        }  # fmt: skip

    @pytest.mark.parametrize("one", PACK.indicators, ids=lambda one: one.indicator_id)
    def test_each_is_whole_in_both_languages_and_cites_the_law(self, one):
        assert one.vi != one.en
        assert one.formula_vi != one.formula_en
        assert " ÷ " in one.formula_vi
        assert " ÷ " in one.formula_en
        assert re.search(r"\d+/\d{4}/(QĐ-TTg|NĐ-CP)", one.source)
        for vi, en in one.exclusions:
            assert "Điều" in vi
            assert "Art." in en
        if one.counts in (Counts.SENT, Counts.RECEIVED):
            assert any("bí mật nhà nước" in vi for vi, _ in one.exclusions)
            assert any("thu hồi, kể từ" in vi or "thông báo thu hồi" in vi for vi, _ in one.exclusions)

    @given(documents(), ENTRIES)
    def test_four_parts_are_together_all_outgoing_documents(self, sums, entries):
        whole = {BY_ID[name].denominator for name in (*PARTS, "issued_electronically")}
        assert len(whole) == 1
        denominator = whole.pop()
        parts = [BY_ID[name].numerator for name in PARTS]
        assert sum(one.seen_of(sums) for one in parts) == denominator.seen_of(sums)
        assert sum(one.declared_of(entries) for one in parts) == denominator.declared_of(entries)
        paper, issued = BY_ID["paper_only"].numerator, BY_ID["issued_electronically"].numerator
        assert paper.seen_of(sums) + issued.seen_of(sums) == denominator.seen_of(sums)
        assert paper.declared_of(entries) + issued.declared_of(entries) == denominator.declared_of(entries)

    @given(documents(), ENTRIES)
    def test_no_share_of_documents_is_less_than_nothing_or_more_than_all(self, sums, entries):
        for one in PACK.indicators:
            if one.counts in (Counts.SENT, Counts.RECEIVED):
                assert 0 <= one.numerator.seen_of(sums) <= one.denominator.seen_of(sums)
                assert 0 <= one.numerator.declared_of(entries) <= one.denominator.declared_of(entries)

    def test_all_outgoing_documents_are_those_seen_and_every_kind_declared(self):
        assert BY_ID["fully_electronic"].denominator == Selection(declared=frozenset(SENT_KINDS))

    def test_fully_electronic_is_without_paper_and_replacing_it(self):
        taken = {cell.paper for cell in CELLS if BY_ID["fully_electronic"].numerator.takes(cell)}
        assert taken == {Paper.PAPER_FREE}
        assert BY_ID["fully_electronic"].numerator.declared == {DeclaredKind.SENT_ELSEWHERE_PAPER_FREE}

    @pytest.mark.parametrize(
        ("name", "signed"),
        [
            ("signed_by_agency", {Signed.AGENCY, Signed.BOTH}),
            ("signed_by_person", {Signed.PERSON, Signed.BOTH}),
            ("signed_by_both", {Signed.BOTH}),
        ],
    )
    def test_whose_signatures_are_told_apart(self, name, signed):
        assert {cell.signed for cell in CELLS if BY_ID[name].numerator.takes(cell)} == signed
        assert all(BY_ID[name].denominator.takes(cell) for cell in CELLS), "valid or not, signed or not"

    def test_valid_signatures_are_over_signed_documents(self):
        one = BY_ID["valid_signatures"]
        assert {cell.signed for cell in CELLS if one.denominator.takes(cell)} == set(Signed) - {Signed.NONE}
        assert {cell.validity for cell in CELLS if one.numerator.takes(cell)} == {Validity.VALID}

    @pytest.mark.parametrize(
        ("name", "part", "whole"),
        [
            ("sent_on_time", Measure.ON_TIME, Measure.TIMED),
            ("receipt_same_day", Measure.SAME_DAY, Measure.DOCUMENTS),
            ("feedback", Measure.FED_BACK, Measure.DOCUMENTS),
            ("acceptance", Measure.ACCEPTED, Measure.DOCUMENTS),
            ("completion", Measure.COMPLETED, Measure.ACCEPTED),
            ("refusal", Measure.DECLINED, Measure.DOCUMENTS),
            ("unfetched", Measure.UNFETCHED, Measure.DOCUMENTS),
        ],
    )
    def test_what_is_measured_over_what(self, name, part, whole):
        assert (BY_ID[name].numerator, BY_ID[name].denominator) == (Selection(measure=part), Selection(measure=whole))

    @pytest.mark.parametrize(
        ("name", "part", "whole"),
        [
            ("agencies_connected", AgencyState.CONNECTED, AgencyState.ALL),
            ("agencies_planned", AgencyState.PLANNED, AgencyState.ALL),
            ("plan_fulfilled", AgencyState.CONNECTED, AgencyState.PLANNED),
            ("plan_on_time", AgencyState.CONNECTED, AgencyState.DUE),
            ("legacy_signatures", AgencyState.LEGACY, AgencyState.CONNECTED),
            ("units_certified", AgencyState.CERTIFIED, AgencyState.ALL),
        ],
    )
    def test_agencies_of_one_state_among_those_of_another(self, name, part, whole):
        one = BY_ID[name]
        assert (one.counts, one.numerator.state, one.denominator.state) == (Counts.AGENCIES, part, whole)
        assert ("trong số ở mẫu số" in one.formula_vi) is (whole is not AgencyState.ALL)

    def test_leaders_are_declared_and_signers_seen(self):
        one = BY_ID["leaders_signing"]
        assert one.counts is Counts.PEOPLE
        assert one.numerator == Selection()
        assert one.denominator == Selection(seen=False, declared=frozenset({DeclaredKind.LEADERS}))

    def test_which_way_is_good(self):
        lower = {name for name, one in BY_ID.items() if one.better is Better.LOWER}
        assert lower == {
            "electronic_with_paper", "electronic_not_replacing", "paper_only", "refusal", "unfetched",
            "legacy_signatures",
        }  # fmt: skip
        assert [name for name, one in BY_ID.items() if one.better is Better.NEITHER] == ["agencies_planned"]

    def test_targets_stand_with_their_source_and_a_type_has_its_own(self):
        day = date(2026, 3, 2)
        free = BY_ID["fully_electronic"]
        assert free.by_type
        assert free.target_on(day) is None
        assert {one.type_id for one in PACK.document_types if free.target_on(day, one.type_id)} == {
            "giay_moi", "thong_bao",
        }  # fmt: skip
        assert free.target_on(day, "giay_moi").share == 1
        assert free.target_on(date(2020, 2, 29), "giay_moi") is None
        issued = BY_ID["issued_electronically"].target_on(day)
        assert issued.share == Fraction(9, 10)
        assert "17/NQ-CP" in issued.source
        assert all("[confirm]" in target.source for one in PACK.indicators for target in one.targets)


ROW = {
    "id": "on_time",
    "vi": "Đúng hạn",
    "en": "On time",
    "counts": "sent",
    "numerator": {"measure": "on_time", "paper": ["paper_free"]},
    "denominator": {"measure": "timed"},
    "exclusions": ["secret"],
    "source": "Điều 6",
    "unit_vi": "văn bản",
    "unit_en": "documents",
    "better": "higher",
}
EXCLUSIONS = {"secret": ("Văn bản mật", "Secrets")}
GONE = object()


def read(*rows):
    return read_indicators(rows, PACK.document_types, exclusions=EXCLUSIONS, where="pack.toml")


def changed(change):
    row = deepcopy(ROW) | change
    return {key: value for key, value in row.items() if value is not GONE}


def both(numerator, denominator, **more):
    return {"numerator": numerator, "denominator": denominator, **more}


class TestReading:
    def test_a_row_is_read_whole(self):
        (one,) = read(
            changed(
                {
                    "by_type": True,
                    "targets": [
                        {"percent": 90, "source": "A", "until": date(2025, 12, 31)},
                        {"percent": "99.5", "source": "B", "from": date(2026, 1, 1)},
                        {"percent": 100, "source": "C", "document_types": ["giay_moi"]},
                    ],
                }
            )
        )
        assert (one.indicator_id, one.counts, one.better, one.by_type) == ("on_time", Counts.SENT, Better.HIGHER, True)
        assert one.numerator == Selection(measure=Measure.ON_TIME, paper=frozenset({Paper.PAPER_FREE}))
        assert one.denominator == Selection(measure=Measure.TIMED)
        assert one.exclusions == (EXCLUSIONS["secret"],)
        assert one.targets[1] == Target(Fraction(199, 200), "B", from_day=date(2026, 1, 1))
        assert one.target_on(date(2025, 12, 31)) == one.targets[0]
        assert one.target_on(date(2026, 1, 1)) == one.targets[1]
        assert one.target_on(date(2026, 1, 1), "giay_moi") == one.targets[2]
        assert one.target_on(date(2026, 1, 1), "bao_cao") is None, "a target of all is no target of one type"

    def test_of_two_targets_that_hold_the_one_that_began_last_counts(self):
        first = {"percent": 80, "source": "A"}
        second = {"percent": 90, "source": "B", "from": date(2026, 1, 1)}
        for rows in ([first, second], [second, first]):
            (one,) = read(changed({"targets": rows}))
            assert one.target_on(date(2025, 6, 1)).source == "A"
            assert one.target_on(date(2026, 6, 1)).source == "B"

    def test_a_formula_is_made_of_both_sides_unless_it_is_written(self):
        (one,) = read(ROW)
        assert one.formula_vi == (
            "[văn bản đi qua trục, không gửi bản giấy, thay được bản giấy, gửi đúng hạn] ÷ "
            "[văn bản đi qua trục, biết ngày ký]"
        )
        (one,) = read(changed({"formula_vi": "tử ÷ mẫu", "formula_en": "this ÷ that"}))
        assert (one.formula_vi, one.formula_en) == ("tử ÷ mẫu", "this ÷ that")

    def test_a_row_that_is_not_active_is_left_out_but_must_be_right(self):
        assert read(changed({"active": False})) == ()
        assert len(read(changed({"active": True}))) == 1
        with pytest.raises(Misconfigured, match="loud"):
            read(changed({"active": False, "better": "loud"}))
        with pytest.raises(Misconfigured, match="another row has this id"):
            read(changed({"active": False}), ROW)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"unit": "văn bản"}, "unknown: unit"),
            ({"vi": GONE}, "missing: vi"),
            ({"id": GONE}, "missing: id"),
            ({"exclusions": GONE}, "missing: exclusions"),
            ({"en": ""}, "en is a text"),
            ({"source": " "}, "source is a text"),
            ({"unit_vi": 1}, "unit_vi is a text"),
            ({"id": "On-Time"}, "an id is"),
            ({"id": ["on_time"]}, "id is a text"),
            ({"counts": "documents"}, "documents"),
            ({"better": "louder"}, "louder"),
            ({"by_type": "yes"}, "by_type is true or false"),
            ({"active": 1}, "active is true or false"),
            ({"exclusions": ["mật"]}, "exclusions: 'mật' is not known"),
            ({"exclusions": "secret"}, "exclusions is a list"),
            ({"exclusions": ["secret", "secret"]}, "names one twice"),
            ({"formula_vi": "một nửa"}, "missing: formula_en"),
            ({"formula_vi": "", "formula_en": ""}, "formula_vi is a text"),
            ({"numerator": []}, "is no table"),
            ({"numerator": {"measures": "on_time"}}, "unknown: measures"),
            ({"numerator": {"measure": "punctual"}}, "punctual"),
            ({"numerator": {"measure": "same_day"}}, "same_day is not known of sent"),
            ({"numerator": {"paper": ["none"]}}, "paper: 'none' is not known"),
            ({"numerator": {"signed": "both"}}, "signed is a list"),
            ({"numerator": {"validity": [["valid"]]}}, "is not known"),
            ({"numerator": {"urgencies": ["fast"]}}, "urgencies: 'fast' is not known"),
            ({"numerator": {"document_types": ["giấy mời"]}}, "document_types: 'giấy mời' is not known"),
            ({"numerator": {"declared": ["received_elsewhere"]}}, "received_elsewhere is not declared of sent"),
            ({"numerator": {"declared": ["leaders"]}}, "leaders is not declared of sent"),
            ({"numerator": {"seen": "no"}}, "seen is true or false"),
            ({"numerator": {"seen": False}}, "counts nothing"),
            ({"numerator": {"state": "all"}}, "agencies are counted by their state"),
            (both({}, {}, counts="agencies"), "agencies are counted by their state"),
            (both({"state": "big"}, {"state": "all"}, counts="agencies"), "big"),
            (both({"state": "due", "paper": ["not_said"]}, {"state": "all"}, counts="agencies"), "no properties"),
            (both({"state": "due"}, {"state": "due"}, counts="agencies"), "no part"),
            (both({"urgencies": ["normal"]}, {}, counts="people"), "no properties of documents"),
            (both({"measure": "timed"}, {}, counts="received"), "timed is not known of received"),
            ({"numerator": {}}, "no part"),
            ({"numerator": {"measure": "timed"}, "denominator": {"measure": "on_time"}}, "no part"),
            (both({"measure": "left_out"}, {}), "no part"),
            (both({"measure": "completed"}, {"measure": "declined"}, counts="received"), "no part"),
            (both({}, {"paper": ["paper_free"]}), "no part"),
            (both({"signed": ["both", "none"]}, {"signed": ["both"]}), "no part"),
            (both({}, {"seen": False, "declared": ["sent_paper_only"]}), "no part"),
            (both({"declared": ["sent_paper_only"]}, {}), "no part"),
            ({"targets": {"percent": 90}}, "targets is a list"),
            ({"targets": [90]}, "is no table"),
            ({"targets": [{"percent": 90}]}, "missing: source"),
            ({"targets": [{"percent": 90, "source": ""}]}, "source is a text"),
            ({"targets": [{"percent": 99.5, "source": "A"}]}, "a percentage is a whole number or a text"),
            ({"targets": [{"percent": True, "source": "A"}]}, "a percentage is a whole number or a text"),
            ({"targets": [{"percent": "9/0", "source": "A"}]}, "a percentage is a whole number or a text"),
            ({"targets": [{"percent": "many", "source": "A"}]}, "a percentage is a whole number or a text"),
            ({"targets": [{"percent": 101, "source": "A"}]}, "0 to 100"),
            ({"targets": [{"percent": -1, "source": "A"}]}, "0 to 100"),
            ({"targets": [{"percent": 1, "source": "A", "from": "2026"}]}, "are days"),
            ({"targets": [{"percent": 1, "source": "A", "document_types": ["x"]}]}, "'x' is not known"),
            (
                {"targets": [{"percent": 1, "source": "A", "from": date(2026, 1, 2), "until": date(2026, 1, 1)}]},
                "ends before it begins",
            ),
        ],
    )
    def test_a_broken_row_is_named(self, change, why):
        with pytest.raises(Misconfigured) as raised:
            read(changed({"id": "first"}), changed(change))
        said = str(raised.value)
        assert f"pack.toml [[indicators]] 2 ({changed(change).get('id')!r})" in said
        assert why in said

    def test_wider_and_narrower_sides_are_told_apart(self):
        whole = {"signed": ["both", "agency"], "declared": ["sent_paper_only", "sent_elsewhere_paper_free"]}
        for part in (
            {"signed": ["both"]},
            {"signed": ["both"], "declared": ["sent_paper_only"]},
            {"signed": ["both", "agency"], "measure": "on_time", "urgencies": ["express"]},
            {"seen": False, "declared": ["sent_paper_only"]},
        ):
            assert len(read(changed(both(part, whole)))) == 1
