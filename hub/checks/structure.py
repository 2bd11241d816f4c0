"""Can the message be read as the standard says? Notes of the reader, faults of attachments, the schema.

Source: QCVN 102:2016/BTTTT and Amendment 1:2022; Decision 28/2018/QĐ-TTg Art. 9(1) (completeness).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.findings import Finding
from hub.domain.periods import vietnam_day
from hub.edxml.validator import validate

CHECK = "schema"
SAYS = ("edxml.", "schema.")


def judge(candidate: Candidate) -> Iterator[Finding]:
    """Everything that the reader bent and everything that the schema misses, at once."""
    yield from candidate.reading.envelope.notes
    yield from candidate.reading.payload_findings
    yield from validate(candidate.reading, today=vietnam_day(candidate.moment))
