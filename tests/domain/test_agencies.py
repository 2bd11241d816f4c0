"""Agency codes: both generations, any case, no look-alikes; aliases, successors and who may speak for whom."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from hub.domain.agencies import (
    MAX_CODE_LENGTH,
    MAX_SUCCESSIONS,
    Agency,
    AgencyStatus,
    code_key,
    may_speak_for,
    resolve,
)

DAY = date(2026, 3, 2)
ALLOWED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
CODES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


def book(*agencies):
    by_key = {code_key(agency.code): agency for agency in agencies}
    return by_key.get


@given(CODES)
@example("000.00.00.H41")
@example("H41.1.2")
@example("G22.99-1_a")
def test_a_code_is_compared_without_case_and_blanks(code):
    assert code_key(code) == code_key(code.lower()) == code_key(f"\t {code}\n") == code.upper()
    assert code_key(code_key(code)) == code_key(code)


@given(st.text(max_size=80))
def test_the_key_is_plain_ascii_or_nothing(text):
    key = code_key(text)
    assert len(key) <= MAX_CODE_LENGTH
    assert all(c in ALLOWED + "._-" for c in key)
    assert not key or key == text.strip().upper()


@given(CODES, st.characters(blacklist_categories=["Cs"], blacklist_characters=ALLOWED + "._-"), st.integers(0, 64))
@example("H41", "Н", 0)  # CYRILLIC CAPITAL LETTER EN
@example("H41", "\u200b", 3)
@example("H41", "Ｈ", 0)
@example("H41", "ı", 2)
@example("H41", "/", 3)
def test_a_look_alike_is_no_code(code, foreign, at):
    inside = code[:at] + foreign + code[at:]
    if inside.strip() == inside:
        assert code_key(inside) == ""


def test_too_long_is_no_code():
    assert code_key("H" * MAX_CODE_LENGTH) == "H" * MAX_CODE_LENGTH
    assert code_key("H" * (MAX_CODE_LENGTH + 1)) == ""


@given(st.integers(0, 2 * MAX_SUCCESSIONS))
def test_successors_are_followed_as_far_as_the_bound(length):
    chain = [Agency(f"H{n}", "x", status=AgencyStatus.CLOSED, successor=f"h{n + 1}") for n in range(length)]
    found = resolve("h0", on=DAY, look_up=book(*chain, Agency(f"H{length}", "x")))
    assert (found.agency is not None) == (length <= MAX_SUCCESSIONS)
    if found.agency is not None:
        assert found.agency.code == f"H{length}"
        assert found.followed == tuple(f"H{n}" for n in range(length))


@given(st.integers(1, 5))
def test_a_loop_of_successors_ends_with_nobody(length):
    ring = [Agency(f"H{n}", "x", status=AgencyStatus.CLOSED, successor=f"H{(n + 1) % length}") for n in range(length)]
    found = resolve("H0", on=DAY, look_up=book(*ring))
    assert found.agency is None
    assert found.followed


def test_what_is_unknown_closed_or_no_code_is_told_apart():
    look_up = book(Agency("H98", "x", status=AgencyStatus.CLOSED), Agency("H97", "x", successor="H96"))
    assert resolve("H1", on=DAY, look_up=look_up).followed == ()
    assert resolve("H98", on=DAY, look_up=look_up).followed == ("H98",)
    assert resolve("'; DROP", on=DAY, look_up=look_up).agency is None
    assert resolve("H97", on=DAY, look_up=look_up).agency.code == "H97"


@given(st.dates(), st.dates(), st.dates())
def test_validity_is_inclusive(first, last, day):
    agency = Agency("H1", "x", valid_from=first, valid_until=last)
    assert agency.exchanges_on(day) == (first <= day <= last)


def test_a_code_that_ends_is_followed_from_the_next_day():
    look_up = book(Agency("H1", "x", valid_until=DAY, successor="H2"), Agency("H2", "x"))
    assert resolve("H1", on=DAY, look_up=look_up).agency.code == "H1"
    assert resolve("H1", on=DAY + timedelta(days=1), look_up=look_up).agency.code == "H2"


def test_an_agency_speaks_for_itself_and_for_descendants_only_where_told_so():
    told, untold = Agency("G30", "x", speaks_for_descendants=True), Agency("G31", "x")
    look_up = book(told, untold, child := Agency("G30.1", "x", parent="G30"), Agency("G31.1", "x", parent="G31"))
    grandchild = Agency("G30.1.1", "x", parent="g30.1")
    assert may_speak_for(told, told, look_up=look_up)
    assert may_speak_for(told, child, look_up=look_up)
    assert may_speak_for(told, grandchild, look_up=look_up)
    assert not may_speak_for(untold, Agency("G31.1", "x", parent="G31"), look_up=look_up)
    assert not may_speak_for(child, told, look_up=look_up)
    assert not may_speak_for(told, untold, look_up=look_up)


def test_a_parent_may_be_written_in_the_other_generation_of_codes():
    told = Agency("G30", "x", speaks_for_descendants=True)
    by_key = {"G30": told, "000.00.00.G30": told}
    assert may_speak_for(told, Agency("G30.1", "x", parent="000.00.00.G30"), look_up=by_key.get)


def test_a_loop_of_parents_ends():
    told = Agency("G30", "x", speaks_for_descendants=True)
    look_up = book(told, Agency("A", "x", parent="B"), Agency("B", "x", parent="A"))
    assert not may_speak_for(told, Agency("A", "x", parent="B"), look_up=look_up)
