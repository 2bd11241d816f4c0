"""File names from outside: what is odd about one, and a harmless one to save it under.

Owns: the rules about names, the same for attachments and for entries of archives.
Never: changes the name that the sender gave; that one is a fact and is kept as written.
Source: hostile test A1 (threats); reserved names as in Microsoft's "Naming Files, Paths, and Namespaces".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_SAFE_BYTES: Final = 180  # file systems take 255; leaves room for what a receiver adds
LONGEST_EXTENSION_BYTES: Final = 16
LONGEST_NAME_CHARS: Final = 500  # BKAV limit, domain notes §2.3
DANGERS: Final = frozenset({"control_character", "direction_character", "path", "device", "hidden_program"})
_RESERVED: Final = frozenset('\\/:*?"<>|')
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)
_HIDDEN_PROGRAM: Final = re.compile(
    r"\.[a-z]{2,4}[\s.]*\.(?:exe|com|scr|pif|bat|cmd|ps1|vbs|vbe|js|jse|wsf|wsh|hta|msi|lnk|jar|cpl|reg)\s*$",
    re.IGNORECASE,
)


def oddities(name: str) -> tuple[str, ...]:
    """What is odd about a name, the dangers (see DANGERS) first.

    >>> oddities("../báo cáo.pdf.exe")
    ('path', 'hidden_program', 'slash')
    >>> oddities("Báo cáo số 12.pdf")
    ()
    """
    parts = [part.strip() for part in re.split(r"[/\\]", name)]
    seen = {
        "control_character": any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name),
        "direction_character": not _DIRECTIONS.isdisjoint(name),
        "path": ".." in parts or "\\" in name or name.startswith("/") or bool(re.match(r"\s*[A-Za-z]:", name)),
        "device": any(_DEVICE.fullmatch(part) for part in parts),
        "hidden_program": bool(_HIDDEN_PROGRAM.search(name[-100:])),
        "slash": "/" in name,
        "length": len(name) > LONGEST_NAME_CHARS,
        "reserved_character": not frozenset(':*?"<>|').isdisjoint(name),
        "ending": bool(name) and name[-1] in " .",
    }
    return tuple(oddity for oddity, is_so in seen.items() if is_so)


def safe_name(name: str) -> str:
    """A name that every system can store and none takes for a path, a device or a hidden file.

    It is the last part of a path without control, direction and reserved characters, in NFC, at most
    LONGEST_SAFE_BYTES of UTF-8 with its extension kept, and never empty.

    >>> safe_name("../../Tờ trình.pdf")
    'Tờ trình.pdf'
    >>> safe_name("NUL.pdf")
    '_NUL.pdf'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable() and c not in _RESERVED)
    clean = unicodedata.normalize("NFC", kept).strip(" .")
    stem, dot, extension = clean.rpartition(".")
    ending = f".{extension}"
    if not dot or len(ending.encode()) > LONGEST_EXTENSION_BYTES:
        stem, ending = clean, ""
    if _DEVICE.fullmatch(clean):
        stem = f"_{stem}"
    room = LONGEST_SAFE_BYTES - len(ending.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + ending or "file"
