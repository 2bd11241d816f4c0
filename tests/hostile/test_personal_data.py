"""T3: the clerk of a message is personal data: no log, event, receipt, audit, finding or refusal may repeat it.

A document and a status that name a clerk go the whole way, with acknowledgements, refusals and broken parts; then
everything that the hub wrote is read. One place alone may hold the clerk: the kept header, shown to the parties.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from hub.domain.envelopes import Business, Envelope, Paper, Staff
from hub.processes import logs
from hub.store.life_tables import metadata
from hub.web.app import create_app
from tests.support import hubs
from tests.support.scenes import Scene, document, signed, status_of

CLERK = Staff("Phong Qwertzuiop", "Tran Thi Qwertzuiop", "qwertzuiop@thu.gov.vn", "+84 912 999 888")
TOO_MUCH = Staff(*(f"{word}; " * 30 for word in (CLERK.department, CLERK.staff, CLERK.email, CLERK.mobile)))
TRACES = ("qwertzuiop", "912 999 888")
KEPT_HEADER = ("consignments", "header")  # the one column that may hold the clerk
BROKEN = {
    "unescaped &": b"Tran & Thi Qwertzuiop",
    "an entity": b"Tran &Qwertzuiop; Thi",
    "an address in brackets": b"Tran <qwertzuiop@thu.gov.vn>",
    "an element": b"Tran <b>Qwertzuiop</b>",
    "a comment": b"Tran <!-- Qwertzuiop -->",
    "a control character": b"Tran Qwertzuiop\x01",
    "no UTF-8": b"Tran Qwertzuiop \xff",
    "never closed": b"Tran Qwertzuiop </edXML:Email>",
}


@dataclass(frozen=True, slots=True)
class World:
    """The API over a scene with a key for everybody, and all that was logged since the start."""

    scene: Scene
    app: Flask
    keys: Mapping[str, str]
    capture: pytest.CaptureFixture[str]
    library_logs: pytest.LogCaptureFixture
    seen: list[str]

    def send(self, body: bytes, *, by: str = "G22") -> TestResponse:
        return self.call(by, "post", "/consignments", data=body, content_type="application/xml")

    def call(self, by: str, method: str, path: str, **more: object) -> TestResponse:
        ask = getattr(self.app.test_client(), method)
        return ask(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.keys[by]}"}, **more)

    def logged(self) -> str:
        """Everything written to standard output and error, and what libraries logged."""
        self.seen.extend(self.capture.readouterr())
        return "\n".join((*self.seen, self.library_logs.text))


@pytest.fixture
def world(scene: Scene, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO)  # as hub/processes/logs.py sets the root
    return World(scene, create_app(scene.hub), hubs.make_keys(scene.hub), capsys, caplog, [])


def told(text: str) -> list[str]:
    """Which of the clerk's words stand in a text."""
    return [trace for trace in TRACES if trace in text.lower()]


def written(scene: Scene) -> Iterator[tuple[str, str]]:
    """(table.column, text) of everything in the database but the kept headers; receipts as their claims."""
    with scene.database.reading() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if (table.name, column.name) != KEPT_HEADER]
            for row in connection.execute(sa.select(*columns)).mappings():
                yield from ((f"{table.name}.{name}", _plain(name, value)) for name, value in row.items())


def _plain(name: str, value: object) -> str:
    if name == "jws" and isinstance(value, str):
        claims = value.split(".")[1]
        return base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def leaks(scene: Scene) -> set[str]:
    """Where the database names the clerk, beside the kept headers."""
    return {place for place, text in written(scene) if told(text)}


def naming(clerk: Staff, number: int = 1, **facts: object) -> bytes:
    """A signed document that names a clerk."""
    return signed(document(number, business=Business(paper=Paper.PAPER_FREE, staff=clerk), **facts))


def answer_naming(scene: Scene, consignment_id: str, clerk: Staff, code: str = "03", by: str = "H41") -> Envelope:
    """A status message that names a clerk."""
    said = status_of(scene.consignment(consignment_id), code, said_by=by)
    assert said.status is not None
    return replace(said, status=replace(said.status, staff=clerk))


def test_nothing_on_the_whole_way_repeats_the_clerk(world: World) -> None:
    sent = world.send(naming(CLERK))
    world.scene.drain()
    copies = world.scene.deliveries(sent.json["id"])
    answers = [
        sent,
        world.send(naming(CLERK)),  # the same again
        world.send(naming(CLERK, 2, to=("NOBODY",))),
        world.send(naming(CLERK, 3), by="H14"),  # for another agency
        world.call("H41", "get", "/inbox"),
        world.call("H41", "post", f"/deliveries/{copies['H41'].id}/ack", json={"sha256": "0" * 64}),
        world.call("H41", "post", f"/deliveries/{copies['H41'].id}/ack", json={}),
        world.call("H14", "post", f"/deliveries/{copies['H14'].id}/ack", json={"outcome": "refused", "reason": "sai"}),
        world.send(signed(answer_naming(world.scene, sent.json["id"], CLERK)), by="H41"),
        world.send(signed(answer_naming(world.scene, sent.json["id"], CLERK, "99")), by="H41"),
        world.send(signed(answer_naming(world.scene, sent.json["id"], CLERK, by="G77")), by="G77"),
        world.call("H14", "get", f"/consignments/{sent.json['id']}"),
    ]
    world.scene.drain()
    codes = [answer.status_code for answer in answers]
    assert codes == [201, 200, 422, 422, 200, 409, 200, 200, 201, 422, 422, 404]
    assert [told(answer.text) for answer in answers] == [[]] * len(answers)
    assert told(world.logged()) == []
    assert "request_was_answered" in world.logged(), "logs are seen by this test"
    assert leaks(world.scene) == set()
    kept = world.scene.consignment(sent.json["id"]).header
    assert told(json.dumps(kept)) == list(TRACES), "the parties' own copy is there, so the search can find"


def test_the_parties_themselves_are_shown_the_clerk(world: World) -> None:
    sent = world.send(naming(CLERK))
    shown = world.call("G22", "get", f"/consignments/{sent.json['id']}").json
    assert shown["header"]["staff"] == {
        "department": CLERK.department,
        "staff": CLERK.staff,
        "email": CLERK.email,
        "mobile": CLERK.mobile,
    }


def test_to_speak_for_a_party_is_not_to_see_its_clerk(world: World) -> None:
    """G30 speaks for G30.1 and reads its post, but was not given the right."""
    sent = world.send(naming(CLERK, sender="G30.1"), by="G30")
    assert sent.status_code == 201
    above = world.call("G30", "get", f"/consignments/{sent.json['id']}")
    assert (above.status_code, told(above.text)) == (200, [])
    own = world.call("G30.1", "get", f"/consignments/{sent.json['id']}")
    assert told(own.text) == list(TRACES)


def test_a_value_that_is_too_long_is_not_repeated_in_its_finding(world: World) -> None:
    """Two numbers in Mobile are over its 20 characters, and findings go into answers, bundles and reports."""
    sent = world.send(naming(TOO_MUCH))
    world.scene.drain()
    status = world.send(signed(answer_naming(world.scene, sent.json["id"], TOO_MUCH)), by="H41")
    for answer in (sent, status):
        long = {f["evidence"]["field"] for f in answer.json["findings"] if f["code"] == "schema.too_long"}
        assert long == {"Department", "Staff", "Email", "Mobile"}, "said, but without the words"
        assert told(answer.text) == []
    assert leaks(world.scene) == set()


def test_broken_parts_are_refused_without_their_words(world: World) -> None:
    body = naming(CLERK)
    for fault, words in BROKEN.items():
        broken = body.replace(CLERK.staff.encode(), words)
        assert broken != body
        answer = world.send(broken)
        assert answer.status_code in (400, 422), (fault, answer.text)
        assert told(answer.text) == [], fault
    assert told(world.logged()) == []
    assert leaks(world.scene) == set()


def test_a_failing_database_does_not_put_the_row_into_the_log(world: World) -> None:
    """A driver's error repeats the statement with its parameters, and the header is one of them."""
    known = world.scene.accepted()
    with world.scene.database.writing() as transaction:
        for statement in _full_disk(is_sqlite=world.scene.database.is_sqlite):
            transaction.connection.exec_driver_sql(statement)
    lost = status_of(known, "03", said_by="H41", to="NOBODY")
    lost = replace(lost, status=replace(lost.status, staff=CLERK))
    for answer in (world.send(naming(CLERK, 2)), world.send(signed(lost), by="H41")):
        assert answer.status_code >= 500
        assert told(answer.text) == []
    assert "disk is full" in world.logged(), "the trouble itself is told"
    assert told(world.logged()) == []
    assert '"dialect"' not in world.logged(), "no piece of a header: what is cut off in the middle is chance"


def _full_disk(*, is_sqlite: bool) -> list[str]:
    """Every new consignment fails as on a full disk."""
    if is_sqlite:
        return ["CREATE TRIGGER full_disk BEFORE INSERT ON consignments BEGIN SELECT RAISE(ABORT, 'disk is full'); END"]
    failing = "BEGIN RAISE EXCEPTION 'disk is full' USING ERRCODE = '53100'; END"
    return [
        f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {failing} $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON consignments FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ]


def test_statements_are_not_logged_by_the_hubs_own_settings(scene: Scene) -> None:
    """The root logs INFO; SQLAlchemy at INFO would log every parameter."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure("json")
        assert not logging.getLogger("sqlalchemy.engine.Engine").isEnabledFor(logging.INFO)
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
