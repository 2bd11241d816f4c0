"""The directory: pages, search in Vietnamese, what is shown of an agency and what is not."""

from __future__ import annotations

import pytest

from tests.support.scenes import CAST


def found(answer) -> list[str]:
    return [item["code"] for item in answer.json["items"]]


def test_pages_hold_the_whole_directory_in_order(shared):
    caller, codes, after = shared.as_("H41"), [], ""
    while after is not None:
        page = caller.get(f"/agencies?limit=3&after={after}" if after else "/agencies?limit=3")
        codes += found(page)
        after = page.json["next_after"]
    assert codes == sorted(agency.code for agency in CAST)


def test_an_agency_is_shown_with_its_aliases_and_successor_and_nothing_internal(shared):
    items = {item["code"]: item for item in shared.as_("H41").get("/agencies").json["items"]}
    assert items["H99"] == {
        "code": "H99",
        "name": "Đơn vị đã sáp nhập",
        "parent": None,
        "status": "closed",
        "successor": "H14",
        "valid_from": None,
        "valid_until": None,
        "aliases": ["000.00.00.H99"],
    }
    assert items["H41.1.2"]["parent"] == "H41"


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("ủy ban", ["H14", "H41"]),
        ("ỦY BAN", ["H14", "H41"]),
        ("Ủy ban", ["H14", "H41"]),  # the same letters decomposed
        ("h41", ["H41", "H41.1.2"]),
        ("%", []),
        ("_", []),
        ("'; DROP TABLE agencies", []),
    ],
)
def test_words_are_looked_for_in_codes_and_names(shared, words, codes):
    assert found(shared.as_("H41").get("/agencies", query_string={"q": words})) == codes


def test_an_unchanged_directory_is_not_sent_again(shared):
    caller = shared.as_("H41")
    tag = caller.get("/agencies").headers["ETag"]
    assert caller.get("/agencies", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("query", ["limit=501", "after=../x", "q=%00", "q=" + "x" * 101])
def test_bad_parameters_are_refused(shared, query):
    assert shared.as_("H41").get(f"/agencies?{query}").json["code"] == "request.malformed"
