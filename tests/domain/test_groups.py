"""The codes of a level-1 letter, and what is no letter."""

from __future__ import annotations

import pytest

from hub.domain.groups import level_one_codes
from hub.errors import BadRequest


def test_a_letter_has_a_hundred_codes_in_order() -> None:
    codes = level_one_codes(" h ")
    assert (codes[0], codes[41], codes[-1], len(set(codes))) == ("H00", "H41", "H99", 100)
    assert list(codes) == sorted(codes)


@pytest.mark.parametrize("letter", ["", "HH", "1", "Z", "Đ", "Ｈ", "%"])
def test_what_is_no_letter_of_level_1_is_refused(letter: str) -> None:
    with pytest.raises(BadRequest):
        level_one_codes(letter)
