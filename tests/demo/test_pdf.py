"""The small PDF writer: a valid file, true Vietnamese for copy and search, every letter drawn."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

import pytest

from hub.demo import pdf

MOMENT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")


def _lines(content: bytes) -> list[str]:
    found = re.findall(rb"/ActualText <([0-9a-f]+)>", content)
    return [bytes.fromhex(one.decode()).decode("utf-16-be").removeprefix("\ufeff") for one in found]


def test_the_cross_reference_table_points_at_each_object() -> None:
    content = pdf.page("Thử", ["Dòng một", "Dòng hai"], made_at=MOMENT)
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", content)[1])
    assert content[start:].startswith(b"xref\n0 ")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n \n", content)]
    assert len(places) == 6
    for number, place in enumerate(places, start=1):
        assert content[place:].startswith(b"%d 0 obj\n" % number)
    assert f"/Size {len(places) + 1} ".encode() in content


def test_the_stream_has_the_length_that_it_says() -> None:
    content = pdf.page("Thử", ["Cộng hòa xã hội chủ nghĩa Việt Nam"] * 5, made_at=MOMENT)
    length, stream = re.search(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", content, re.DOTALL).groups()
    assert len(stream) == int(length)


def test_the_text_can_be_copied_as_it_was_written() -> None:
    text = "Về việc gửi, nhận văn bản điện tử – “không kèm bản giấy”"
    assert _lines(pdf.page("Thử", [text], made_at=MOMENT)) == [text]


@pytest.mark.parametrize("base", [*VOWELS, *VOWELS.upper()])
@pytest.mark.parametrize("tone", TONES)
def test_every_vietnamese_letter_can_be_drawn(base: str, tone: str) -> None:
    written = unicodedata.normalize("NFC", base + tone)
    content = pdf.page("Thử", [written], made_at=MOMENT)
    assert _lines(content) == [written]
    assert content.count(b" S\n") == len(pdf.letter(written).marks)


def test_letters_that_the_font_has_are_not_drawn_again() -> None:
    assert pdf.letter("à") == pdf.Letter("à")
    assert pdf.letter("Đ") == pdf.Letter("Ð")
    assert pdf.letter("ậ") == pdf.Letter("â", ("\u0323",))
    assert pdf.letter("ỉ").shown == "\x01"


def test_a_character_without_a_drawing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"codec|stroke"):
        pdf.page("Thử", ["漢"], made_at=MOMENT)


def test_a_text_longer_than_the_page_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one page"):
        pdf.page("Thử", ["dòng"] * 60, made_at=MOMENT)


def test_the_same_page_is_the_same_bytes() -> None:
    assert pdf.page("Thử", ["dòng"], made_at=MOMENT) == pdf.page("Thử", ["dòng"], made_at=MOMENT)
