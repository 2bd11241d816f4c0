"""How every station turns what it knows into a signed receipt.

Owns: signing a testimony with the hub's key.
Never: stores.
Source: design §6.
"""

from __future__ import annotations

from hub.domain.receipts import Testimony, claims
from hub.signatures import jws
from hub.stations import Hub
from hub.store.receipts import Receipt


def signed(testimony: Testimony, hub: Hub) -> Receipt:
    """The testimony as a receipt, signed with the hub's key."""
    return Receipt(
        receipt_id=testimony.receipt_id,
        consignment_id=testimony.consignment_id,
        delivery_id=testimony.delivery_id,
        event=testimony.event.value,
        issued_at=testimony.at,
        jws=jws.sign_receipt(claims(testimony, hub_name=hub.settings.name), hub.key),
    )
