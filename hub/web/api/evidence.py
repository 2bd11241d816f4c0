"""GET of a consignment's evidence bundle.

Owns: the answer as a file; it is made on disk and streamed from there.
Never: shows a bundle to whom the consignment is not shown.
Source: issue 3 part 7; hub-api.v1.yaml; threats T3 (other agencies' ids).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import BinaryIO

from flask import Blueprint, Response
from werkzeug.wsgi import FileWrapper

from hub.bundles import collect
from hub.bundles.collect import Facts
from hub.bundles.contents import MEDIA_TYPE, SUFFIX
from hub.errors import NoSuchThing, PayloadsUnavailable
from hub.stations import Hub
from hub.web import identity
from hub.web.api import bodies, parameters, shown
from hub.web.api.consignments import may_read


def routes() -> Blueprint:
    """The path of the bundle."""
    made = Blueprint("evidence", __name__, url_prefix=f"{shown.ROOT}/consignments/<consignment_id>")
    made.before_request(identity.authenticate)
    made.add_url_rule("/evidence", view_func=evidence, methods=["GET"])
    return made


def evidence(consignment_id: str) -> Response:
    """The bundle, made now, for those who may read the consignment."""
    wanted, hub = parameters.path_id(consignment_id), identity.the_hub()
    facts = collect.gathered(wanted, hub)
    with hub.database.reading() as connection:
        if not may_read(connection, facts.consignment):
            raise NoSuchThing(f"no consignment {wanted} for {identity.caller().code}")
    made = _made(facts, hub)
    response = Response(FileWrapper(made, bodies.CHUNK_BYTES), content_type=MEDIA_TYPE, direct_passthrough=True)
    response.call_on_close(made.close)
    response.content_length = os.fstat(made.fileno()).st_size
    response.headers["Content-Disposition"] = bodies.as_download(wanted + SUFFIX)
    return response


def _made(facts: Facts, hub: Hub) -> BinaryIO:
    """A nameless file that is gone when it is closed, also when the process dies."""
    if hub.payloads.free_bytes() - facts.consignment.size_bytes < hub.settings.min_free_bytes:
        raise PayloadsUnavailable("no room to write a bundle: see min_free_bytes")
    with ExitStack() as undo:
        try:
            file = undo.enter_context(tempfile.TemporaryFile(dir=hub.settings.data_dir / "spool"))
            collect.write(facts, hub, file)
            file.seek(0)
        except OSError as trouble:
            raise PayloadsUnavailable(f"the bundle could not be written: {trouble}") from trouble
        undo.pop_all()
    return file
