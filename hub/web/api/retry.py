"""POST of a retry: what could be tried again of one sending, and doing it when asked to.

Owns: the preview and its application for the consignment's sender; what is applied is audited.
Never: shows or moves another sender's consignment, or tells that it exists.
Source: issue 4 part 5; hub-api.v1.yaml; threats T3 (other agencies' ids).
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response

from hub.errors import NoSuchThing
from hub.stations import Hub
from hub.stations import retry as station
from hub.stations.retry import Action, Step
from hub.store import consignments, heartbeats
from hub.store.standing import Scope, ScopeKind
from hub.web import identity
from hub.web.api import bodies, parameters, shown


class Retry(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/retry; without `apply` nothing is done."""

    apply: bool = False


def routes() -> Blueprint:
    """The path of the retry."""
    made = Blueprint("retry", __name__, url_prefix=f"{shown.ROOT}/consignments/<consignment_id>")
    made.before_request(identity.authenticate)
    made.add_url_rule("/retry", view_func=retry, methods=["POST"])
    return made


def retry(consignment_id: str) -> Response:
    """The steps that would be taken, or with `apply` those that were."""
    wanted, hub = parameters.path_id(consignment_id), identity.the_hub()
    said = parameters.json_body(Retry)
    with hub.database.reading() as connection:
        kept = consignments.get(connection, wanted)
        if kept is None or not identity.speaks_for(connection, kept.sender_key):
            raise NoSuchThing(f"no consignment {wanted} for {identity.caller().code}")
        steps = station.plan(connection, Scope(ScopeKind.CONSIGNMENT, wanted), hub)
    if said.apply:
        identity.sending_caller()  # to have a document delivered is to send it
        steps = _applied(steps, wanted, hub)
    return bodies.json({"applied": said.apply, "steps": [_step(one) for one in steps]})


def _applied(steps: list[Step], consignment_id: str, hub: Hub) -> list[Step]:
    """Those that were done; what moved since the look is left alone."""
    if not steps:
        return []
    facts = {"scope": f"--consignment {consignment_id}", "steps": len(steps)}
    with hub.database.writing() as transaction:
        who = f"agency:{identity.caller().code}"
        heartbeats.audited(transaction, "retry.applied", who=who, at=hub.now(), facts=facts)
    return [step for step in steps if station.run(step, hub)]


def _step(step: Step) -> dict[str, Any]:
    item = "consignment" if step.action is Action.JUDGE_NOW else "delivery"
    return {
        item: step.item,
        "recipient": step.recipient_key or None,
        "action": step.action.value,
        "why": {"vi": step.why_vi, "en": step.why_en},
    }
