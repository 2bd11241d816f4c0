"""An agency's document system at the API, as journeys need it: what lies there, take it, say how it is handled.

Owns: the calls of a recipient and of a sender over HTTP, on a running hub or on stations with a moved clock.
Never: looks into the database; journeys do that where the API may not show a thing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import httpx

from hub.domain.envelopes import StatusReport
from hub.signatures.jws import verify_receipt
from tests.support.envelopes import read

Item = dict[str, Any]


class Clerk:
    """One agency; `client` begins at /api/v1 and carries its key."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._messages: dict[str, StatusReport] = {}

    def get(self, path: str, **asked: object) -> Any:
        """The JSON of a page that must be there."""
        answer = self.client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def inbox(self, document_id: str = "") -> list[Item]:
        """What lies there (about one document), from the first place to the last."""
        found: list[Item] = []
        after = "0"
        while page := self.get("/inbox", after=after, limit=200)["items"]:
            found += page
            after = page[-1]["cursor"]
        return [item for item in found if document_id in ("", item["document_id"])]

    def fetched(self, item: Item) -> bytes:
        """The envelope of an item, which is what was announced."""
        answer = self.client.get(f"/deliveries/{item['delivery']}/envelope")
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Envelope-SHA256"] == item["sha256"]
        return answer.content

    def take(self, item: Item) -> bytes:
        """Fetch it and acknowledge it."""
        content = self.fetched(item)
        answer = self.client.post(f"/deliveries/{item['delivery']}/ack", json={"sha256": item["sha256"]})
        assert answer.status_code == 200, answer.text
        return content

    def say(self, delivery: str, code: str, **more: str) -> httpx.Response:
        """A status by JSON."""
        return self.client.post(f"/deliveries/{delivery}/status", json={"code": code, **more})

    def told(self, document_id: str) -> list[str]:
        """The codes of the status messages about a document that lie there, in their places."""
        return self.all_told()[document_id]

    def all_told(self) -> defaultdict[str, list[str]]:
        """The same for every document."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for item in self.inbox():
            if item["kind"] == "status":
                said = self._message(item)
                found[said.response_for.document_id].append(said.status_code)
        return found

    def _message(self, item: Item) -> StatusReport:
        """What a status message says, as its envelope says it; read once."""
        if item["delivery"] not in self._messages:
            said = read(self.fetched(item)).envelope.status
            assert said is not None
            self._messages[item["delivery"]] = said
        return self._messages[item["delivery"]]

    def sent(self, consignment_id: str) -> Any:
        """The sender's view of a sending."""
        return self.get(f"/consignments/{consignment_id}")

    def holdings(self, consignment_id: str) -> dict[str, str]:
        """Recipient → what it holds now of the document of a sending."""
        copies = self.get(f"/consignments/{consignment_id}/copies")["copies"]
        return {copy["recipient"]: copy["holding"]["code"] for copy in copies}

    def receipts(self, consignment_id: str, *, trusted: Any) -> list[dict[str, Any]]:
        """What the receipts of a sending testify, each verified."""
        kept = self.sent(consignment_id)["receipts"]
        return [verify_receipt(receipt["jws"], trusted=trusted) for receipt in kept]


def gone(answer: httpx.Response) -> bool:
    """True when the hub says that this copy may not be read any more."""
    return (answer.status_code, answer.json()["code"]) == (410, "delivery.gone")
