"""What is written in the demo, and what the hub must have counted at the end.

Owns: the letters of the story; the figures that the report must show, worked out by hand from these letters.
Never: computes an expectation from what the hub answered.
Source: Decision 28/2018/QĐ-TTg Art. 5(3), 7(2), 8, 11; the agencies' contents are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from hub.demo.documents import Document
from hub.demo.stage import CLOSED, COMMUNE, DEPARTMENT, MINISTRY, PROVINCE, Role
from hub.domain.envelopes import Paper
from hub.domain.periods import vietnam_day

REASON_TO_DECLINE = "Văn bản không thuộc thẩm quyền giải quyết của xã."


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the report: documents sent (each once), received (handed over), and the ratio as printed."""

    sent: int
    paper_free: int
    with_paper: int
    ratio: str
    received: int


# Letters as numbered in Letters below. Sent again (instructions_again) counts once; rejected letters never count.
EXPECTED_REPORT = {
    MINISTRY.agency.code: Counted(sent=4, paper_free=3, with_paper=1, ratio="75,0 %", received=1),
    PROVINCE.agency.code: Counted(sent=3, paper_free=2, with_paper=1, ratio="66,7 %", received=5),
    DEPARTMENT.agency.code: Counted(sent=1, paper_free=1, with_paper=0, ratio="100,0 %", received=4),
    COMMUNE.agency.code: Counted(sent=1, paper_free=1, with_paper=0, ratio="100,0 %", received=3),
}
EXPECTED_RECEIPTS = {
    "BusinessStatus": 6,
    "ContentHandover": 14,
    "SubmissionAcceptance": 11,
    "SubmissionRejection": 5,
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
