"""Timeliness: sent on time, receipt the same day, feedback, completion, what nobody fetched; unit by unit.

Owns: which indicators it shows.
Never: mixes documents sent (on time) with copies received (all the others): two tables of units.
Source: Decision 28/2018/QĐ-TTg Art. 6(2), 9(2); Decree 30/2020/NĐ-CP Art. 4, 18, 21(2); domain notes §5.2 (5 to 8).
"""

from __future__ import annotations

from hub.reports.made import Words
from hub.reports.protocol import Report
from hub.reports.ratios_report import Layout, Part, runner

TITLE = Words("Gửi, nhận, phản hồi đúng hạn", "Timeliness")
LAYOUT = Layout(
    report_id="timeliness",
    title=TITLE,
    parts=(
        Part("sent", Words("Văn bản đi theo đơn vị gửi", "Documents sent, by sender"), ("sent_on_time",)),
        Part(
            "received",
            Words("Lượt nhận theo đơn vị nhận", "Arrivals, by recipient"),
            ("receipt_same_day", "feedback", "acceptance", "completion", "unfetched"),
        ),
    ),
)
REPORT = Report(
    LAYOUT.report_id,
    TITLE,
    Words(
        "Gửi đúng hạn, báo nhận trong ngày, phản hồi, hoàn thành, chưa lấy về; theo đơn vị",
        "Sent on time, receipt the same day, feedback, completion, not fetched; by unit",
    ),
    runner(LAYOUT),
)
