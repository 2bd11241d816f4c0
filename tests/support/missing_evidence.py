"""A check that cannot tell until its evidence came, for documents that are held.

Owns: NoEvidence.
Never: judges anything else.
Source: hub/checks/protocol.py.
"""

from __future__ import annotations

from typing import Any

from hub.domain.findings import Finding, Severity


class NoEvidence:
    """A check that cannot tell yet: try_later until `arrive` was called."""

    def __init__(self) -> None:
        self._here = False

    def arrive(self) -> None:
        self._here = True

    def judge(self, candidate: Any) -> list[Any]:
        missing = Finding("signature", "signature.absent", Severity.TRY_LATER, "", {"agency": "?"})
        return [] if self._here else [missing]
