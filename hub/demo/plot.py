"""What is written in the demo, and what the hub must have counted at the end.

Owns: the letters of the story; the figures that the report must show, worked out by hand from these letters.
Never: computes an expectation from what the hub answered.
Source: Decision 28/2018/QĐ-TTg Art. 5(3), 7(2), 8, 11; the agencies' contents are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from hub.demo.documents import Document
from hub.demo.stage import CLOSED, COMMUNE, DEPARTMENT, MINISTRY, PROVINCE, Role
from hub.domain.envelopes import Paper
from hub.domain.periods import vietnam_day

REASON_TO_DECLINE = "Văn bản không thuộc thẩm quyền giải quyết của xã."
REASON_TO_RECALL = "Gửi nhầm dự thảo chưa được duyệt."
REASON_TO_REPLACE = "Ghi sai thời hạn báo cáo."
LATE_BY = timedelta(days=30)  # longer than any row of days off, so that it is late on whatever day the demo is played


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the report: documents sent (each once) by how they were sent, the ratio as printed, received."""

    sent: int
    paper_free: int
    with_paper: int
    other: int  # on paper only, or not saying, or not signed so as to replace paper
    ratio: str
    received: int


# Sent: each letter below once, by its number; sent again (102) it counts once, and rejected letters never count. A
# recalled letter (105) counts no more; the recall itself is a notice and does not count; a replacement does.
#   ministry: 101, 102, 103, 104 (with paper), 106, 107, 108; province: 501, 502 (with paper), 503;
#   department: 22; commune: 15.
# Received: what reached a recipient and stays with it. The ministry: 501. The province: 101, 22, 102, 104, 15, 106,
# 107; it cancelled 105. The department: 101, 102, 103, 502, 108. The commune: 101, 502, 503, 106, 107; 105 was
# withdrawn before it took it.
EXPECTED_REPORT = {
    MINISTRY.agency.code: Counted(sent=7, paper_free=6, with_paper=1, other=0, ratio="85,7 %", received=1),
    PROVINCE.agency.code: Counted(sent=3, paper_free=2, with_paper=1, other=0, ratio="66,7 %", received=7),
    DEPARTMENT.agency.code: Counted(sent=1, paper_free=1, with_paper=0, other=0, ratio="100,0 %", received=5),
    COMMUNE.agency.code: Counted(sent=1, paper_free=1, with_paper=0, other=0, ratio="100,0 %", received=5),
}
# Every receipt of what was sent, by hand:
#   SubmissionAcceptance: the 13 letters above, 102 once more, the status message 06 and the recall of 105: 16.
#   SubmissionRejection: 21, 34, 35, 31, 33, the second recall and the department's: 7 (32 is no XML to be judged).
#   ContentWithdrawal: 105 at the commune: 1.
#   ContentHandover: documents taken over 1 + 8 (with 105) + 5 + 5 = 19; the message 06 and the recall: 2; status
#     messages of the hub:
#     one 01 for each of the 19, then 03 and 03 and 02 about 101, 15 about 105, 15 about 106: 24. Together 45.
#   BusinessStatus: the hub's own 01 for each of the 19 documents; 01 03 06, 01 03, 02 about 101: 6; 15 twice: 2. 27.
EXPECTED_RECEIPTS = {
    "BusinessStatus": 27,
    "ContentHandover": 45,
    "ContentWithdrawal": 1,
    "SubmissionAcceptance": 16,
    "SubmissionRejection": 7,
}


class Letters:
    """All letters of one run, dated at its moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.replace(microsecond=0)

    @property
    def day(self) -> date:
        """The Vietnamese day on which the letters are dated."""
        return vietnam_day(self._moment)

    @property
    def directive(self) -> Document:
        """Ministry → province, department, commune; codes of both generations."""
        return self._letter(
            MINISTRY,
            101,
            subject="V/v gửi, nhận văn bản điện tử trên trục liên thông",
            text="Đề nghị các cơ quan gửi, nhận văn bản điện tử có ký số trên trục liên thông, không gửi kèm bản giấy,"
            " và cập nhật đầy đủ trạng thái xử lý để nơi gửi theo dõi.",
            to=(_as(PROVINCE, "000.00.00.H41"), _as(DEPARTMENT), _as(COMMUNE)),
        )

    @property
    def spoiled(self) -> Document:
        """Department → ministry; its attachment is changed after signing."""
        return self._letter(
            DEPARTMENT,
            21,
            subject="V/v báo cáo số liệu công trình hoàn thành",
            text="Sở báo cáo số liệu công trình hoàn thành trong quý theo biểu mẫu đính kèm.",
            to=(_as(MINISTRY),),
        )

    @property
    def forged(self) -> Document:
        """Department → ministry; its page is changed after it was signed."""
        return self._short(34, "V/v quyết toán công trình hoàn thành")

    @property
    def borrowed_seal(self) -> Document:
        """Department → ministry; its page carries the province's seal."""
        return self._short(35, "V/v giao chỉ tiêu kế hoạch năm")

    @property
    def progress(self) -> Document:
        """Department → province; sent twice."""
        return self._letter(
            DEPARTMENT,
            22,
            subject="V/v tiến độ số hóa hồ sơ hạ tầng giao thông",
            text="Sở đã số hóa 1 240 hồ sơ hạ tầng giao thông và sẽ hoàn thành phần còn lại trong quý tới.",
            to=(_as(PROVINCE),),
        )

    @property
    def progress_corrected(self) -> Document:
        """The same letter with another figure; posted under the key of the first."""
        return replace(self.progress, text=("Sở đã số hóa 1 420 hồ sơ hạ tầng giao thông.",))

    @property
    def conference(self) -> Document:
        """Ministry → province."""
        return self._letter(
            MINISTRY,
            102,
            subject="V/v hội nghị trực tuyến về cải cách thủ tục hành chính",
            text="Mời đại diện cơ quan dự hội nghị trực tuyến về cải cách thủ tục hành chính.",
            to=(_as(PROVINCE),),
        )

    @property
    def conference_again(self) -> Document:
        """The same letter, now to the province and the department."""
        return replace(self.conference, recipients=(_as(PROVINCE), _as(DEPARTMENT)))

    @property
    def to_closed_code(self) -> Document:
        """Ministry → the department that was merged into another."""
        return self._letter(
            MINISTRY,
            103,
            subject="V/v rà soát hồ sơ vận tải liên tỉnh",
            text="Đề nghị Sở rà soát hồ sơ vận tải liên tỉnh và báo cáo kết quả trên trục liên thông.",
            to=((CLOSED.code, CLOSED.name),),
        )

    @property
    def escaping_name(self) -> Document:
        """A letter whose attachment is named to leave its folder."""
        return replace(self._short(31, "V/v tên tệp đính kèm không an toàn"), file_name="../../x")

    @property
    def dangerous(self) -> Document:
        """A letter around which a document type declaration is put."""
        return self._short(32, "V/v khai báo DOCTYPE trong gói tin")

    @property
    def secret(self) -> Document:
        """A letter that is marked as a state secret."""
        return replace(self._short(33, "V/v văn bản có dấu chỉ độ mật"), type_name="Công văn (Mật)")

    @property
    def unsigned_reply(self) -> Document:
        """Province → ministry, without a signature of the envelope."""
        return self._letter(
            PROVINCE,
            501,
            subject="V/v triển khai gửi, nhận văn bản điện tử tại tỉnh",
            text="UBND tỉnh đã chỉ đạo các sở, xã thực hiện gửi, nhận văn bản điện tử theo đề nghị tại công văn trên.",
            to=(_as(MINISTRY),),
        )

    @property
    def with_paper(self) -> Document:
        """Ministry → province, paper goes along."""
        letter = self._letter(
            MINISTRY,
            104,
            subject="V/v gửi kèm bản đồ khổ lớn",
            text="Gửi kèm theo công văn này bản đồ quy hoạch khổ A0 bằng bản giấy.",
            to=(_as(PROVINCE),),
        )
        return replace(letter, paper=Paper.WITH_PAPER)

    @property
    def request(self) -> Document:
        """Commune → province."""
        return self._letter(
            COMMUNE,
            15,
            subject="V/v đề nghị hỗ trợ đường truyền cho bộ phận một cửa",
            text="UBND xã đề nghị tỉnh hỗ trợ nâng cấp đường truyền cho bộ phận một cửa.",
            to=(_as(PROVINCE),),
        )

    @property
    def plan_with_paper(self) -> Document:
        """Province → department and commune, paper goes along; the commune by its new code."""
        letter = self._letter(
            PROVINCE,
            502,
            subject="V/v kế hoạch kiểm tra công tác văn thư",
            text="Gửi kèm kế hoạch kiểm tra công tác văn thư, lưu trữ có đóng dấu trên bản giấy.",
            to=(_as(DEPARTMENT, "000.00.12.H41"), _as(COMMUNE, "H41.107")),
        )
        return replace(letter, paper=Paper.WITH_PAPER)

    @property
    def answer_to_request(self) -> Document:
        """Province → commune."""
        return self._letter(
            PROVINCE,
            503,
            subject="V/v hỗ trợ đường truyền cho bộ phận một cửa",
            text="UBND tỉnh đồng ý hỗ trợ nâng cấp đường truyền theo đề nghị của UBND xã.",
            to=(_as(COMMUNE),),
        )

    @property
    def mistaken(self) -> Document:
        """Ministry → province and commune; recalled."""
        return self._letter(
            MINISTRY,
            105,
            subject="V/v lấy ý kiến về quy chế làm việc",
            text="Đề nghị các cơ quan góp ý đối với dự thảo quy chế làm việc gửi kèm công văn này.",
            to=(_as(PROVINCE), _as(COMMUNE)),
        )

    @property
    def with_an_error(self) -> Document:
        """Ministry → province and commune; its day is wrong."""
        return self._letter(
            MINISTRY,
            106,
            subject="V/v báo cáo kết quả số hóa hồ sơ",
            text="Đề nghị các cơ quan báo cáo kết quả số hóa hồ sơ trước ngày 31 tháng 02.",
            to=(_as(PROVINCE), _as(COMMUNE)),
        )

    @property
    def without_the_error(self) -> Document:
        """Ministry → province and commune; takes the place of the letter with the wrong day."""
        letter = self._letter(
            MINISTRY,
            107,
            subject="V/v báo cáo kết quả số hóa hồ sơ",
            text="Đề nghị các cơ quan báo cáo kết quả số hóa hồ sơ trước ngày 28 tháng 02.",
            to=(_as(PROVINCE), _as(COMMUNE)),
        )
        return replace(letter, replaces=self.with_an_error.document_id, reason=REASON_TO_REPLACE)

    @property
    def late(self) -> Document:
        """Ministry → department; signed long before it is sent, to be dealt with by yesterday."""
        letter = self._letter(
            MINISTRY,
            108,
            subject="V/v cung cấp số liệu đường tỉnh",
            text="Đề nghị Sở cung cấp số liệu chiều dài đường tỉnh đúng thời hạn ghi trong văn bản.",
            to=(_as(DEPARTMENT),),
        )
        return replace(letter, written_at=self._moment - LATE_BY, due_on=self.day - timedelta(days=1))

    def _short(self, number: int, subject: str) -> Document:
        return self._letter(DEPARTMENT, number, subject=subject, text="Nội dung thử nghiệm.", to=(_as(PROVINCE),))

    def _letter(self, role: Role, number: int, *, subject: str, text: str, to: tuple[tuple[str, str], ...]) -> Document:
        return Document(
            author=role.writes,
            number=number,
            subject=subject,
            text=(text,),
            recipients=to,
            greeting="; ".join(name for _, name in to),
            written_at=self._moment,
        )


def _as(role: Role, code: str = "") -> tuple[str, str]:
    """The agency as an addressee, under one of its codes (default: its own)."""
    return code or role.agency.code, role.agency.name
