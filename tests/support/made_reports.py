"""Reports without a database behind them, for tests of their forms: fifteen units, every kind of cell and drawing.

Owns: the reports and what is in them; names, counts and days follow from the place in the list alone.
Never: stands in for the real reports where their figures are at stake.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

from hub.reports.made import Cell, Chart, Column, Drawing, Kind, Letter, Made, Series, Share, Table, Words

MADE_AT = datetime(2026, 10, 5, 1, 30, 5, tzinfo=UTC)
# Stacked diacritics, in capitals too: what a face that knows "some Vietnamese" lacks.
HARD = "Thủ tướng Chính phủ; Nghị định; Quý III; phiếu trình; ưỡ ệ ử ẵ ỗ ợ ỵ; ẴỠỆỬỖẶ Đ đ"
UNITS = (
    "Văn phòng Chính phủ",
    "Bộ Tài nguyên và Môi trường",
    "Bộ Nông nghiệp và Phát triển nông thôn",
    "Bộ Lao động - Thương binh và Xã hội",
    "Ủy ban nhân dân thành phố Hà Nội",
    "Ủy ban nhân dân Thành phố Hồ Chí Minh",
    "Ủy ban nhân dân tỉnh Bà Rịa - Vũng Tàu",
    "Ủy ban nhân dân tỉnh Thừa Thiên Huế",
    "Ủy ban nhân dân tỉnh Đắk Lắk",
    "Sở Thông tin và Truyền thông tỉnh Quảng Ngãi",
    "Sở Giao thông vận tải tỉnh Nghệ An",
    "Ủy ban nhân dân huyện Mường Nhé, tỉnh Điện Biên",
    "Ủy ban nhân dân quận Ngũ Hành Sơn, thành phố Đà Nẵng",
    "Bảo hiểm xã hội Việt Nam",
    "Kho bạc Nhà nước",
)
PERIODS = tuple(f"Q{number % 4 + 1}/{2024 + number // 4}" for number in range(11))
LINK = "https://truc.example/api/v1/reports/paper-free/fully_electronic/documents?period=2026-Q3&scope={}&side={}"


def share(place: int, *, of: int = 18302) -> Share:
    """A share that differs from unit to unit, with the lists of its documents."""
    numerator = of * (100 - 3 * place * place // 10) // 100
    return Share(numerator, of, LINK.format(place, "numerator"), LINK.format(place, "denominator"))


def league() -> Table:
    """Fifteen units with their shares, one of which has nothing to count."""
    rows: list[tuple[Cell, ...]] = [
        (place + 1, name, share(place, of=18302 - 1100 * place), Fraction(12 - 5 * place, 1000))
        for place, name in enumerate(UNITS)
    ]
    rows[-1] = (15, UNITS[-1], Share(0, 0), None)
    columns = (
        Column("Hạng", "Rank", Kind.NUMBER, 6),
        Column("Cơ quan, đơn vị", "Agency or unit", width=40),
        Column("Văn bản điện tử không gửi bản giấy", "Fully electronic", Kind.SHARE, 22),
        Column("So với kỳ trước", "Against the period before", Kind.SHARE, 12),
    )
    return Table("league", Words("Xếp hạng các đơn vị", "League table"), columns, tuple(rows))


def kinds() -> Table:
    """One column for each kind of cell, and a row of nothing."""
    columns = tuple(
        Column(f"Cột {kind.value}", f"Column {kind.value}", kind, width)
        for kind, width in zip(Kind, (30, 9, 11, 20, 18, 16), strict=True)
    )
    rows: tuple[tuple[Cell, ...], ...] = (
        (HARD, 18302, date(2026, 3, 2), MADE_AT, Share(18274, 18302), 12500000),
        ("=1+1", -7, None, None, Fraction(-3, 250), 0),
        (None, Fraction(24691, 2), None, None, None, None),
    )
    notes = (Words("Một ghi chú của bảng.", "A note of the table."),)
    return Table("kinds", Words("Các loại ô", "Kinds of cells"), columns, rows, notes)


def chart(drawing: Drawing, *, series: int = 3, percent: bool = True, target: Fraction | None = None) -> Chart:
    """A drawing of the units, or over the periods; one value is missing."""
    along = UNITS if drawing in (Drawing.BARS, Drawing.STACKED) else PERIODS
    names = UNITS if drawing is Drawing.MULTIPLES else ("Không gửi giấy", "Kèm bản giấy", "Chỉ bản giấy", "Khác")
    shares = (Fraction(11, 20), Fraction(3, 10), Fraction(1, 10), Fraction(1, 20))

    def value(one: int, place: int) -> Fraction | int | None:
        if place == 4 and one == 0 and drawing is not Drawing.STACKED:
            return None
        parts = [of * (1 - Fraction(place, 25)) for of in shares]
        part = 1 - sum(parts[1:], Fraction(0)) if one == 0 else parts[one % 4]
        return part if percent else int(part * 18302)

    made = tuple(
        Series(Words(name, f"Series {one}"), tuple(value(one, place) for place in range(len(along))))
        for one, name in enumerate(names[:series])
    )
    title = Words("Văn bản điện tử không gửi bản giấy theo đơn vị, quý III năm 2026", "Fully electronic documents")
    return Chart(f"{drawing.value}-{series}", title, drawing, along, made, percent, target)


def charts() -> tuple[Chart, ...]:
    """Every drawing once."""
    return (
        chart(Drawing.BARS, series=1, target=Fraction(9, 10)),
        chart(Drawing.STACKED, series=4),
        chart(Drawing.LINES, target=Fraction(9, 10)),
        chart(Drawing.MULTIPLES, series=12, target=Fraction(9, 10)),
    )


def report(*, tables: tuple[Table, ...] | None = None, drawn: tuple[Chart, ...] | None = None) -> Made:
    """A report of figures."""
    return Made(
        report_id="paper_free",
        title=Words("Văn bản điện tử và văn bản giấy", "Electronic and paper documents"),
        lines=(
            Words("Phạm vi: Toàn bộ các cơ quan, đơn vị trên trục", "Scope: all agencies and units of the hub"),
            Words("Kỳ báo cáo: Quý III năm 2026 (01/07/2026–30/09/2026)", "Period: Quarter III of 2026"),
            Words("Số liệu biết đến hết ngày 05/10/2026", "Figures as known at the end of 05/10/2026"),
        ),
        tables=(league(), kinds()) if tables is None else tables,
        charts=charts() if drawn is None else drawn,
        notes=(
            Words(
                "Mẫu số 18.302 văn bản gồm 18.000 do trục ghi nhận và 302 do đơn vị khai báo.",
                "The denominator of 18302 documents: 18000 seen by the hub, 302 declared.",
            ),
            Words(
                "Bộ quy tắc qd28-2018. Điều mang dấu [confirm] là điều chưa có nguồn xác nhận; #strong[x] $a$ @b.",
                "Rule pack qd28-2018. What is marked [confirm] no source settles yet.",
            ),
        ),
        rule_pack="qd28-2018",
        known_on=date(2026, 10, 5),
        made_at=MADE_AT,
    )


def letter() -> Letter:
    """The letter of a province's office."""
    return Letter(
        agency_above="Ủy ban nhân dân tỉnh Quảng Ngãi",
        agency="Sở Thông tin và Truyền thông",
        number="",
        symbol="BC-STTTT",
        place="Quảng Ngãi",
        day=date(2026, 10, 5),
        title="Báo cáo tình hình gửi, nhận văn bản điện tử quý III năm 2026",
        opening=(
            "Thực hiện Quyết định số 28/2018/QĐ-TTg ngày 12 tháng 7 năm 2018 của Thủ tướng Chính phủ về việc gửi, nhận "
            "văn bản điện tử giữa các cơ quan trong hệ thống hành chính nhà nước, Sở Thông tin và Truyền thông báo cáo "
            "tình hình gửi, nhận văn bản điện tử quý III năm 2026 như sau:",
            "1. Số lượng: đã gửi 18.302 văn bản, nhận 9.127 lượt văn bản qua trục; tổng số gửi và nhận là 27.429.",
            "2. Văn bản điện tử không gửi bản giấy: gửi hoàn toàn điện tử 18.274 / 18.302 văn bản, tỷ lệ 99,8 % (so "
            "với kỳ trước +1,2 điểm %), mục tiêu 90,0 %: đạt.",
        ),
        closing="Số liệu do hệ thống tự động tổng hợp. Trên đây là báo cáo tình hình gửi, nhận văn bản điện tử quý III "
        "năm 2026./.",
        signer_position="Giám đốc",
        signer_name="Nguyễn Thị Mỹ Hường",
        recipients=("Ủy ban nhân dân tỉnh (để báo cáo)", "Văn phòng Chính phủ", "Lưu: VT, CNTT"),
    )


def quarterly() -> Made:
    """The same figures as an administrative report, without drawings."""
    return replace(report(drawn=()), report_id="quarterly", letter=letter())
