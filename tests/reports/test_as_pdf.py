"""Reports as PDF for real: PDF/A, embedded fonts, text that can be copied, the page head of Decree 30, hard limits."""

from __future__ import annotations

import configparser
import io
import json
import re
import signal
import subprocess
import sys
import time
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.errors import Deferral, PdfNotMade, PdfUnavailable
from hub.reports import as_pdf, pdf_child
from hub.reports.made import Column, Kind, Letter, Made, Share, Table, Words
from tests.support import made_reports
from tests.support.pdf_texts import fonts, links, pages, root, texts

MIB = 1024**2
TREE = Path(__file__).resolve().parents[2]
CHILD = f"import runpy\nrunpy.run_path({pdf_child.__file__!r})"
REPORT, QUARTERLY = made_reports.report(), made_reports.quarterly()


@pytest.fixture(scope="module")
def report_pdf() -> bytes:
    return as_pdf.write(REPORT)


@pytest.fixture(scope="module")
def quarterly_pdf() -> bytes:
    return as_pdf.write(QUARTERLY)


def small(*, cell: str = "a", title: str = "T", letter: Letter | None = None) -> Made:
    words = Words(title, title)
    table = Table("t", words, (Column(title),), ((cell,),), (words,))
    return replace(
        REPORT, title=words, lines=(words,), tables=(table,), charts=(), notes=(Words(cell, cell),), letter=letter
    )


def long() -> Made:
    """Enough rows for seconds of work."""
    table = made_reports.league()
    return replace(REPORT, charts=(), tables=(replace(table, rows=table.rows * 60),))


def lies(page: Any) -> bool:
    _, _, width, height = (float(number) for number in page["/MediaBox"])
    return width > height


def on_one_line(text: str) -> str:
    return " ".join(text.split())


class TestArchive:
    @pytest.mark.parametrize("which", ["report_pdf", "quarterly_pdf"])
    def test_it_says_that_it_is_pdf_a_2b_and_has_what_that_asks(
        self, which: str, request: pytest.FixtureRequest
    ) -> None:
        pdf = request.getfixturevalue(which)
        catalogue = root(pdf)
        told = catalogue["/Metadata"].data.decode()
        assert "<pdfaid:part>2</pdfaid:part>" in told
        assert "<pdfaid:conformance>B</pdfaid:conformance>" in told
        intent = catalogue["/OutputIntents"][0]
        assert intent["/S"] == "/GTS_PDFA1"
        assert len(intent["/DestOutputProfile"].data) > 100
        assert catalogue["/Lang"] == "vi"
        assert b"/Encrypt" not in pdf
        assert not {"/JavaScript", "/Launch", "/EmbeddedFile"} & set(re.findall(r"/[A-Z]\w+", pdf.decode("latin-1")))

    def test_it_is_tagged_for_screen_readers(self, report_pdf: bytes) -> None:
        assert root(report_pdf)["/MarkInfo"]["/Marked"] == True  # noqa: E712 (a PDF's own true)
        assert report_pdf.count(b"/S/TH") or report_pdf.count(b"/S /TH")

    @pytest.mark.parametrize("which", ["report_pdf", "quarterly_pdf"])
    def test_every_font_is_embedded_and_comes_with_typst(self, which: str, request: pytest.FixtureRequest) -> None:
        found = fonts(request.getfixturevalue(which))
        assert len(found) >= 3
        for name, font in found.items():
            assert name.startswith("LibertinusSerif-"), name
            assert "/ToUnicode" in font
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            (program,) = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
            assert len(descriptor[program].data) > 500

    def test_the_same_report_gives_the_same_bytes(self, quarterly_pdf: bytes) -> None:
        assert as_pdf.write(QUARTERLY) == quarterly_pdf

    def test_the_time_is_that_of_making(self, report_pdf: bytes) -> None:
        assert b"2026-10-05T01:30:05" in report_pdf
        later = as_pdf.write(replace(small(), made_at=REPORT.made_at + timedelta(days=1)))
        assert b"2026-10-06T01:30:05" in later
        assert b"2026-11-" not in later


class TestText:
    def test_vietnamese_can_be_copied_letter_by_letter(self, report_pdf: bytes) -> None:
        text = "\n".join(texts(report_pdf))
        assert made_reports.HARD in text
        assert "\ufffd" not in text
        for name in made_reports.UNITS:
            assert name in text

    def test_figures_are_in_vietnamese_form(self, report_pdf: bytes) -> None:
        lines = {line.strip() for text in texts(report_pdf) for line in text.replace("\u00a0", " ").split("\n")}
        assert {"99,8 %", "96,0 %", "-1,2 %", "12.345,5", "12.500.000 đ", "02/03/2026"} <= lines
        assert "05/10/2026 08:30:05" in lines

    def test_the_words_of_a_drawing_are_words(self, report_pdf: bytes) -> None:
        assert "Không gửi giấyKèm bản giấyChỉ bản giấyKhác" in "".join(texts(report_pdf)).replace("\n", "")

    def test_each_page_says_which_data_and_rules_and_its_number(self, report_pdf: bytes) -> None:
        every = texts(report_pdf)
        for number, text in enumerate(every, start=1):
            assert f"SHA-256 {REPORT.data_sha256[:16]}…" in text
            assert "qd28-2018" in text
            assert f"Trang {number}/{len(every)}" in text
        assert REPORT.data_sha256 in every[-1]

    def test_every_character_that_is_let_through_is_drawn_in_every_cut(self) -> None:
        """Title bold, line italic, cell upright: what no face has would stop PDF/A."""
        every = [chr(code) for code in range(0x20, 0x2_0000) if not as_pdf._NOT_DRAWN.match(chr(code))]
        every = [
            one for one in every if not 0xD800 <= ord(one) < 0xE000 and unicodedata.category(one) not in ("Zs", "Cf")
        ]
        assert set("ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹĂÂĐÊÔƠƯđ₫") <= set(every)
        shown = " ".join(every)
        got = texts(as_pdf.write(small(cell=shown, title=shown)))
        drawn = "".join("".join(got).split())
        composed = unicodedata.normalize("NFC", shown).replace(" ", "")
        # In the title, the line, the table's title, its head, the cell, and both notes: seven times each.
        assert {one: drawn.count(one) for one in composed if drawn.count(one) < 7} == {}

    def test_no_letter_is_put_together_from_pieces(self, quarterly_pdf: bytes) -> None:
        """The bold italic cut would do so, and who copies the text would get a letter twice."""
        assert {name.removeprefix("LibertinusSerif-").removesuffix("-Identity-H") for name in fonts(quarterly_pdf)} == {
            "Regular",
            "Bold",
            "Italic",
            "SemiboldItalic",
        }

    def test_what_the_face_cannot_draw_is_a_question_mark_and_no_failure(self) -> None:
        text = "\n".join(texts(as_pdf.write(small(cell="Ký tự 漢 và 😀 hết", title="Mở\u0309"))))
        assert "Ký tự ? và ? hết" in text

    def test_decomposed_letters_are_composed(self) -> None:
        text = "\n".join(texts(as_pdf.write(small(cell=unicodedata.normalize("NFD", made_reports.HARD)))))
        assert made_reports.HARD in on_one_line(text)

    def test_nothing_in_the_data_is_markup(self) -> None:
        hostile = '#read("/etc/passwd") #panic() $x$ *đậm* `mã` <nhãn> @ref \\ // /* https://a.example'
        pdf = as_pdf.write(small(cell=hostile))
        assert hostile in on_one_line("\n".join(texts(pdf)))
        assert links(pdf) == []


class TestTables:
    def test_a_figure_leads_to_its_documents(self, report_pdf: bytes) -> None:
        found = links(report_pdf)
        assert made_reports.LINK.format(3, "numerator") in found
        assert made_reports.LINK.format(3, "denominator") in found

    @pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "https://a.example/ x", ""])
    def test_w1_only_web_addresses_are_links(self, link: str) -> None:
        (cell,) = as_pdf.data(
            replace(
                REPORT,
                charts=(),
                tables=(Table("t", Words("T", "T"), (Column("C", kind=Kind.SHARE),), ((Share(1, 2, link, link),),)),),
            )
        )["tables"][0]["rows"][0]
        assert [piece["link"] for piece in cell] == ["", "", "", ""]

    def test_a_report_with_a_wide_table_lies_on_its_side(self, report_pdf: bytes) -> None:
        assert [table["wide"] for table in as_pdf.data(REPORT)["tables"]] == [False, True]
        assert {lies(page) for page in pages(report_pdf)} == {True}
        assert {lies(page) for page in pages(as_pdf.write(replace(REPORT, tables=(made_reports.league(),))))} == {False}

    def test_a_table_of_many_columns_is_written_smaller_and_not_too_small(self) -> None:
        league = made_reports.league()
        scales = []
        for times in (1, 3, 9):
            rows = tuple(row * times for row in league.rows)
            many = replace(league, columns=league.columns * times, rows=rows)
            scales.append(as_pdf.data(replace(REPORT, charts=(), tables=(many,)))["tables"][0]["scale"])
        assert scales[0] == 1.0 > scales[1] > scales[2] >= 0.7

    def test_a_column_of_codes_is_as_wide_as_they_are(self) -> None:
        columns = (Column("Đơn vị", width=40), Column("Mã định danh", width=12))
        table = Table("t", Words("T", "T"), columns, ((made_reports.UNITS[4], "H26.101"),))
        widths = [
            one["width"] for one in as_pdf.data(replace(REPORT, charts=(), tables=(table,)))["tables"][0]["columns"]
        ]
        assert widths == [len(made_reports.UNITS[4]), 0]

    def test_the_titles_stand_on_every_page_of_a_long_table(self) -> None:
        table = made_reports.league()
        every = texts(as_pdf.write(replace(REPORT, charts=(), tables=(replace(table, rows=table.rows * 8),))))
        assert len(every) >= 3
        assert all("Cơ quan, đơn vị" in text for text in every[:-1])

    def test_rows_that_are_not_printed_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(as_pdf, "_MOST_ROWS", 3)
        table = as_pdf.data(REPORT)["tables"][0]
        assert len(table["rows"]) == 3
        assert table["notes"] == ["Bản PDF không in 12 dòng cuối của bảng này; bản XLSX, CSV có đủ."]

    def test_codes_without_blanks_may_be_broken(self) -> None:
        code = "000.00.00.H41-" * 6
        (cell,) = as_pdf.data(small(cell=code))["tables"][0]["rows"][0]
        assert cell.replace("\u200b", "") == code
        assert max(len(part) for part in cell.split("\u200b")) <= 22


class TestLetter:
    def test_it_has_the_page_head_of_decree_30(self, quarterly_pdf: bytes) -> None:
        first = on_one_line(texts(quarterly_pdf)[0])
        head = (
            "ỦY BAN NHÂN DÂN TỈNH QUẢNG NGÃI SỞ THÔNG TIN VÀ TRUYỀN THÔNG "
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM Độc lập - Tự do - Hạnh phúc "
            "Số: /BC-STTTT Quảng Ngãi, ngày 05 tháng 10 năm 2026 "
            "BÁO CÁO Tình hình gửi, nhận văn bản điện tử quý III năm 2026 Thực hiện Quyết định"
        )
        assert first.startswith(head)

    def test_recipients_and_signature_stand_before_the_annex(self, quarterly_pdf: bytes) -> None:
        text = on_one_line("\n".join(texts(quarterly_pdf)))
        recipients = "Nơi nhận: - Ủy ban nhân dân tỉnh (để báo cáo); - Văn phòng Chính phủ; - Lưu: VT, CNTT."
        assert recipients in text
        order = (
            r"quý III năm 2026\./\..*Nơi nhận:.*GIÁM ĐỐC.*Nguyễn Thị Mỹ Hường.*PHỤ LỤC.*Bảng 1\..*SHA-256 của dữ liệu"
        )
        assert re.search(order, text)

    def test_the_annex_says_what_it_belongs_to_and_may_lie_on_its_side(self, quarterly_pdf: bytes) -> None:
        whole = texts(quarterly_pdf)
        annex = next(number for number, text in enumerate(whole) if "PHỤ LỤC" in text)
        assert [lies(page) for page in pages(quarterly_pdf)] == [number >= annex for number in range(len(whole))]
        belongs = "(Kèm theo Báo cáo số ……/BC-STTTT ngày 05 tháng 10 năm 2026 của Sở Thông tin và Truyền thông)"
        assert belongs in on_one_line(whole[annex])

    def test_pages_are_numbered_at_the_top_from_the_second(self, quarterly_pdf: bytes) -> None:
        every = texts(quarterly_pdf)
        assert not every[0].startswith("1\n")
        assert [text.split("\n")[0] for text in every[1:]] == [str(n) for n in range(2, len(every) + 1)]

    def test_a_figure_is_not_torn_apart_at_the_end_of_a_line(self) -> None:
        figures = as_pdf.data(QUARTERLY)["letter"]["opening"][2]
        assert "18.274\u00a0/\u00a018.302 văn bản, tỷ lệ 99,8\u00a0% (so với kỳ trước +1,2\u00a0điểm\u00a0%)" in figures

    def test_a_number_below_ten_takes_a_nought(self) -> None:
        letter = replace(made_reports.letter(), number="7", recipients=())
        assert as_pdf.data(replace(QUARTERLY, letter=letter))["letter"]["number"] == "07"
        assert as_pdf.data(replace(QUARTERLY, letter=letter))["letter"]["recipients"] == []

    @pytest.mark.parametrize(
        ("title", "shown"),
        [
            ("báo cáo tình hình", "Tình hình"),
            ("BÁO  CÁO kết quả", "Kết quả"),
            ("kết quả báo cáo quý", "Kết quả báo cáo quý"),
        ],
    )
    def test_the_word_report_stands_there_once(self, title: str, shown: str) -> None:
        letter = replace(made_reports.letter(), title=title)
        assert as_pdf.data(replace(QUARTERLY, letter=letter))["letter"]["title"] == shown


class TestLimits:
    def test_more_memory_than_allowed_ends_the_report_and_not_the_hub(self) -> None:
        with pytest.raises(PdfNotMade, match=r"(?i)memory"):
            as_pdf.write(long(), memory_bytes=140 * MIB)
        assert as_pdf.write(small(), memory_bytes=450 * MIB).startswith(b"%PDF-1.7")

    def test_processor_time_ends_the_child_by_itself(self) -> None:
        endless = f"{CHILD}['limit'](2**31, 1)\nwhile True: pass"
        ended = subprocess.run([sys.executable, "-c", endless], timeout=120, check=False)
        assert ended.returncode == -signal.SIGXCPU

    def test_a_child_that_was_ended_for_its_time_is_no_report(self, fake: Fake) -> None:
        fake("kill -XCPU $$")
        with pytest.raises(PdfNotMade, match=f"signal {int(signal.SIGXCPU)}"):
            as_pdf.write(small())

    def test_a_child_that_stands_still_is_killed_by_the_clock(self, fake: Fake, tmp_path: Path) -> None:
        fake(f"echo $$ >{tmp_path}/pid; exec sleep 60")
        began = time.monotonic()
        with pytest.raises(PdfNotMade, match="more than 2 s"):
            as_pdf.write(small(), seconds=1)
        assert time.monotonic() - began < 20
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists(), "killed and reaped"

    def test_a_child_that_cannot_start_is_trouble_of_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(Deferral):
            as_pdf.write(small())

    def test_the_child_knows_nothing_of_the_hub(self, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://secret")
        fake("env")
        told = as_pdf.write(small()).decode()
        assert "secret" not in told
        assert {line.split("=")[0] for line in told.splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"} == {
            "PYTHONPATH",
            "PYTHONDONTWRITEBYTECODE",
            "LC_ALL",
            "RAYON_NUM_THREADS",
        }

    def test_all_limits_are_set_before_the_report_is_read(self) -> None:
        told = f"{CHILD}['limit'](2**30, 7)\nprint(open('/proc/self/limits').read())"
        ended = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
        rows = {row[:26].strip(): row[26:47].strip() for row in ended.stdout.splitlines()}
        assert rows["Max address space"] == str(2**30)
        assert (rows["Max cpu time"], rows["Max file size"], rows["Max core file size"]) == ("7", "0", "0")

    def test_the_program_sets_its_limits_and_then_typesets(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        done: list[object] = []
        layout = tmp_path / "layout.typ"
        layout.write_text('#set document(title: "T")\n#json(bytes(sys.inputs.made)).word', "utf-8")
        job = {"root": str(tmp_path), "layout": str(layout), "tags": True, "timestamp": 0, "made": {"word": "Chữ"}}
        out = SimpleNamespace(buffer=io.BytesIO())
        monkeypatch.setattr(pdf_child, "limit", lambda *most: done.append(most))
        monkeypatch.setattr(sys, "argv", ["pdf_child", str(300 * MIB), "9"])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(job).encode())))
        monkeypatch.setattr(sys, "stdout", out)
        pdf_child.main()
        assert done == [(300 * MIB, 9)]
        assert texts(out.buffer.getvalue()) == ["Chữ"]

    @pytest.mark.parametrize(
        "layout", ['#import "@preview/cetz:0.3.0"', '#read("/../../../../../etc/passwd")', "#panic()", "\u6f22"]
    )
    def test_a_layout_reaches_nothing_outside_its_folder(self, layout: str, tmp_path: Path) -> None:
        (tmp_path / "x.typ").write_text(f"#set document(title: [T])\n{layout}", "utf-8")
        job = {"root": str(tmp_path), "layout": str(tmp_path / "x.typ"), "tags": True, "timestamp": 0, "made": {}}
        with pytest.raises(PdfNotMade, match="typst ended with"):
            as_pdf._typeset(job, seconds=30, memory_bytes=1024 * MIB)

    def test_without_the_extra_the_caller_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(as_pdf, "find_spec", lambda name: None)
        with pytest.raises(PdfUnavailable):
            as_pdf.write(small())


def test_the_image_can_make_pdfs() -> None:
    assert "pip install '.[pdf]'" in (TREE / "docker" / "Dockerfile").read_text("utf-8")
    extras = configparser.ConfigParser()
    extras.read(TREE / "setup.cfg", "utf-8")
    (wanted,) = extras["options.extras_require"]["pdf"].split()
    assert wanted in extras["options.extras_require"]["dev"].split(), "what is tested is what is shipped"


class Fake:
    """Puts a shell script in the place of the program that typesets."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script, self.monkeypatch = folder / "child", monkeypatch

    def __call__(self, script: str) -> None:
        self.script.write_text(f"#!/bin/sh\n{script}\n", "ascii")
        self.script.chmod(0o755)
        self.monkeypatch.setattr(sys, "executable", str(self.script))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)
