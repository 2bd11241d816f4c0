"""A small document system of one agency: it speaks to the hub over HTTP and believes nothing unproved.

Owns: sending, fetching, answering as an agency's developer would write it; the receipts verified offline.
Never: looks into the hub's database or folders.
Source: schemas/openapi/hub-api.v1.yaml.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509

from hub.demo.tell import Difference
from hub.errors import ReceiptNotGenuine
from hub.signatures.jws import verify_receipt

TIMEOUT_SECONDS = 45.0  # longer than the longest long poll
LONG_POLL_SECONDS = 5
PATIENCE_SECONDS = 60.0  # how long an asynchronous step may take on a slow machine
XML, JSON = "application/xml", "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises Difference when it is none."""
        try:
            return json.loads(self.body)
        except ValueError as wrong:
            raise Difference("JSON trong câu trả lời", expected="JSON", seen=self.body[:300]) from wrong

    def part(self, *path: str) -> Any:
        """The value at a path of names in the JSON. Raises Difference when it is missing."""
        value = self.json()
        for name in path:
            if not isinstance(value, dict) or name not in value:
                raise Difference(".".join(path), expected="có mặt / present", seen=self.body[:600].decode("utf-8"))
            value = value[name]
        return value

    def codes(self) -> list[str]:
        """The codes of the findings, in their order."""
        return [finding["code"] for finding in self.part("findings")]


class ReceiptBook:
    """Every receipt that the agencies got, each verified with the hub's certificate and nothing else."""

    def __init__(self, trusted: Sequence[x509.Certificate]) -> None:
        self._trusted = tuple(trusted)
        self._verified: dict[str, tuple[str, dict[str, Any]]] = {}

    def take(self, receipt: str) -> dict[str, Any]:
        """The claims of a receipt. Raises Difference when the hub's key did not sign exactly this."""
        try:
            claims = verify_receipt(receipt, trusted=self._trusted)
        except ReceiptNotGenuine as wrong:
            raise Difference("biên nhận / receipt", expected="chữ ký của trục / the hub's", seen=str(wrong)) from wrong
        self._verified[claims["jti"]] = (receipt, claims)
        return claims

    def refuses(self, receipt: str) -> bool:
        """True when this text is not a genuine receipt of the hub."""
        try:
            verify_receipt(receipt, trusted=self._trusted)
        except ReceiptNotGenuine:
            return True
        return False

    @property
    def receipts(self) -> list[str]:
        """The different receipts verified so far, in the order in which they came."""
        return [receipt for receipt, _ in self._verified.values()]

    @property
    def claims(self) -> list[dict[str, Any]]:
        """What the receipts say, in the same order."""
        return [claims for _, claims in self._verified.values()]

    def events(self) -> dict[str, int]:
        """How many receipts there are of each event, by its name."""
        return dict(sorted(Counter(claims["event"] for claims in self.claims).items()))


@dataclass(slots=True)
class AgencySystem:
    """The document system of one agency; `address` is host and port of the hub."""

    code: str
    name: str
    api_key: str = field(repr=False)
    address: tuple[str, int]
    book: ReceiptBook
    _after: str = "0"
    _waiting: dict[str, dict[str, Any]] = field(default_factory=dict)

    def send(self, envelope: bytes, *, key: str = "") -> Answer:
        """Post an envelope; a receipt in the answer must be genuine and about exactly these bytes."""
        headers = {"Content-Type": XML} | ({"Idempotency-Key": key} if key else {})
        answer = self._ask("POST", "/api/v1/consignments", body=envelope, headers=headers)
        receipt = answer.json().get("receipt")
        if receipt:
            claims, digest = self.book.take(receipt), hashlib.sha256(envelope).hexdigest()
            expected = {"sha256": digest, "size_bytes": len(envelope)}
            if claims["envelope"] != expected:
                raise Difference("nội dung biên nhận / claims", expected=expected, seen=claims["envelope"])
        return answer

    def awaited(self, consignment_id: str) -> dict[str, Any]:
        """The inbox item of a consignment, waited for by long poll. Raises Difference when patience ends."""
        return self._awaited(lambda item: item["consignment"] == consignment_id, consignment_id)

    def awaited_status(self, by: str) -> dict[str, Any]:
        """The first status message of an agency that was not handled yet, waited for like any other item."""
        wanted = f"trạng thái của / a status message of {by}"
        return self._awaited(lambda item: item["kind"] == "status" and item["sender"] == by, wanted)

    def look(self, *, wait_seconds: int = 0) -> list[str]:
        """Read the inbox once from where it was left; the consignments now waiting to be handled here."""
        query = urlencode({"after": self._after, "limit": 200, "wait": wait_seconds})
        answer = self._ask("GET", f"/api/v1/inbox?{query}")
        _status_is("GET inbox", answer, 200)
        for item in answer.part("items"):
            self._waiting[item["consignment"]] = item
        self._after = answer.part("next_after")
        return sorted(self._waiting)

    def envelope(self, item: Mapping[str, Any]) -> Answer:
        """What the hub answers to a request for the envelope of a delivery."""
        return self._ask("GET", f"/api/v1/deliveries/{item['delivery']}/envelope")

    def fetch(self, item: Mapping[str, Any]) -> bytes:
        """The exact bytes of a delivery. Raises Difference when they have another digest than announced."""
        answer = self.envelope(item)
        _status_is("GET envelope", answer, 200)
        seen = {hashlib.sha256(answer.body).hexdigest(), answer.headers.get("x-envelope-sha256", "")}
        if seen != {item["sha256"]}:
            raise Difference("SHA-256", expected=item["sha256"], seen=sorted(seen))
        return answer.body

    def acknowledge(self, item: Mapping[str, Any], sha256: str) -> dict[str, Any]:
        """Take the delivery over; the claims of the hub's receipt."""
        said = {"outcome": "handed_over", "sha256": sha256}
        answer = self._ask_json("POST", f"/api/v1/deliveries/{item['delivery']}/ack", said=said)
        _status_is("POST ack", answer, 200)
        return self.book.take(answer.part("receipt", "jws"))

    def say(self, item: Mapping[str, Any], code: str, *, words: str = "") -> dict[str, Any]:
        """Answer a delivery with an administrative status; the claims of the hub's receipt."""
        answer = self._ask_json("POST", f"/api/v1/deliveries/{item['delivery']}/status", said=_status_body(code, words))
        _status_is("POST status", answer, 201)
        return self.book.take(answer.part("receipt", "jws"))

    def evidence(self, consignment: str) -> Answer:
        """The evidence bundle of a consignment."""
        return self._ask("GET", f"/api/v1/consignments/{quote(consignment)}/evidence")

    def consignment(self, consignment_id: str) -> Answer:
        """What the hub tells this agency about a consignment."""
        return self._ask("GET", f"/api/v1/consignments/{quote(consignment_id)}")

    def copies(self, consignment_id: str) -> Answer:
        """What each recipient holds now of the document that a consignment is about."""
        return self._ask("GET", f"/api/v1/consignments/{quote(consignment_id)}/copies")

    def radar(self) -> Answer:
        """What does not move of all that this agency sent or must act on."""
        return self._ask("GET", "/api/v1/radar")

    def duties(self) -> Answer:
        """What this agency owes about documents that it received."""
        return self._ask("GET", "/api/v1/duties")

    def figures(self, report: str, *, first_day: str, last_day: str) -> dict[str, dict[str, Any]]:
        """The agency's own figures of a report, by indicator; days are ISO dates in Vietnam, inclusive."""
        query = urlencode({"agency": self.code, "from": first_day, "to": last_day})
        answer = self._ask("GET", f"/api/v1/reports/{quote(report)}?{query}")
        _status_is("GET report", answer, 200)
        return {one["indicator"]: one for one in answer.part("figures")}

    def _awaited(self, wanted: Callable[[Mapping[str, Any]], bool], words: str) -> dict[str, Any]:
        until = monotonic() + PATIENCE_SECONDS
        while (found := next(filter(wanted, self._waiting.values()), None)) is None:
            if monotonic() > until:
                seen = sorted(self._waiting) or "trống / empty"
                raise Difference(f"hộp đến / inbox of {self.code}", expected=words, seen=seen)
            self.look(wait_seconds=LONG_POLL_SECONDS)
        return self._waiting.pop(found["consignment"])

    def _ask_json(self, method: str, path: str, *, said: Mapping[str, str]) -> Answer:
        body = json.dumps(said, ensure_ascii=False).encode("utf-8")
        return self._ask(method, path, body=body, headers={"Content-Type": JSON})

    def _ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        with_key = {"Authorization": f"Bearer {self.api_key}", **(headers or {})}
        return ask(self.address, method, path, body=body, headers=with_key)


def ask(
    address: tuple[str, int],
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One HTTP request on a connection of its own. Raises Difference when there is no answer."""
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as wrong:
        raise Difference(f"{method} {path}", expected="câu trả lời / an answer", seen=repr(wrong)) from wrong
    finally:
        connection.close()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _status_body(code: str, words: str) -> dict[str, str]:
    return {"code": code} | ({"description": words} if words else {})


def _status_is(what: str, answer: Answer, expected: int) -> None:
    if answer.status != expected:
        seen = f"{answer.status} {answer.body[:600].decode('utf-8', 'replace')}"
        raise Difference(what, expected=expected, seen=seen)
