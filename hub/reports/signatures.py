"""Signature quality: signed by the agency, a person, both; valid; legacy profiles, certificates, leaders who sign.

Owns: which indicators it shows.
Never: calls an undetermined signature valid (hub/domain/counting.py keeps them apart); names a signer.
Source: Decree 30/2020/NĐ-CP Art. 5, 13, 17; Decision 28/2018/QĐ-TTg Art. 4, 18; domain notes §5.2 (4), §6.
"""

from __future__ import annotations

from hub.reports.made import Words
from hub.reports.protocol import Report
from hub.reports.ratios_report import Layout, Part, runner

TITLE = Words("Chất lượng ký số", "Signature quality")
LAYOUT = Layout(
    report_id="signatures",
    title=TITLE,
    parts=(
        Part(
            "documents",
            Words("Văn bản đi ký số theo đơn vị", "Signed documents, by unit"),
            ("signed_by_both", "signed_by_agency", "signed_by_person", "valid_signatures"),
        ),
        Part(
            "agencies",
            Words("Chứng thư số và kiểu chữ ký", "Certificates and signature profiles"),
            ("units_certified", "units_signing", "legacy_signatures"),
            by_unit=False,
        ),
        Part(
            "leaders",
            Words("Lãnh đạo ký số theo đơn vị", "Leaders who sign, by unit"),
            ("leaders_signing",),
        ),
    ),
)
REPORT = Report(
    LAYOUT.report_id,
    TITLE,
    Words(
        "Văn bản ký số (cá nhân, cơ quan, cả hai), chữ ký hợp lệ, kiểu ký cũ, chứng thư số, lãnh đạo ký số",
        "Signed documents (person, agency, both), valid signatures, legacy profiles, certificates, leaders who sign",
    ),
    runner(LAYOUT),
)
