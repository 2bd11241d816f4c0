"""One hub with the cast for all checks: judging writes nothing, so they may share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.checks.candidate import Candidate
from hub.stations import receive, verify
from hub.stations.verify import Judged
from tests.support.scenes import Scene

Judge = Callable[..., Judged]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(folder)
    yield opened
    opened.close()


@pytest.fixture
def judge(desk: Scene) -> Judge:
    """A function: the judgement of an envelope's bytes as sent by `caller`."""

    def judge_one(body: bytes, *, caller: str = "G22") -> Judged:
        received = receive.run(desk.arrival(body, caller=caller), desk.hub)
        try:
            return verify.run(
                received.reading,
                desk.hub,
                caller=received.arrival.caller,
                moment=received.arrival.received_at,
                open_body=received.draft.reopen,
            )
        finally:
            received.release()

    return judge_one


def said(judged: Judged, room: str) -> dict[str, str]:
    """Code → severity of the findings whose code begins with `room`."""
    return {f.code: f.severity.value for f in judged.findings if f.code.startswith(f"{room}.")}


def with_rules(candidate: Candidate, **facts: object) -> Candidate:
    """The candidate under a changed rule pack."""
    return replace(candidate, rules=replace(candidate.rules, **facts))
