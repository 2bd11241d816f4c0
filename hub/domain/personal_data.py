"""Personal data in a message: the clerk named in StaffInfo (name, mail, phone), and who may see it.

Owns: what counts as personal, the rule who sees it, a header without it.
Never: hides an agency's own address, mail or telephone: they are no person's.
Source: issue 4 part 9; QCVN 102:2016/BTTTT (StaffInfo); domain notes §2.2, §2.5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hub.domain.agencies import Agency, code_key

CARRIERS = ("business", "status")  # the parts of a kept header that may name a clerk


def sees_staff(caller: Agency, *, parties: Collection[str]) -> bool:
    """True for a party by its own code key (sender or recipient), and for an agency that was given the right.

    To speak for a party is not enough: a ministry that reads its departments' post needs the right.

    >>> sees_staff(Agency("G22", ""), parties={"G22", "H41"}), sees_staff(Agency("G30", ""), parties={"G30.1"})
    (True, False)
    """
    return caller.sees_staff or code_key(caller.code) in parties


def without_staff(header: Mapping[str, Any]) -> dict[str, Any]:
    """The kept header as a copy in which no clerk is named; a header of which nothing was kept stays empty."""
    shown = dict(header)
    for part in CARRIERS:
        if shown.get(part):
            shown[part] = {**shown[part], "staff": None}
    return shown
