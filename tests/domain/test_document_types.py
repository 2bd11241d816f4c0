"""The type of a document by its name as senders write it, else by the abbreviation in its symbol."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.document_types import OTHER, DocumentType, read_document_types, type_of
from hub.domain.rules import pack_on
from hub.errors import Misconfigured

TYPES = pack_on(date(2026, 3, 2)).document_types

# Decree 30/2020/NĐ-CP Art. 7 and Annex III, copied from there a second time: the pack is tested against it.
ADMINISTRATIVE = """nghị quyết, quyết định, chỉ thị, quy chế, quy định, thông cáo, thông báo, hướng dẫn, chương trình,
kế hoạch, phương án, đề án, dự án, báo cáo, biên bản, tờ trình, hợp đồng, công văn, công điện, bản ghi nhớ,
bản thỏa thuận, giấy ủy quyền, giấy mời, giấy giới thiệu, giấy nghỉ phép, phiếu gửi, phiếu chuyển, phiếu báo,
thư công"""
ABBREVIATIONS = "NQ QĐ CT QC QyĐ TC TB HD CTr KH PA ĐA DA BC BB TTr HĐ – CĐ BGN BTT GUQ GM GGT GNP PG PC PB –"
LISTED = """thông tư, thông tư liên tịch, nghị quyết của Hội đồng nhân dân, quyết định của Ủy ban nhân dân,
nghị quyết (cá biệt), quyết định (cá biệt), chỉ thị, quy chế, quy định, thông cáo, thông báo, hướng dẫn, chương trình,
kế hoạch, phương án, đề án, dự án, báo cáo, tờ trình, công văn, công điện, giấy ủy quyền, giấy mời, phiếu gửi,
phiếu chuyển, phiếu báo"""  # sent without paper (domain notes §1.1)


def listed(text):
    return [name.strip() for name in text.split(",")]


def test_the_29_of_the_decree_come_first_in_its_order_with_its_abbreviations():
    assert [one.vi.casefold() for one in TYPES[:29]] == listed(ADMINISTRATIVE)
    assert [one.abbreviation or "–" for one in TYPES[:29]] == ABBREVIATIONS.split()
    assert [one.type_id for one in TYPES[29:]] == ["thong_tu", "thong_tu_lien_tich", OTHER]


def test_the_list_of_26_types_without_paper_is_known_whole():
    found = {name: type_of(name, "", TYPES) for name in listed(LISTED)}
    assert len(found) == 26
    assert OTHER not in found.values()
    assert len(set(found.values())) == 24, "two legal normative ones share the id of the individual ones"


@given(st.sampled_from(TYPES[:-1]), st.data())
def test_a_name_is_known_however_it_is_written(one, data):
    name = data.draw(st.sampled_from([one.vi, *one.also]))
    form = data.draw(st.sampled_from(["NFC", "NFD", "NFKC"]))
    case = data.draw(st.sampled_from([str.upper, str.lower, str.title]))
    gap = data.draw(st.sampled_from([" ", "  ", "\u00a0", "\n"]))
    tail = data.draw(st.sampled_from(["", " ", " (cá biệt)", ", mật độ", " hành chính", ":"]))
    written = unicodedata.normalize(form, case(f" {name}{tail}")).replace(" ", gap)
    assert type_of(written, "", TYPES) == one.type_id
    assert type_of(written, "12/QC-UBND", TYPES) == one.type_id, "the name wins over the symbol"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Quyết định (cá biệt)", "quyet_dinh"),
        ("Công văn hành chính", "cong_van"),
        ("Bản thoả thuận", "ban_thoa_thuan"),
        ("Giấy uỷ quyền", "giay_uy_quyen"),
        ("GIAY MOI HOP", "giay_moi"),
        ("Thông tư liên tịch", "thong_tu_lien_tich"),
        ("Biên bản ghi nhớ", "ban_ghi_nho"),
        ("Biên bản họp", "bien_ban"),
        ("Thông", OTHER),
        ("Văn bản quyết định", OTHER),
        ("Báocáo", OTHER),
        ("", OTHER),
        ("Loại khác", OTHER),
        ("–", OTHER),
    ],
)
def test_names(name, found):
    assert type_of(name, "", TYPES) == found


@pytest.mark.parametrize(
    ("notation", "found"),
    [
        ("12/BC-UBND", "bao_cao"),
        ("BC-UBND", "bao_cao"),
        (" 12/bc-ubnd", "bao_cao"),
        ("12-BC/TU", "bao_cao"),
        ("123/2026/TT-BNV", "thong_tu"),
        ("05/2026/TTLT-BTC-BNV", "thong_tu_lien_tich"),
        ("7/TTr-SNV", "to_trinh"),
        ("12/QĐ-UBND", "quyet_dinh"),
        (unicodedata.normalize("NFD", "12/QĐ-UBND"), "quyet_dinh"),
        ("12/QyĐ-UBND", "quy_dinh"),
        ("12/QD-UBND", "quyet_dinh"),
        ("3/ĐA-SNV", "de_an"),
        ("3/DA-SNV", "du_an"),
        ("3/HĐ-SNV", "hop_dong"),
        ("3/HD-SNV", "huong_dan"),
        ("12/UBND-VX", OTHER),
        ("12/SY-UBND", OTHER),
        ("12", OTHER),
        ("/-", OTHER),
        ("", OTHER),
    ],
)
def test_symbols(notation, found):
    assert type_of("", notation, TYPES) == found
    assert type_of("Loại lạ", notation, TYPES) == found


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_text_has_a_type(name, notation):
    assert type_of(name, notation, TYPES) in {one.type_id for one in TYPES}


GOOD = [{"id": "bao_cao", "vi": "Báo cáo", "en": "Report", "abbreviation": "BC", "also": ["Bản tin"]}]
OTHERS = [{"id": "other", "vi": "Loại khác", "en": "Other"}]


def test_rows_are_read():
    assert read_document_types([*GOOD, *OTHERS]) == (
        DocumentType("bao_cao", "Báo cáo", "Report", "BC", ("Bản tin",)),
        DocumentType("other", "Loại khác", "Other"),
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Báo cáo"}, "texts"),
        ({"vi": 1}, "texts"),
        ({"en": " "}, "texts"),
        ({"also": "Bản tin"}, "texts"),
        ({"also": [1]}, "texts"),
        ({"id": "Báo cáo"}, "an id is"),
        ({"id": "b" * 33}, "an id is"),
        ({"id": "thong_bao"}, "an id that another type has"),
        ({"vi": "THÔNG BÁO"}, "'thong bao' is a name or abbreviation of 'thong_bao'"),
        ({"also": ["Thông  báo"]}, "'thong bao' is a name"),
        ({"abbreviation": "tb"}, "'tb' is a name or abbreviation of 'thong_bao'"),
        ({"vi": "–"}, "name or abbreviation"),
    ],
)
def test_a_broken_row_is_named(change, why):
    first = {"id": "thong_bao", "vi": "Thông báo", "en": "Notice", "abbreviation": "TB"}
    with pytest.raises(Misconfigured, match=why) as raised:
        read_document_types([first, {**GOOD[0], **change}, *OTHERS], where="pack.toml")
    assert f"pack.toml [[document_types]] 2 ({change.get('id', 'bao_cao')!r})" in str(raised.value)


def test_a_row_without_a_name_and_a_pack_without_other_are_refused():
    with pytest.raises(Misconfigured, match=r"1 \('x'\)"):
        read_document_types([{"id": "x", "vi": "X"}])
    with pytest.raises(Misconfigured, match="no type 'other'"):
        read_document_types(GOOD)
