"""Envelopes that recall, update, replace or ask back a document of the cast; what its recipients do and hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import Business, BusinessType, Envelope, Paper, ReceiverChange, Replacement
from hub.domain.statuses import StatusCode
from hub.ports import Placed, TryLater
from hub.stations import acknowledge, expire, status
from hub.stations import fetch as station
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import deliveries, documents, duties
from hub.store.consignments import Consignment
from tests.support.scenes import document, signed, status_of

Seal = Callable[[Envelope], bytes]  # `signed` or, where many are sent, `unsigned`


def _notice(of: Consignment, kind: BusinessType, to: Sequence[str], **business: Any) -> Envelope:
    """A message about a document, without attachments, as the samples of the SDK are."""
    about = Business(business_type=kind, reason="Sai sót nội dung", paper=Paper.PAPER_FREE, **business)
    bare = document(sender=of.sender_key, to=to)
    number, _, notation = of.notation.partition("/")
    return replace(
        bare,
        business=about,
        document_id=of.document_id,
        code_number=number,
        code_notation=notation,
        attachments=(),
        manifest=(),
    )


def recall(of: Consignment, *, to: Sequence[str], seal: Seal = signed, **facts: Any) -> bytes:
    """The sender recalls its document from these recipients."""
    return seal(replace(_notice(of, BusinessType.RECALL, to), **facts))


def update(
    of: Consignment,
    *,
    to: Sequence[str],
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    seal: Seal = signed,
    **facts: Any,
) -> bytes:
    """The sender updates its document: metadata when `facts` change the header, receivers as told."""
    receivers = (*(ReceiverChange(one, "0") for one in added), *(ReceiverChange(one, "1") for one in removed))
    business = {"document_id": of.document_id, "receivers": receivers, "receivers_changed": bool(receivers)}
    notice = _notice(of, BusinessType.UPDATE, to, metadata_changed=bool(facts), **business)
    return seal(replace(notice, **facts))


def replacement(
    of: Consignment,
    number: int,
    *,
    to: Sequence[str],
    organs: Sequence[str] = (),
    seal: Seal = signed,
    **facts: Any,
) -> bytes:
    """A new document that takes the place of another at these agencies (all holders when none is named)."""
    envelope = document(number, sender=of.sender_key, to=to, business_type=BusinessType.REPLACE)
    replaced = (Replacement(of.document_id, tuple(organs)),)
    business = replace(envelope.business, reason="Thay thế bản có sai sót", replacements=replaced)
    return seal(replace(envelope, business=business, **facts))


def take_back(of: Consignment, recipient: str, *, seal: Seal = signed, **facts: Any) -> bytes:
    """The sender asks one recipient to give its copy back (13)."""
    return seal(status_of(of, "13", said_by=of.sender_key, to=recipient, **facts))


def taken(scene, delivery) -> None:
    """The recipient acknowledges it."""
    acknowledge.run(Acknowledgement(delivery.id, delivery.recipient_key), scene.hub)


def fetch(scene, delivery) -> bool:
    """What the API does when a recipient takes the bytes: True when it gets them."""
    station.run(delivery, scene.hub)
    return scene.delivery(delivery.id).state in (DeliveryState.IN_HAND, DeliveryState.HANDED_OVER)


def said(scene, delivery, code: str) -> status.Recorded:
    """The recipient says a status without a time."""
    return status.run(StatusSaid(delivery.id, delivery.recipient_key, StatusCode(code), "", None), scene.hub)


def sent(scene, body: bytes, **how):
    """An accepted sending, with all of its work done."""
    answer = scene.post(body, **how)
    assert answer.consignment.state is ConsignmentState.ACCEPTED, codes(answer)
    scene.drain()
    return scene.consignment(answer.consignment.id)


def codes(answer) -> set[str]:
    """The codes of all findings."""
    return {finding.code for finding in answer.consignment.findings}


def holdings(scene, consignment) -> dict[str, str]:
    """What each recipient holds of the document that a sending is about."""
    with scene.database.reading() as connection:
        return {
            copy.recipient_key: copy.holding.value for copy in documents.copies(connection, consignment.document_ref)
        }


def state_of(scene, consignment) -> DocumentState:
    """The state of the document at its sender."""
    with scene.database.reading() as connection:
        return documents.get(connection, consignment.document_ref).state


def owed(scene, delivery) -> list[DutyKind]:
    """The changes that are asked about a copy and not answered."""
    with scene.database.reading() as connection:
        return [duty.kind for duty in duties.open_changes(connection, [delivery.id])]


def every_duty(scene, delivery) -> dict[DutyKind, DutyOutcome | None]:
    """Each kind of duty that there ever was about a copy, and how the latest ended."""
    with scene.database.reading() as connection:
        return {duty.kind: duty.outcome for duty in duties.of_deliveries(connection, [delivery.id])}


def away(scene, *codes_: str):
    """The hub while the systems of these agencies do not answer."""

    class Away:
        def hand_over(self, work):
            return TryLater("bận") if work.recipient in codes_ else Placed()

    return replace(scene.hub, agencies={"mailbox": Away()})


def drained(scene, hub) -> None:
    """As Scene.drain, with another hub."""
    real, scene.hub = scene.hub, hub
    scene.drain()
    scene.hub = real


def over(scene, delivery) -> None:
    """Its time to live has ended."""
    with scene.database.writing() as transaction:
        deliveries.change(transaction, delivery.id, expires_at=scene.hub.now() - timedelta(seconds=1))
    expire.run(delivery.id, scene.hub)
    assert scene.delivery(delivery.id).state is DeliveryState.EXPIRED


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of different works that start together; a fault is raised here."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def one(number: int) -> None:
        gate.wait(30)
        try:
            results[number] = works[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
