"""What the PDF child tells about one file: facts without any opinion on trust.

Owns: the values that cross the socket between pdf_child.py and pdf_pool.py.
Never: imports pyHanko; both sides read this, and the parent stays small.
Source: ISO 32000-2 §12.8 (signatures); ETSI EN 319 142-1; RFC 3161.
"""

from __future__ import annotations

import struct
from datetime import datetime

import msgspec

#: On the socket: READY once, then for each file one byte with its descriptor; HEAD (the answer's length), msgpack.
READY = b"R"
HEAD = struct.Struct(">I")
LONGEST_ANSWER = 64 * 1024 * 1024

#: Bounds against files that hold thousands of signatures to keep the judge busy (threats, “unbounded work”).
MOST_SIGNATURES = 64
MOST_REVISIONS = 500
MOST_CERTIFICATES = 32
MOST_TIMESTAMPS = 4
MOST_EVIDENCE_BYTES = 24 * 1024 * 1024

#: How much of the file a signature covers, best first.
WHOLE_FILE, REVISION, PART, UNCLEAR = "whole_file", "revision", "part", "unclear"


class Token(msgspec.Struct, frozen=True):
    """An RFC 3161 token: `imprint` holds when it speaks about these bytes, `valid` when its own signature does.

    `digest` is the weaker of its two, `signer` is the TSA's certificate (DER), empty when the token does not carry it.
    """

    imprint: bool
    valid: bool
    at: datetime | None
    digest: str
    signer: bytes
    certificates: list[bytes]
    fault: str = ""


class SignedField(msgspec.Struct, frozen=True):
    """One filled signature field, in the order of signing; `fault` is a word when it could not be read at all.

    `is_timestamp` tells document timestamps (their `token` is filled) from signatures. `binding` is `v2`, `v1`,
    `none` or `mismatch`: how the signed attributes name the signer's certificate. `modification` is `none`,
    `validation_data`, `form` or `other`; `changed` are the names of changed fields; `permitted` is DocMDP's word.
    """

    field: str
    is_timestamp: bool = False
    sub_filter: str = ""
    fault: str = ""
    why: str = ""
    digest: str = ""
    algorithm: str = ""
    intact: bool = False
    valid: bool = False
    coverage: str = UNCLEAR
    revision: int = 0
    bytes_after: int = 0
    blank_after: bool = False
    modification: str = "other"
    changed: list[str] = []
    permitted: bool = True
    claimed_at: datetime | None = None
    binding: str = "none"
    signer: bytes = b""
    certificates: list[bytes] = []
    tokens: list[Token] = []
    token: Token | None = None


class FileFacts(msgspec.Struct, frozen=True):
    """One PDF; `trouble` is a word when nothing of its signatures is told (`unreadable`, `encrypted`, `expensive`).

    `active` names what would run or open (JavaScript, Launch …), `hidden` what lies in the file unseen,
    `last_hybrid` is the last revision with a hybrid cross-reference table (-1: none), `looked_through` False when
    there was too much in the file to look at all of it for what is active or hidden.
    `certificates`, `crls`, `ocsps` come from the document security store and the signatures (DER).
    """

    trouble: str = ""
    why: str = ""
    size_bytes: int = 0
    revisions: int = 0
    last_hybrid: int = -1
    active: list[str] = []
    hidden: list[str] = []
    looked_through: bool = True
    fields: list[SignedField] = []
    certificates: list[bytes] = []
    crls: list[bytes] = []
    ocsps: list[bytes] = []
