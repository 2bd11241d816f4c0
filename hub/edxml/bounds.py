"""How large and how deep an envelope may be.

Owns: the limits against resource attacks, checked while the bytes arrive, before any tree is built.
Never: judges the content.
Source: hostile tests E3, E4, A3 (threats); the largest real headers are under 64 KiB.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one envelope; each answers the attack named beside it."""

    total_bytes: int = 300 * MIB  # endless body; holds one attachment of 200 MiB in base64
    skeleton_bytes: int = 4 * MIB  # E4: everything but the base64 texts, what lxml will hold
    token_bytes: int = 64 * KIB  # E4: expat scans an unfinished tag again and again (quadratic)
    depth: int = 64  # E4: nesting
    elements: int = 50_000  # E4: number of elements
    attributes: int = 64  # E4: per element
    namespaces: int = 5_000  # E4: declarations in the whole message
    text_chars: int = 256 * KIB  # E3, E4: one text outside the base64
    attachments: int = 500  # phase4 #382: ten thousand parts
    junk_bytes: int = 64  # "1212<?xml": what may stand before the first tag
    zip_entries: int = 4_096  # A3: directory of a ZIP attachment that is looked at
    zip_inflated_bytes: int = 512 * MIB  # A3: declared size of the SDK's single entry
    zip_ratio: int = 200  # A3: inflated / packed of the SDK's single entry
