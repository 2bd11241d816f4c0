"""The radar and the duties at the API: whose rows, in both languages; a call is noted once a minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from hub.domain.duties import Duty, DutyKind
from hub.errors import StoreUnavailable
from hub.stations import new_id, utc_now
from hub.store import duties, radar, tables
from hub.web.identity import EXTENSION
from tests.support.scenes import document, signed
from tests.web.conftest import Web


def later(web: Web, ahead: timedelta) -> None:
    """The application's clock goes on."""
    web.app.extensions[EXTENSION] = replace(web.hub, now=lambda: utc_now() + ahead)


def owes_nothing(web: Web) -> None:
    with web.hub.database.writing() as transaction:
        transaction.execute(sa.text("DELETE FROM duties"))


def last_call(web: Web, code: str) -> datetime | None:
    asked = sa.select(tables.agencies.c.last_seen_at).where(tables.agencies.c.code_key == code)
    with web.hub.database.reading() as connection:
        return connection.execute(asked).scalar_one()


def radar_of(web: Web, code: str, query: str = "") -> dict:
    answer = web.as_(code).get(f"/radar{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


class TestRadar:
    def test_the_parties_see_their_rows_and_nobody_else_does_t3(self, web: Web) -> None:
        kept = web.placed(to=("H41", "H14"))
        owes_nothing(web)
        later(web, timedelta(days=2))
        of = {one["recipient"]: one["id"] for one in kept["deliveries"]}
        seen = radar_of(web, "G22")
        assert (seen["total"], {one["mine"] for one in seen["items"]}) == (2, {False})
        assert seen["items"][0]["links"] == {"consignment": f"/api/v1/consignments/{kept['id']}"}
        mine = radar_of(web, "H41")
        (row,) = mine["items"]
        assert (row["delivery"], row["must_act"], row["mine"]) == (of["H41"], "H41", True)
        assert row["links"]["ack"] == f"/api/v1/deliveries/{of['H41']}/ack"
        assert row["since"].endswith("+07:00")
        assert row["message"]["vi"] != row["message"]["en"]
        assert radar_of(web, "G77") | {"certificates": []} == {
            **{"agency": "G77", "total": 0, "counts": {}, "items": []},
            **{"next_after": None, "certificates": []},
        }
        assert web.as_("G77").get("/radar?agency=H41").status_code == 404
        assert "V/v thử nghiệm" not in web.as_("H41").get("/radar").text, "no subjects on the radar"

    def test_a_call_makes_the_difference_between_offline_and_unfetched(self, web: Web) -> None:
        web.placed()
        owes_nothing(web)
        later(web, timedelta(days=2))
        assert radar_of(web, "G22")["counts"] == {"recipient_offline": 1}
        web.as_("H41").get("/inbox")
        assert radar_of(web, "G22")["counts"] == {"never_fetched": 1}

    def test_pages_follow_each_other(self, web: Web) -> None:
        web.placed(to=("H41", "H14", "G77"))
        owes_nothing(web)
        later(web, timedelta(days=2))
        found, after = [], ""
        while after is not None:
            seen = radar_of(web, "G22", f"?limit=2&after={after}")
            found += [one["item"] for one in seen["items"]]
            after = seen["next_after"]
        assert len(found) == len(set(found)) == 3

    @pytest.mark.parametrize("query", ["after=x", "after=1.999999999999.000000.0", "limit=0", "limit=501"])
    def test_odd_parameters_are_named_t4(self, web: Web, query: str) -> None:
        answer = web.as_("G22").get(f"/radar?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")


class TestDuties:
    def test_the_earliest_deadline_first_with_how_to_answer(self, web: Web) -> None:
        item, now = web.delivery(), utc_now()
        owes_nothing(web)
        many = [
            Duty(new_id(), item, DutyKind.PROCESSING, now, now + timedelta(days=3), "Điều 24"),
            Duty(new_id(), item, DutyKind.RECALL, now, now - timedelta(hours=1), "Điều 9", asked_by=new_id()),
        ]
        with web.hub.database.writing() as transaction:
            transaction.execute(sa.update(tables.deliveries).values(fetched_at=now))
            duties.open_all(transaction, many)
        seen = web.as_("H41").get("/duties").json["items"]
        assert [(one["kind"], one["overdue"], one["answers"]) for one in seen] == [
            ("recall", True, ["15", "16"]),
            ("processing", False, ["06", "02"]),
        ]
        assert seen[0]["links"] == {"status": f"/api/v1/deliveries/{item}/status"}
        assert seen[0]["asked_by"] == many[1].asked_by
        assert seen[0]["due_at"].endswith("+07:00")
        assert web.as_("G22").get("/duties").json["items"] == [], "the sender owes nothing"
        assert web.as_("G22").get("/duties?agency=H41").status_code == 404


class TestCalls:
    def test_a_call_is_noted_at_most_once_a_minute(self, web: Web) -> None:
        assert last_call(web, "H41") is None
        web.as_("H41").get("/inbox")
        first = last_call(web, "H41")
        assert first is not None
        later(web, timedelta(seconds=50))
        web.as_("H41").get("/inbox")
        assert last_call(web, "H41") == first
        later(web, timedelta(seconds=70))
        web.as_("H41").get("/inbox")
        assert last_call(web, "H41") > first

    def test_a_stranger_is_not_noted_and_one_that_is_spoken_for_is(self, web: Web) -> None:
        assert web.anonymous().get("/api/v1/inbox", headers={"Authorization": "Bearer x"}).status_code == 401
        assert web.as_("H14").get("/inbox?agency=H41").status_code == 404
        assert last_call(web, "H41") is None
        assert web.as_("G30").get("/inbox?agency=G30.1").status_code == 200
        assert last_call(web, "G30.1") is not None
        assert last_call(web, "G30") is not None

    def test_a_database_that_takes_no_note_fails_no_request(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(radar, "seen", away)
        assert web.as_("H41").get("/inbox").status_code == 200
        assert last_call(web, "H41") is None

    def test_a_refused_request_is_a_call_too(self, web: Web) -> None:
        answer: TestResponse = web.as_("H41").send(signed(document(1, sender="H14", to=("G22",))))
        assert answer.status_code >= 400
        assert last_call(web, "H41") is not None
