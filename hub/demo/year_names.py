"""The words of the invented year: who there is, what people are called, what documents are about.

Owns: names, codes, shares of types and urgencies, as data.
Never: chooses.
Source: Decisions 20/2020/QĐ-TTg, 09/2025/QĐ-TTg (level-1 codes; the figures are invented); Decree 30/2020/NĐ-CP Art. 7
and Annex III (types and abbreviations); domain notes §2.1 (list B), §2.7.
"""

from __future__ import annotations

from dataclasses import dataclass

MINISTRIES = (  # code, name, symbol
    ("G22", "Văn phòng Chính phủ", "VPCP"),
    ("G09", "Bộ Nội vụ", "BNV"),
    ("G12", "Bộ Tài chính", "BTC"),
    ("G06", "Bộ Khoa học và Công nghệ", "BKHCN"),
    ("G17", "Bộ Xây dựng", "BXD"),
    ("G10", "Bộ Nông nghiệp và Môi trường", "BNNMT"),
    ("G18", "Bộ Y tế", "BYT"),
    ("G03", "Bộ Giáo dục và Đào tạo", "BGDĐT"),
    ("G02", "Bộ Công Thương", "BCT"),
    ("G15", "Bộ Tư pháp", "BTP"),
    ("G16", "Bộ Văn hóa, Thể thao và Du lịch", "BVHTTDL"),
    ("G21", "Bộ Dân tộc và Tôn giáo", "BDTTG"),
    ("G08", "Bộ Ngoại giao", "BNG"),
    ("G01", "Bộ Công an", "BCA"),
    ("G19", "Ngân hàng Nhà nước Việt Nam", "NHNN"),
    ("G20", "Thanh tra Chính phủ", "TTCP"),
    ("G27", "Đài Tiếng nói Việt Nam", "TNVN"),
    ("G28", "Đài Truyền hình Việt Nam", "THVN"),
    ("G30", "Thông tấn xã Việt Nam", "TTX"),
    ("G31", "Viện Hàn lâm Khoa học và Công nghệ Việt Nam", "VHL"),
    ("G32", "Viện Hàn lâm Khoa học xã hội Việt Nam", "KHXH"),
    ("G35", "Ủy ban An toàn giao thông Quốc gia", "UBATGTQG"),
)
PROVINCES = (  # code, whose People's Committee; the 34 that are open since 01/07/2025
    *(("H41", "tỉnh Nghệ An"), ("H26", "thành phố Hà Nội"), ("H29", "thành phố Hồ Chí Minh")),
    *(("H17", "thành phố Đà Nẵng"), ("H24", "thành phố Hải Phòng"), ("H13", "thành phố Cần Thơ")),
    *(("H57", "thành phố Huế"), ("H01", "tỉnh An Giang"), ("H05", "tỉnh Bắc Ninh"), ("H12", "tỉnh Cà Mau")),
    *(("H14", "tỉnh Cao Bằng"), ("H15", "tỉnh Đắk Lắk"), ("H18", "tỉnh Điện Biên"), ("H19", "tỉnh Đồng Nai")),
    *(("H20", "tỉnh Đồng Tháp"), ("H21", "tỉnh Gia Lai"), ("H27", "tỉnh Hà Tĩnh"), ("H31", "tỉnh Hưng Yên")),
    *(("H32", "tỉnh Khánh Hòa"), ("H35", "tỉnh Lai Châu"), ("H36", "tỉnh Lâm Đồng"), ("H37", "tỉnh Lạng Sơn")),
    *(("H38", "tỉnh Lào Cai"), ("H42", "tỉnh Ninh Bình"), ("H44", "tỉnh Phú Thọ"), ("H48", "tỉnh Quảng Ngãi")),
    *(("H49", "tỉnh Quảng Ninh"), ("H50", "tỉnh Quảng Trị"), ("H52", "tỉnh Sơn La"), ("H53", "tỉnh Tây Ninh")),
    *(("H55", "tỉnh Thái Nguyên"), ("H56", "tỉnh Thanh Hóa"), ("H60", "tỉnh Tuyên Quang"), ("H61", "tỉnh Vĩnh Long")),
)
DEPARTMENTS = (  # name, symbol
    *(("Văn phòng Ủy ban nhân dân", "VP"), ("Sở Nội vụ", "SNV"), ("Sở Tài chính", "STC"), ("Sở Xây dựng", "SXD")),
    *(("Sở Y tế", "SYT"), ("Sở Giáo dục và Đào tạo", "SGDĐT"), ("Sở Nông nghiệp và Môi trường", "SNNMT")),
    *(("Sở Khoa học và Công nghệ", "SKHCN"), ("Sở Công Thương", "SCT"), ("Sở Tư pháp", "STP")),
    *(("Sở Văn hóa, Thể thao và Du lịch", "SVHTTDL"), ("Sở Dân tộc và Tôn giáo", "SDTTG")),
    *(("Thanh tra", "TTr"), ("Ban Quản lý các khu công nghiệp", "BQLKCN")),
)
MINISTRY_UNITS = (
    *(("Văn phòng", "VP"), ("Cục Chuyển đổi số", "CĐS"), ("Cục Kế hoạch - Tài chính", "KHTC")),
    *(("Vụ Pháp chế", "PC"), ("Vụ Tổ chức cán bộ", "TCCB"), ("Thanh tra", "TTr"), ("Cục Quản lý nghiệp vụ", "QLNV")),
)
COMMUNES = (
    *("Tân Phú", "Bình Minh", "Hòa Bình", "An Lạc", "Phú Thịnh", "Tân Hưng", "Long Thành", "Vĩnh Phúc", "Đông Hà"),
    *("Yên Sơn", "Nam Sơn", "Thanh Tân", "Kim Liên", "Hồng Thái", "Quang Trung", "Trung Thành", "Phước Lộc", "An Bình"),
    *("Sơn Đông", "Tây Sơn", "Mỹ Lộc", "Đại Đồng", "Cẩm Giang", "Thạch Hà", "Xuân Lộc", "Hưng Đạo", "Lương Sơn"),
    *("Bắc Sơn", "Nghĩa Hòa", "Phong Điền"),
)
FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý")
MIDDLE_NAMES = ("Văn", "Thị", "Minh", "Thanh", "Quốc", "Ngọc", "Đức", "Thu")
GIVEN_NAMES = (
    *("Thử", "Mẫu", "Nghiệm", "Kiểm", "An", "Bình", "Châu", "Dũng", "Hà", "Hải", "Hạnh", "Hùng", "Lan", "Linh"),
    *("Mai", "Nam", "Phong", "Quang", "Sơn", "Tâm", "Thảo", "Tuấn", "Vân", "Yến"),
)


@dataclass(frozen=True, slots=True)
class TypeShare:
    """A type of document: its number in list B, its name, its abbreviation (none for công văn), its share in 1000."""

    number: str
    name: str
    abbreviation: str
    per_mille: int


TYPES = (  # shares: công văn is by far the most frequent in every register that was seen [confirm]
    TypeShare("18", "Công văn", "", 450),
    TypeShare("14", "Báo cáo", "BC", 125),
    TypeShare("7", "Thông báo", "TB", 95),
    TypeShare("25", "Giấy mời", "GM", 90),
    TypeShare("2", "Quyết định", "QĐ", 85),
    TypeShare("10", "Kế hoạch", "KH", 60),
    TypeShare("16", "Tờ trình", "TTr", 45),
    TypeShare("8", "Hướng dẫn", "HD", 15),
    TypeShare("19", "Công điện", "CĐ", 12),
    TypeShare("9", "Chương trình", "CTr", 10),
    TypeShare("3", "Chỉ thị", "CT", 7),
    TypeShare("1", "Nghị quyết", "NQ", 6),
)
URGENCIES = ((0, 850), (1, 100), (2, 40), (3, 8), (4, 2))  # Urgency, share in 1000
FAN_OUT = (  # recipients of one document, share in 1000: 3.3 on average
    *((1, 416), (2, 180), (3, 120), (4, 80), (5, 55), (6, 37), (7, 26), (8, 22), (9, 13), (10, 11)),
    *((12, 11), (15, 9), (20, 10), (25, 6), (34, 3), (60, 1)),
)
WHAT = (
    *("triển khai", "báo cáo kết quả", "đôn đốc", "góp ý dự thảo", "hướng dẫn", "rà soát", "phối hợp thực hiện"),
    *("cung cấp số liệu về", "tổng kết", "kiểm tra"),
)
MATTER = (
    *(
        "chuyển đổi số năm {year}",
        "cải cách thủ tục hành chính",
        "giải ngân vốn đầu tư công",
        "công tác văn thư, lưu trữ",
    ),
    *("phòng, chống thiên tai", "an toàn giao thông", "xây dựng nông thôn mới", "an sinh xã hội", "an toàn thực phẩm"),
    *("gửi, nhận văn bản điện tử", "số hóa hồ sơ", "quản lý đất đai", "bảo hiểm y tế", "tuyển sinh đầu cấp"),
    *(
        "kế hoạch biên chế",
        "tiếp công dân",
        "khen thưởng",
        "phòng cháy, chữa cháy",
        "quy hoạch đô thị",
        "thu ngân sách",
    ),
)
