"""A timeline as a visitor reads it: words for every kind of event, deadlines with their article, lines that fit."""

from __future__ import annotations

from typing import Any

from hub.demo import timeline

AT = "2026-03-02T16:30:00.125+07:00"


def _event(word: str, *, of: str = "", **facts: Any) -> dict[str, Any]:
    return {"at": AT, "kind": word, "who": "H41", "facts": facts, "of": of}


def test_a_deadline_is_told_with_its_article_below_the_event() -> None:
    late = _event("overdue", kind="processing", due_at="2026-03-01T17:00:00+07:00", article="Nghị định 30 Điều 24")
    assert timeline.rows([late], brief=True) == [
        ("16:30:00.125", "H41", "QUÁ HẠN / OVERDUE: giải quyết / processing"),
        ("", "", "hạn / due 17:00 01/03/2026; Nghị định 30 Điều 24"),
    ]


def test_what_the_hub_said_is_not_taken_for_the_agencys_word() -> None:
    said = [_event("status", code="01", by_hub=True), _event("status", code="03")]
    assert [row[2] for row in timeline.rows(said, brief=True)] == [
        "Trạng thái / status 01: Đã đến / arrived (do trục báo / by the hub)",
        "Trạng thái / status 03: Đã tiếp nhận / received by the agency",
    ]


def test_a_notice_about_the_letter_is_told_from_the_letter() -> None:
    recall, newer = "(lệnh thu hồi / the recall)", "(văn bản thay thế / the replacement)"
    assert [row[2] for row in timeline.rows([_event("placed", of=recall)], brief=True)] == [
        "Vào hộp đến / in the inbox (lệnh thu hồi / the recall)"
    ]
    assert [row[2] for row in timeline.rows([_event("accepted", of=newer)], brief=True)] == [
        "Trục tiếp nhận, cấp biên nhận / accepted",  # both do not fit one line
        newer,
    ]


def test_only_a_brief_timeline_leaves_out_what_machines_care_about() -> None:
    events = [_event("routed"), _event("placed")]
    assert len(timeline.rows(events, brief=False)) == 2
    assert [row[2] for row in timeline.rows(events, brief=True)] == ["Vào hộp đến / in the inbox"]


def test_an_event_without_words_is_shown_by_its_name() -> None:
    assert timeline.rows([_event("delivered_again")], brief=True)[0][2] == "delivered_again"
