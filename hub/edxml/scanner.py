"""One pass over the bytes as they arrive: bounds, refusals, and the base64 texts lifted out.

Owns: what is refused before a tree exists, and the byte span of each base64 text.
Never: understands the message; it sees tags, not fields.
Source: hostile tests E1-E6 (threats); XML 1.0; expat 2.5.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from hub.edxml.bounds import Bounds
from hub.edxml.names import XINCLUDE, is_payload
from hub.edxml.payload import Payload
from hub.errors import DangerousXml, NotEdxml, TooLarge

BLOCK_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xfe\xff", b"\xff\xfe")
_START_TAG = re.compile(rb"<(?:[^\"'<>]|\"[^\"]*\"|'[^']*')*>")
_UNDEFINED_ENTITY = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


@dataclass(frozen=True, slots=True)
class Scan:
    """The result: the message without its base64 texts, and those texts as decoded files."""

    skeleton: bytes
    payloads: tuple[Payload, ...]
    size_bytes: int
    sha256: str
    has_bom: bool
    junk: bytes


class Scanner:
    """Takes bytes in any pieces and works in blocks, so that the result does not depend on the pieces."""

    def __init__(self, bounds: Bounds, *, new_spool: Callable[[], BinaryIO], block_bytes: int = BLOCK_BYTES) -> None:
        self._bounds, self._new_spool, self._block_bytes = bounds, new_spool, block_bytes
        self._hash = hashlib.sha256()
        self._size = 0
        self._waiting = bytearray()  # fed, not yet parsed
        self._raw = bytearray()  # parsed, not yet given to skeleton or payload
        self._raw_at = 0  # place of _raw[0] in the bytes as received
        self._start_at = -1  # place of the first '<'
        self._has_bom, self._junk = False, b""
        self._skeleton = bytearray()
        self._payloads: list[Payload] = []
        self._open: Payload | None = None  # its text is passing now
        self._open_depth = 0
        self._stack: list[str] = []
        self._prefixes: list[frozenset[str]] = [frozenset({"xml", "xmlns"})]
        self._elements = self._namespaces = self._text = 0
        self._parser = self._new_parser()

    def feed(self, chunk: bytes) -> None:
        """Raises: NotEdxml, DangerousXml, TooLarge as soon as the bytes show it."""
        self._size += len(chunk)
        if self._size > self._bounds.total_bytes:
            raise _too_large("total_bytes", self._bounds.total_bytes)
        self._hash.update(chunk)
        self._waiting += chunk
        while len(self._waiting) >= self._block_bytes:
            block = bytes(self._waiting[: self._block_bytes])
            del self._waiting[: self._block_bytes]
            self._take(block)

    def close(self) -> Scan:
        """The scan of all bytes fed. Raises: as `feed`, also when the message is cut short."""
        self._take(bytes(self._waiting))
        self._waiting.clear()
        if self._start_at < 0:
            raise NotEdxml("no element", reason="empty", where="0")
        self._parse(b"", final=True)
        self._give(len(self._raw))
        for payload in self._payloads:
            payload.close()
        return Scan(
            bytes(self._skeleton),
            tuple(self._payloads),
            self._size,
            self._hash.hexdigest(),
            self._has_bom,
            self._junk,
        )

    def abandon(self) -> None:
        """Closes every spool; may be called at any time and more than once."""
        for payload in self._payloads:
            payload.spool.close()

    # -- blocks ------------------------------------------------------------------------------------------

    def _take(self, block: bytes) -> None:
        if b"\0" in block:
            raise NotEdxml("NUL byte", reason="nul", where=str(self._raw_at + len(self._raw)))
        self._raw += block
        if self._start_at >= 0:
            self._parse(block, final=False)
            return
        if self._found_start():
            self._parse(bytes(self._raw), final=False)

    def _found_start(self) -> bool:
        """Skips a byte order mark and a little junk; True when the first '<' is here."""
        if self._raw.startswith(_WIDE_BOMS):
            raise NotEdxml("UTF-16 or UTF-32", reason="encoding", seen="UTF-16")
        at = self._raw.find(b"<")
        self._has_bom = self._raw.startswith(_BOM)
        junk = bytes(self._raw[3 * self._has_bom : at if at >= 0 else None])
        if len(junk) > self._bounds.junk_bytes:
            raise NotEdxml("no tag at the start", reason="no_xml", where="0")
        if at < 0:
            return False
        self._junk, self._start_at, self._raw_at = junk, at, at
        del self._raw[:at]
        return True

    def _parse(self, block: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(block, final)
        except expat.ExpatError as error:
            place = f"{error.lineno}:{error.offset}"
            if error.code == _UNDEFINED_ENTITY:
                raise DangerousXml("entity reference", reason="entity", where=place) from error
            words = expat.ErrorString(error.code)
            raise NotEdxml(f"{words} at {place}", reason="malformed", where=place, seen=words) from error
        self._give_what_is_sure()
        if len(self._raw) > self._bounds.token_bytes:
            raise _too_large("token_bytes", self._bounds.token_bytes)

    def _give_what_is_sure(self) -> None:
        """Passes on all raw bytes but an unfinished tag."""
        if self._open is not None:
            tag = self._raw.find(b"<")
            self._give(tag if tag >= 0 else len(self._raw))
            return
        self._give(self._start_at + self._parser.CurrentByteIndex - self._raw_at)

    def _give(self, count: int) -> None:
        """The next `count` raw bytes go where they belong."""
        if count <= 0:
            return
        piece = bytes(self._raw[:count])
        del self._raw[:count]
        self._raw_at += count
        if self._open is not None:
            self._open.feed(piece)
            return
        self._skeleton += piece
        if len(self._skeleton) > self._bounds.skeleton_bytes:
            raise _too_large("skeleton_bytes", self._bounds.skeleton_bytes)

    # -- what expat sees ---------------------------------------------------------------------------------

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self._on_declaration
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.EntityDeclHandler = self._on_doctype
        parser.ProcessingInstructionHandler = self._on_instruction
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        parser.CommentHandler = self._on_comment
        parser.StartCdataSectionHandler = self._on_cdata
        return parser

    def _here(self) -> int:
        return self._start_at + self._parser.CurrentByteIndex

    def _on_declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            raise NotEdxml(f"encoding {encoding}", reason="encoding", seen=encoding)

    def _on_doctype(self, *_: object) -> None:
        raise DangerousXml("DOCTYPE", reason="doctype", where=str(self._here()))

    def _on_instruction(self, target: str, _data: str) -> None:
        raise DangerousXml("instruction", reason="instruction", where=str(self._here()), seen=target)

    def _on_start(self, name: str, attributes: list[str]) -> None:
        self._interrupt("element")
        local = name.rpartition(":")[2]
        parent = self._stack[-1].rpartition(":")[2] if self._stack else ""
        self._elements += 1
        self._text = 0
        self._stack.append(name)
        self._bound("elements", self._elements)
        self._bound("depth", len(self._stack))
        self._bound("attributes", len(attributes) // 2)
        self._prefixes.append(self._declared(name, attributes))
        if is_payload(parent, local):
            self._open_payload()

    def _on_end(self, name: str) -> None:
        self._stack.pop()
        self._prefixes.pop()
        self._text = 0
        if self._open is not None:
            self._give(self._here() - self._raw_at)
            self._open.close()
            self._resume()
        elif self._payloads and self._open_depth == len(self._stack) + 1:
            self._payloads[-1].close()

    def _on_text(self, text: str) -> None:
        self._text += len(text)
        self._bound("text_chars", self._text)

    def _on_comment(self, _text: str) -> None:
        self._interrupt("comment")

    def _on_cdata(self) -> None:
        self._interrupt("cdata")

    # -- helpers of the above ----------------------------------------------------------------------------

    def _bound(self, limit: str, seen: int) -> None:
        if seen > getattr(self._bounds, limit):
            raise _too_large(limit, getattr(self._bounds, limit), where="/".join(("", *self._stack[:8])))

    def _declared(self, name: str, attributes: list[str]) -> frozenset[str]:
        """The prefixes known inside this element. Raises: NotEdxml for an undeclared one."""
        new: set[str] = set()
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            if key == "xml:base" or (key.startswith("xmlns") and value == XINCLUDE):
                raise DangerousXml(key, reason="inclusion", where=str(self._here()), seen=key)
            if key == "xmlns" or key.startswith("xmlns:"):
                self._namespaces += 1
                new.add(key.rpartition(":")[2])
        self._bound("namespaces", self._namespaces)
        known = self._prefixes[-1] | new if new else self._prefixes[-1]
        for qualified in (name, *attributes[::2]):
            prefix, colon, _ = qualified.partition(":")
            if colon and prefix not in known:
                raise NotEdxml(
                    f"prefix {prefix} not declared",
                    reason="undeclared_prefix",
                    where=str(self._here()),
                    seen=qualified,
                )
        return known

    def _open_payload(self) -> None:
        self._bound("attachments", len(self._payloads) + 1)
        tag = _START_TAG.match(self._raw, self._here() - self._raw_at)
        if tag is None:
            raise NotEdxml("start tag not found", reason="malformed", where=str(self._here()))
        self._give(tag.end())
        payload = Payload(self._raw_at, spool=self._new_spool())
        self._payloads.append(payload)
        self._open_depth = len(self._stack)
        if tag.group().endswith(b"/>"):
            return
        self._open = payload
        self._parser.CharacterDataHandler = None

    def _interrupt(self, what: str) -> None:
        """Something other than text inside a base64 text: a flaw; what follows stays in the skeleton."""
        if self._open is None:
            return
        self._give(self._here() - self._raw_at)
        self._open.interrupt(what)
        self._resume()

    def _resume(self) -> None:
        self._open = None
        self._text = 0
        self._parser.CharacterDataHandler = self._on_text


def _too_large(limit: str, value: int, *, where: str = "") -> TooLarge:
    return TooLarge(f"over {limit}", reason=limit, limit=str(value), where=where)
