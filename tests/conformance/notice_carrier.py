"""What every carrier of notices promises (hub.ports.NoticeCarrier); an adapter's test inherits the suite.

A test class gives a fixture `carrier`, `taken` (a function: the ids of the notices that the other side took), `address`
(where the other side is), and `away` (a function that takes the other side away).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.notices import Enclosed, Notice
from hub.errors import NoticesUnavailable

NOTICE = Notice(
    notice_id="0198c9f0-0000-7000-8000-000000000001",
    address="",
    subject="Trục thử: 1000 văn bản cần xử lý",
    text="Trục thử: có văn bản chưa chuyển động.\n\nDocuments do not move.\n",
    body='{"kind":"radar","total":1000,"hub":"Trục"}'.encode(),
    signature="eyJ.e30.c2ln",
)


class NoticeCarrierConformance:
    """Inherit it and write the four fixtures."""

    def test_a_notice_is_taken_once(self, carrier, address, taken):
        carrier.send(replace(NOTICE, address=address))
        assert taken() == [NOTICE.notice_id]

    def test_a_repeated_notice_can_be_recognised(self, carrier, address, taken):
        for _ in range(2):
            carrier.send(replace(NOTICE, address=address))
        assert taken() == [NOTICE.notice_id] * 2

    def test_nobody_there_is_a_reason_not_a_crash(self, carrier, address, away, taken):
        away()
        with pytest.raises(NoticesUnavailable) as told:
            carrier.send(replace(NOTICE, address=address))
        assert str(told.value)
        assert taken() == []

    @pytest.mark.parametrize("wrong", ["", "x", "a b", "\r\nRCPT TO:<x@y>", "file:///etc/passwd", "a@b\nBcc: c@d"])
    def test_what_is_no_address_is_a_reason_too(self, carrier, wrong, taken):
        with pytest.raises(NoticesUnavailable) as told:
            carrier.send(replace(NOTICE, address=wrong))
        assert str(told.value)
        assert taken() == []

    def test_a_name_with_line_ends_breaks_nothing(self, carrier, address, taken):
        odd = replace(NOTICE, address=address, subject="a\r\nBcc: evil@example.org\r\n\r\nbody", text="x\r\n.\r\ny\n")
        carrier.send(odd)
        assert taken() == [NOTICE.notice_id]

    def test_files_go_along_or_stay_but_never_stop_the_notice(self, carrier, address, taken):
        files = (Enclosed("báo-cáo.pdf", "application/pdf", bytes(range(256)) * 40), Enclosed("a\r\nX: 1", "x/y", b""))
        carrier.send(replace(NOTICE, address=address, attachments=files))
        assert taken() == [NOTICE.notice_id]
