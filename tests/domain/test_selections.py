"""What an indicator takes of documents, entries and agencies, and that its words say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.counting import Cell, Measure, Paper, Signed, Validity
from hub.domain.declarations import DeclaredKind
from hub.domain.selections import AgencyState, Counts, Selection, agencies_of, words

CELLS = [
    Cell(*one)
    for one in product(["bao_cao", "giay_moi", "other"], range(5), Paper, Signed, Validity)
]  # fmt: skip
SOME = {
    "document_types": st.frozensets(st.sampled_from(["bao_cao", "giay_moi"])),
    "urgencies": st.frozensets(st.integers(0, 4)),
    "paper": st.frozensets(st.sampled_from(Paper)),
    "signed": st.frozensets(st.sampled_from(Signed)),
    "validity": st.frozensets(st.sampled_from(Validity)),
}


@given(st.fixed_dictionaries(SOME), st.sampled_from(CELLS))
def test_a_cell_is_taken_when_every_named_property_fits(named, cell):
    facts = (cell.document_type, cell.urgency, cell.paper, cell.signed, cell.validity)
    fits = [fact in wanted for fact, wanted in zip(facts, map(named.get, SOME), strict=True) if wanted]
    assert Selection(**named).takes(cell) is all(fits)
    assert not Selection(**named, seen=False).takes(cell)


def test_a_cell_has_no_property_that_no_selection_can_name():
    named = {"document_type": "document_types", "urgency": "urgencies"}
    assert [named.get(one.name, one.name) for one in fields(Cell)] == list(SOME)


def test_sums_of_the_measure_over_the_cells_that_are_taken():
    both = Counter({Measure.DOCUMENTS: 10, Measure.ON_TIME: 7})
    sums = [(CELLS[0], both), (CELLS[-1], both), (CELLS[-1], Counter({Measure.ON_TIME: -2}))]
    assert Selection().seen_of(sums) == 20
    assert Selection(measure=Measure.ON_TIME).seen_of(sums) == 12
    assert Selection(measure=Measure.ON_TIME, document_types=frozenset({"other"})).seen_of(sums) == 5
    assert Selection(seen=False).seen_of(sums) == 0


def test_entries_count_by_kind_and_by_type_where_a_type_is_asked():
    paper, free = DeclaredKind.SENT_PAPER_ONLY, DeclaredKind.SENT_ELSEWHERE_PAPER_FREE
    entries = [(paper, "", 5), (paper, "giay_moi", 3), (free, "giay_moi", 100)]
    side = Selection(declared=frozenset({paper}))
    assert side.declared_of(entries) == 8
    assert Selection().declared_of(entries) == 0
    typed = Selection(declared=frozenset({paper}), document_types=frozenset({"giay_moi"}))
    assert typed.declared_of(entries) == 3, "an entry without a type is of no single type"


def test_agencies_of_the_numerator_are_among_those_of_the_denominator():
    state = AgencyState
    standing = [{state.ALL, state.CONNECTED}, {state.ALL, state.PLANNED, state.CONNECTED}, {state.ALL, state.PLANNED}]
    connected = Selection(state=state.CONNECTED)
    assert agencies_of(connected, Selection(state=state.ALL), standing) == (2, 3)
    assert agencies_of(connected, Selection(state=state.PLANNED), standing) == (1, 2)
    assert agencies_of(connected, Selection(state=state.DUE), standing) == (0, 0)


TYPES = {"bao_cao": ("Báo cáo", "Report"), "giay_moi": ("Giấy mời", "Invitation")}


def test_the_words_say_every_part():
    selection = Selection(
        measure=Measure.ON_TIME,
        document_types=frozenset({"giay_moi", "bao_cao"}),
        urgencies=frozenset({1, 3}),
        paper=frozenset({Paper.WITH_PAPER}),
        signed=frozenset({Signed.AGENCY, Signed.BOTH}),
        validity=frozenset({Validity.VALID}),
        declared=frozenset({DeclaredKind.SENT_PAPER_ONLY}),
    )
    assert words(Counts.SENT, selection, TYPES) == (
        "văn bản đi qua trục, Báo cáo hoặc Giấy mời, khẩn hoặc hỏa tốc, gửi song song bản giấy, có chữ ký số cơ quan, "
        "mọi chữ ký hợp lệ, gửi đúng hạn + khai báo (văn bản giấy đi)",
        "outgoing documents seen by the hub, Report or Invitation, urgent or express, with paper in parallel, "
        "signed by the agency, all signatures valid, sent on time + declared (outgoing on paper only)",
    )


@pytest.mark.parametrize(
    "selections",
    [
        [Selection(measure=one) for one in Measure],
        [Selection(paper=frozenset({one})) for one in Paper],
        [Selection(signed=one) for one in map(frozenset, product(Signed, Signed, Signed))],
        [Selection(validity=frozenset({one})) for one in Validity],
        [Selection(urgencies=frozenset({one})) for one in range(5)],
        [Selection(declared=frozenset({one}), seen=False) for one in DeclaredKind],
        [Selection(state=one) for one in AgencyState],
    ],
)
def test_different_selections_have_different_words_in_both_languages(selections):
    counts = Counts.AGENCIES if selections[0].state else Counts.SENT
    said = [words(counts, one, TYPES) for one in set(selections)]
    for language in (0, 1):
        assert len({one[language] for one in said}) == len(said)


def test_signatures_that_may_be_invalid_are_said_to_be_so():
    signed = frozenset({Signed.PERSON, Signed.BOTH})
    assert words(Counts.SENT, Selection(signed=signed), {})[0].endswith("có chữ ký số cá nhân, hợp lệ hay không")
    valid = Selection(signed=signed, validity=frozenset({Validity.VALID}))
    assert words(Counts.SENT, valid, {})[1].endswith("signed by a person, all signatures valid")
    assert words(Counts.SENT, Selection(signed=frozenset({Signed.NONE})), {})[1].endswith("not signed")


@pytest.mark.parametrize("counts", [Counts.SENT, Counts.RECEIVED, Counts.PEOPLE])
def test_only_declared_entries_are_said_to_be_declared_only(counts):
    only = Selection(seen=False, declared=frozenset({DeclaredKind.LEADERS}))
    assert words(counts, only, {}) == ("khai báo (số lãnh đạo có thẩm quyền ký)", "declared (leaders who may sign)")
    assert words(counts, Selection(), {})[0] != words(Counts.AGENCIES, Selection(state=AgencyState.ALL), {})[0]
