"""Who sees the clerk of a message, and a header in which no clerk is named."""

from __future__ import annotations

import copy

import msgspec
import pytest

from hub.domain.agencies import Agency
from hub.domain.envelopes import Business, Envelope, Kind, Party, ResponseFor, Staff, StatusReport
from hub.domain.personal_data import sees_staff, without_staff

CLERK = Staff("Phòng Văn thư", "Trần Thị Riêng", "rieng@thu.gov.vn", "0912345678")
PARTIES = {"G30.1", "H41"}


@pytest.mark.parametrize(
    ("caller", "sees"),
    [
        (Agency("G30.1", ""), True),
        (Agency("h41", ""), True),
        (Agency("G30", "", speaks_for_descendants=True), False),
        (Agency("G30", "", speaks_for_descendants=True, sees_staff=True), True),
        (Agency("G22", ""), False),
        (Agency("G22", "", sees_staff=True), True),
    ],
)
def test_a_party_and_a_reader_with_the_right_see_the_clerk(caller: Agency, sees: bool) -> None:
    assert sees_staff(caller, parties=PARTIES) is sees


@pytest.mark.parametrize("kind", list(Kind))
def test_no_word_of_the_clerk_is_left_and_all_others_stay(kind: Kind) -> None:
    office = Party("G22", "Văn phòng", email="vanthu@g22.gov.vn", telephone="024 1234", fax="024 5678")
    answered = StatusReport(ResponseFor("H41"), "03", "đã tiếp nhận", staff=CLERK) if kind is Kind.STATUS else None
    header = msgspec.to_builtins(
        Envelope(kind=kind, dialect="", sender=office, business=Business(staff=CLERK), status=answered)
    )
    before = copy.deepcopy(header)
    shown = without_staff(header)
    assert header == before, "what is kept is not changed"
    for word in (CLERK.department, CLERK.staff, CLERK.email, CLERK.mobile):
        assert word not in str(shown)
    assert shown["sender"] == before["sender"], "an agency's own contact is no person's"
    before["business"]["staff"] = None
    if answered:
        before["status"]["staff"] = None
    assert shown == before


def test_a_header_of_which_nothing_was_kept_stays_empty() -> None:
    assert without_staff({}) == {}
