"""Makes pyHanko read long hexadecimal strings at once: the CMS of a signature is one of thousands of digits.

Owns: the quick way for a string of nothing but digits; everything else goes the library's own way.
Never: changes what is read; tests hold both ways against each other.
Source: ISO 32000-2 §7.3.4.3; pyHanko 0.38 (`pdf_utils.generic`), which reads such a string byte by byte.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from pyhanko.pdf_utils import generic

_DIGITS = re.compile(rb"<([0-9A-Fa-f]*)>")
_FIRST_LOOK, _LONGEST = 256, 1024 * 1024

_byte_by_byte = generic.read_hex_string_from_stream


def quicken() -> None:
    """From now on in this process; harmless twice."""
    generic.read_hex_string_from_stream = read_hex_string


def read_hex_string(stream: BinaryIO) -> Any:
    """What pyHanko's own function gives, and the stream where that would leave it. Raises what it raises."""
    start = stream.tell()
    found = _DIGITS.match(_up_to_its_end(stream))
    if found is None:
        stream.seek(start)
        return _byte_by_byte(stream)
    stream.seek(start + found.end())
    digits = found[1].decode("ascii")
    return generic.pdf_string(bytes.fromhex(digits + "0" * (len(digits) % 2)))


def _up_to_its_end(stream: BinaryIO) -> bytes:
    """The bytes from here to the first '>' at least, but never more than the longest string that is read quickly."""
    seen, size = b"", _FIRST_LOOK
    while b">" not in seen and len(seen) < _LONGEST:
        piece = stream.read(size)
        if not piece:
            break
        seen, size = seen + piece, size * 8
    return seen
