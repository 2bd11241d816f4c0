"""How the demo tells: marks, colours, tables, and what happens when something differs."""

from __future__ import annotations

import pytest

from hub.demo.tell import WIDTH, Difference, Teller


def _told(*, colours: bool = False) -> tuple[Teller, list[str]]:
    lines: list[str] = []
    return Teller(lines.append, colours=colours), lines


def test_a_step_is_marked_good_only_when_it_ended() -> None:
    tell, lines = _told()
    tell.chapter("Chương", "chapter")
    with tell.step("Bước", "step") as step:
        step.expect("một", 1, 1)
    assert lines[-2:] == ["  ✓ 1.1  Bước", "         step"]
    assert tell.steps[0].facts()["ok"] is True


def test_a_difference_marks_the_step_and_goes_on() -> None:
    tell, lines = _told()
    tell.chapter("Chương", "chapter")
    with pytest.raises(Difference) as found, tell.step("Bước", "step") as step:
        step.expect("số", 201, 422)
    assert "  ✗ 1.1  Bước" in lines
    assert tell.steps[0].facts()["checks"] == [{"what": "số", "expected": 201, "seen": 422, "ok": False}]
    tell.difference(found.value)
    assert lines[-2:] == ["    dự kiến / expected:  201", "    thực tế / seen:      422"]


def test_a_step_that_checked_nothing_is_not_good() -> None:
    tell, _ = _told()
    with tell.step("Bước", "step"):
        pass
    assert tell.steps[0].facts()["ok"] is False


def test_a_paragraph_stands_in_both_languages_within_the_page() -> None:
    tell, lines = _told()
    tell.paragraph("Xã chưa trả lời. " * 12, "It has not answered. " * 12)
    assert " ".join(line.strip() for line in lines).startswith("Xã chưa trả lời.")
    assert " ".join(line.strip() for line in lines).endswith("It has not answered.")
    assert max(map(len, lines)) <= WIDTH


def test_colours_are_used_only_when_wanted() -> None:
    for colours in (True, False):
        tell, lines = _told(colours=colours)
        tell.fine("Tốt", "good")
        assert ("\x1b[" in lines[0]) is colours


def test_a_table_is_aligned_and_never_wider_than_the_page() -> None:
    tell, lines = _told()
    tell.table(("Tên", "Số"), [("Sở", "1"), ("Ủy ban nhân dân", "200")], right=(1,))
    assert lines[1:-1] == [
        "  Tên               Số",
        "  ───────────────  ───",
        "  Sở                 1",
        "  Ủy ban nhân dân  200",
    ]
    lines.clear()
    tell.table(("Tên",), [("x" * 300,)])
    assert max(map(len, lines)) <= WIDTH
