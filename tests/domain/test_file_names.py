"""Names from outside: what is odd about them is told, and what is made of them is harmless (A1)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.domain.file_names import DANGERS, LONGEST_SAFE_BYTES, oddities, safe_name

DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}


@pytest.mark.parametrize(
    ("name", "oddity"),
    [
        ("../../etc/passwd", "path"),
        ("..\\x.pdf", "path"),
        (".. /x.pdf", "path"),
        ("C:\\x.pdf", "path"),
        (" C:x.pdf", "path"),
        ("/etc/x", "path"),
        ("\\\\server\\share\\x.pdf", "path"),
        ("CON", "device"),
        ("nul.pdf", "device"),
        ("com¹.txt", "device"),
        ("a/aux.tar.gz", "device"),
        ("CON .pdf", "device"),
        ("a\u202efdp.exe", "direction_character"),
        ("a\u2066b.pdf", "direction_character"),
        ("a.pdf.exe", "hidden_program"),
        ("a.pdf .EXE ", "hidden_program"),
        ("a.docx.....lnk", "hidden_program"),
        ("a\nX-Evil: 1.pdf", "control_character"),
        ("a\0.pdf", "control_character"),
        ("a\u2028b.pdf", "control_character"),
        ("a\ud800.pdf", "control_character"),
    ],
)
def test_a1_dangerous_names_are_told(name, oddity):
    assert oddity in oddities(name)
    assert oddity in DANGERS


@pytest.mark.parametrize(
    ("name", "oddity"),
    [("12/BTN-VP.pdf", "slash"), ("n" * 501, "length"), ("a?.pdf", "reserved_character"), ("a.pdf.", "ending")],
)
def test_odd_names_that_harm_nobody_are_told_apart(name, oddity):
    assert oddities(name) == (oddity,)
    assert oddity not in DANGERS


@pytest.mark.parametrize(
    "name",
    ["", "Quyết định số 12.pdf", "contract.pdf", "a.b.c.docx", "console", "nulls.txt", "12.2026.exe.pdf", "con1.pdf"],
)
def test_ordinary_names_are_not_odd(name):
    assert oddities(name) == ()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.exe", "a.exe"),
        ("C:a.pdf", "Ca.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
        ("gpj\u202efdp.exe", "gpjfdp.exe"),
        ("", "file"),
        ("...", "file"),
        ("a/", "file"),
        (".bashrc", "bashrc"),
        ("Tờ trình.pdf", "Tờ trình.pdf"),
        (unicodedata.normalize("NFD", "Tờ trình.pdf"), "Tờ trình.pdf"),
        ("ợ" * 400 + ".pdf", "ợ" * 58 + ".pdf"),
        ("n" * 400, "n" * LONGEST_SAFE_BYTES),
        ("a." + "x" * 400, "a." + "x" * (LONGEST_SAFE_BYTES - 2)),
        ("NUL.pdf", "_NUL.pdf"),
        ("con", "_con"),
        ("CON :.pdf", "_CON.pdf"),
    ],
)
def test_a1_a_safe_name_keeps_what_it_can(name, safe):
    assert safe_name(name) == safe


NASTY = st.text(st.sampled_from("aợ.e\u0301\u0338\u200d\u202e\0\r\n/\\:<> CONnul123\u212a\ud800🙂"), max_size=300)


@given(st.one_of(st.text(max_size=300), NASTY))
@example("con\u200d")
@example("\u212aCON.x")
def test_a1_a_safe_name_is_safe_whatever_came(name):
    safe = safe_name(name)
    assert 0 < len(safe.encode("utf-8")) <= LONGEST_SAFE_BYTES
    assert unicodedata.is_normalized("NFC", safe)
    assert safe.isprintable()
    assert not set(safe) & set('\\/:*?"<>|')
    assert safe[0] not in " ."
    assert safe[-1] not in " ."
    assert safe.partition(".")[0].strip().casefold() not in DEVICES
    assert safe_name(safe) == safe
    assert oddities(safe) in ((), ("hidden_program",))
