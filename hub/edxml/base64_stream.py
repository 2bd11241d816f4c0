"""Decodes base64 text that arrives in pieces, strictly.

Owns: what counts as well-formed base64 here: blanks and line breaks may stand anywhere, nothing else.
Never: repairs; the first flaw ends the decoding and is remembered.
Source: RFC 4648 §3.2, §3.3, §3.5 (padding, foreign characters, canonical last bits).
"""

from __future__ import annotations

import binascii

_BLANKS = b" \t\r\n"
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Base64Stream:
    """Decodes piece by piece; `flaw` is empty or says, in a stable word, what was wrong."""

    __slots__ = ("_carry", "_ended", "flaw")

    def __init__(self) -> None:
        self._carry = b""
        self._ended = False
        self.flaw = ""

    def feed(self, text: bytes) -> bytes:
        """The decoded bytes that this piece completes; empty once a flaw was met."""
        if self.flaw:
            return b""
        dense = self._carry + text.translate(None, _BLANKS)
        whole = len(dense) & ~3
        self._carry = dense[whole:]
        return self._decoded(dense[:whole]) if whole else b""

    def close(self) -> None:
        """Marks a last group that is not whole as a flaw."""
        if self._carry and not self.flaw:
            self.flaw = "length"

    def _decoded(self, groups: bytes) -> bytes:
        text = groups.rstrip(b"=")
        padding = len(groups) - len(text)
        foreign = text.translate(None, _ALPHABET)
        if foreign.strip(b"="):
            self.flaw = "character"
        elif foreign or padding > 2 or self._ended:
            self.flaw = "padding"
        if self.flaw:
            return b""
        decoded = binascii.a2b_base64(groups)
        self._ended = padding > 0
        if padding and binascii.b2a_base64(decoded[padding - 3 :], newline=False) != groups[-4:]:
            self.flaw = "last_bits"
            return b""
        return decoded
