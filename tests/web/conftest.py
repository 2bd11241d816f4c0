"""A hub with its web application, and a caller for every agency of the cast."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.stations import Hub
from hub.web.app import create_app
from tests.support import hubs
from tests.support.scenes import PDF, document, signed

ROOT = "/api/v1"


@dataclass(frozen=True, slots=True)
class Caller:
    """One agency's system at the API."""

    client: FlaskClient
    key: str

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(_address(path), headers=self._headers(more), **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        return self.client.post(_address(path), headers=self._headers(more), **more)

    def send(self, body: bytes, *, key: str = "", **more: Any) -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/consignments", data=body, content_type="application/xml", headers=headers, **more)

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})


def _address(path: str) -> str:
    return path if path.startswith(ROOT) else ROOT + path


class Web:
    """The application over one hub."""

    def __init__(self, hub: Hub, keys: Mapping[str, str]) -> None:
        self.hub, self.keys = hub, keys
        self.app: Flask = create_app(hub)

    def as_(self, code: str) -> Caller:
        return Caller(self.app.test_client(), self.keys[code])

    def anonymous(self) -> FlaskClient:
        return self.app.test_client()

    def drain(self) -> int:
        return hubs.drain(self.hub)

    def placed(self, number: int = 1, *, sender: str = "G22", to: tuple[str, ...] = ("H41",), **facts: Any) -> dict:
        """A document in its recipients' inboxes: the sender's full view of it."""
        page = facts.pop("page", PDF)
        body = signed(document(number, sender=sender, to=to, pdf=page, **facts), pdf=page)
        answer = self.as_(sender).send(body)
        assert answer.status_code == 201, answer.text
        self.drain()
        return self.as_(sender).get(answer.json["links"]["self"]).json

    def delivery(self, number: int = 1, *, to: str = "H41", **facts: Any) -> str:
        """The id of a delivery in the inbox of `to`."""
        return self.placed(number, to=(to,), **facts)["deliveries"][0]["id"]


@pytest.fixture(scope="session")
def ready_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """A hub's folder with the cast and its keys, to be copied: migrating and adding them anew takes half a second."""
    folder = tmp_path_factory.mktemp("ready") / "hub"
    hub = hubs.make_hub(folder)
    keys = hubs.make_keys(hub)
    hub.close()
    return folder, keys


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, ready_made: tuple[Path, Mapping[str, str]]) -> Iterator[Web]:
    """One hub for tests that change nothing in it."""
    folder, keys = ready_made
    copy = tmp_path_factory.mktemp("shared") / "hub"
    shutil.copytree(folder, copy)
    hub = hubs.open_again(copy)
    yield Web(hub, keys)
    hub.close()


@pytest.fixture
def web(tmp_path: Path, ready_made: tuple[Path, Mapping[str, str]]) -> Iterator[Web]:
    """A fresh hub behind its API."""
    folder, keys = ready_made
    shutil.copytree(folder, tmp_path / "hub")
    hub = hubs.open_again(tmp_path / "hub")
    yield Web(hub, keys)
    hub.close()
