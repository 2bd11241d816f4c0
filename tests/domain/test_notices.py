"""A notice: a thousand things in one short letter, in both languages, with nothing private in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.causes import Stuck, StuckCause
from hub.domain.notices import MOST_NAMED, Expired, is_due, letter, mail_address, trial, web_place

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSTS = ("hook.h41.gov.vn", "hook.h14.gov.vn:8443", "http://10.1.2.3", "http://10.1.2.3:8080", "[2001:db8::1]")


def stuck(number: int, cause: StuckCause = StuckCause.NEVER_FETCHED, **changes) -> Stuck:
    made = Stuck(
        item=f"item-{number:04}",
        cause=cause,
        consignment_id=f"consignment-{number:04}",
        delivery_id=f"item-{number:04}",
        sender_key="G22",
        recipient_key="H41",
        must_act="H41",
        since=AT - timedelta(hours=number),
        urgency=0,
        document_id=f"G22,2026/03/02,{number}/CV",
        notation=f"{number}/CV",
        evidence={"document": f"{number}/CV", "recipient": "H41", "hours": str(number)},
    )
    return replace(made, **changes)


def expired(number: int = 1) -> Expired:
    return Expired(f"d-{number}", f"c-{number}", "G22", "H41", f"doc-{number}", f"{number}/CV", AT)


def said(things, ended=()):
    return letter(things, ended, notice_id="n-1", hub="truc", at=AT)


def test_a_thousand_things_make_one_short_letter():
    made = said([stuck(number) for number in range(1, 1001)])
    assert made.subject == "truc: 1000 văn bản cần xử lý / 1000 documents need attention"
    assert made.text.count("  - ") == 2 * 20
    assert made.text.count("980") == 2
    assert len(made.text) < 20_000
    assert made.body["counts"] == {"never_fetched": 1000}
    assert len({item["delivery_id"] for item in made.body["items"]}) == 1000


def test_more_than_a_body_holds_are_counted():
    made = said([stuck(number) for number in range(1, MOST_NAMED + 501)])
    assert (made.body["total"], len(made.body["items"])) == (MOST_NAMED + 500, MOST_NAMED)


def test_groups_have_a_title_words_and_what_to_do_in_both_languages():
    made = said([stuck(1), stuck(2, StuckCause.UNREACHABLE)], [expired()])
    vietnamese, english = made.text.split("-" * 60)
    assert "■ Văn bản chưa được lấy về: 1" in vietnamese
    assert "■ Never fetched: 1" in english
    assert "■ Hết hạn chuyển" in vietnamese
    assert "■ Expired" in english
    assert vietnamese.count("→ Cần làm:") == english.count("→ To do:") == 3
    assert "1/CV (G22 → H41), từ 07:30 02/03/2026" in vietnamese
    assert "H41" in english.split("To do:")[1]


def test_the_urgent_and_the_oldest_come_first():
    made = said([stuck(1), stuck(3), stuck(2, urgency=4)])
    assert [item["notation"] for item in made.body["items"]] == ["2/CV", "3/CV", "1/CV"]


@pytest.mark.parametrize("cause", list(StuckCause))
def test_every_cause_has_its_words(cause):
    made = said([stuck(1, cause)])
    assert made.text.count("■") == 2
    assert made.body["counts"] == {cause.value: 1}


def test_the_body_is_json_with_vietnamese_times():
    body = json.loads(json.dumps(dict(said([stuck(1)], [expired()]).body)))
    assert body["made_at"] == "2026-03-02T08:30:00.000+07:00"
    assert body["items"][0]["since"] == "2026-03-02T07:30:00.000+07:00"
    assert body["expired"][0]["at"] == body["made_at"]
    assert set(body["items"][0]) == {
        "cause",
        "consignment_id",
        "delivery_id",
        "document_id",
        "notation",
        "sender",
        "recipient",
        "must_act",
        "since",
        "urgency",
    }


@settings(max_examples=40)
@given(st.text(max_size=150))
def test_no_name_from_outside_makes_a_line_of_its_own(name):
    facts = {"document": name, "recipient": name}
    plain = said([stuck(1)], [expired()])
    odd = said([stuck(1, notation=name, evidence=facts)], [replace(expired(), notation=name)])
    assert len(odd.text.splitlines()) == len(plain.text.splitlines())
    assert all(line.isprintable() for line in odd.text.split("\n"))
    assert odd.subject.isprintable()


def test_a_test_notice_says_that_it_is_one():
    made = trial(notice_id="n-1", hub="truc", at=AT)
    assert made.body["kind"] == "test"
    assert "thử" in made.text
    assert "test" in made.text


class TestWhenAThingIsToldAgain:
    AGAIN = timedelta(hours=24)

    @pytest.mark.parametrize(
        ("last", "now", "due"),
        [
            (None, 0, True),
            (None, 50, True),
            (-1, 0, True),
            (0, 0.5, False),
            (0, 23.9, False),
            (0, 24, True),
            (24.5, 47, False),
            (24.5, 48, True),
        ],
    )
    def test_new_things_at_once_old_ones_after_a_day(self, last, now, due):
        told = None if last is None else AT + last * HOUR
        assert is_due(AT, told, AT + now * HOUR, again=self.AGAIN) is due

    @given(st.lists(st.integers(1, 300), min_size=1, max_size=60))
    def test_never_more_often_than_once_in_that_time_and_never_forgotten(self, minutes):
        told: list[datetime] = []
        now, last = AT, AT - HOUR
        for step in minutes:
            if is_due(AT, last, now, again=self.AGAIN):
                told.append(now)
                last = now
            now += timedelta(minutes=step)
        days = [(at - AT) // self.AGAIN for at in told]
        assert days == sorted(set(days)), "at most once in each day of its waiting"
        assert told[0] == AT


class TestAddresses:
    @pytest.mark.parametrize("good", ["a@b", "van.thu+x@h41.gov.vn", "x@mail-1.example"])
    def test_plain_mail_addresses(self, good):
        assert mail_address(good) == good

    @pytest.mark.parametrize(
        "bad",
        [
            "",
            "a",
            "@b",
            "a@",
            "a@b\n",
            "a@b\r\nBcc: c@d",
            "a b@c",
            "A <a@b>",
            "a@b,c@d",
            "ư@b",
            "a@b..c",
            "a" * 65 + "@b",
        ],
    )
    def test_anything_else_is_none(self, bad):
        with pytest.raises(ValueError, match="not a plain mail address"):
            mail_address(bad)

    @pytest.mark.parametrize(
        ("url", "host", "port", "path", "named"),
        [
            ("https://hook.h41.gov.vn", "hook.h41.gov.vn", 443, "/", "hook.h41.gov.vn"),
            ("https://HOOK.h41.gov.vn:443/a?b=c", "hook.h41.gov.vn", 443, "/a?b=c", "hook.h41.gov.vn"),
            ("https://hook.h14.gov.vn:8443/", "hook.h14.gov.vn", 8443, "/", "hook.h14.gov.vn:8443"),
            ("http://10.1.2.3/x", "10.1.2.3", 80, "/x", "10.1.2.3"),
            ("http://10.1.2.3:8080/x", "10.1.2.3", 8080, "/x", "10.1.2.3:8080"),
            ("https://[2001:db8::1]/x", "2001:db8::1", 443, "/x", "[2001:db8::1]"),
        ],
    )
    def test_hosts_of_the_list(self, url, host, port, path, named):
        place = web_place(url, HOSTS)
        assert (place.host, place.port, place.path, place.named) == (host, port, path, named)

    @pytest.mark.parametrize(
        "url",
        [
            "http://hook.h41.gov.vn/",
            "https://10.1.2.3/",
            "https://hook.h14.gov.vn/",
            "https://hook.h41.gov.vn:8443/",
            "https://x.hook.h41.gov.vn/",
        ],
    )
    def test_a_host_that_is_not_in_the_list_is_named_with_the_setting(self, url):
        with pytest.raises(ValueError, match="HUB_NOTICE_HOSTS"):
            web_place(url, HOSTS)
        with pytest.raises(ValueError, match="HUB_NOTICE_HOSTS"):
            web_place(url, ())
