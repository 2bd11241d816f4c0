"""GET of the directory: codes, names, parents, successors, aliases, page by page.

Owns: the JSON of an agency as other agencies may see it.
Never: shows keys, certificates or policies.
Source: hub-api.v1.yaml; Decision 20/2020/QĐ-TTg Art. 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from hub.domain.agencies import Agency, code_key
from hub.errors import BadRequest
from hub.store import directory
from hub.web import headers, identity
from hub.web.api import parameters, shown


def routes() -> Blueprint:
    """The path /api/v1/agencies."""
    made = Blueprint("agencies", __name__, url_prefix=f"{shown.ROOT}/agencies")
    made.before_request(identity.authenticate)
    made.add_url_rule("", view_func=get, methods=["GET"])
    return made


def get() -> Response:
    """One page of the directory in the order of the codes."""
    limit = parameters.number("limit", default=100, least=1, most=500)
    words = parameters.words("q", longest=100)
    written = parameters.words("after", longest=64)
    after = code_key(written)
    if written and not after:
        raise BadRequest(f"after={written!r}", field="after", expected="next_after")
    with identity.the_hub().database.reading() as connection:
        found = directory.page(connection, after=after, limit=limit, words=words)
        aliases = directory.aliases_of(connection, [code_key(agency.code) for agency in found])
    page = {
        "items": [_item(agency, aliases.get(code_key(agency.code), ())) for agency in found],
        "next_after": code_key(found[-1].code) if len(found) == limit else None,
    }
    raw = msgspec.json.encode(page)
    response = Response(raw, content_type="application/json")
    response.set_etag(hashlib.sha256(raw).hexdigest()[:32])
    response.headers["Cache-Control"] = headers.REVALIDATE
    response.make_conditional(request)
    return response


def _item(agency: Agency, aliases: Sequence[str]) -> dict[str, Any]:
    return {
        "code": agency.code,
        "name": agency.name,
        "parent": agency.parent,
        "status": agency.status.value,
        "successor": agency.successor,
        "valid_from": agency.valid_from.isoformat() if agency.valid_from else None,
        "valid_until": agency.valid_until.isoformat() if agency.valid_until else None,
        "aliases": list(aliases),
    }
