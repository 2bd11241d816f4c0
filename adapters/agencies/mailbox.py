"""The default: a document lies in the agency's inbox on the hub until the agency fetches and acknowledges it.

Owns: saying so. Never: opens a connection.
Source: design §2 (adapters/agencies); communes with unstable lines fetch when they can.
"""

from __future__ import annotations

from hub.ports import HandOver, Outcome, Placed


class Mailbox:
    """Every hand-over succeeds at once by placing the document in the inbox."""

    def hand_over(self, work: HandOver) -> Outcome:
        """See hub.ports.AgencyAdapter."""
        return Placed()
