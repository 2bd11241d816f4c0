"""How much a fault of a signature weighs, by what the policy demands of it.

Owns: the one table from (level, kind of fault) to severity, for the envelope and for PDF files.
Never: is a check itself.
Source: Decision 28/2018/QĐ-TTg Art. 4(2), 9(1); domain notes §6 (absence alone never refuses, unless demanded).
"""

from __future__ import annotations

from dataclasses import replace

from hub.checks.candidate import Candidate
from hub.domain.findings import Finding, Severity
from hub.domain.signature_policy import Demand, Level, level_of

#: Nothing is there, or nothing can be known of it: told, and refused only where it is demanded.
ABSENT = {Level.REQUIRE: Severity.ERROR, Level.WARN: Severity.WARNING, Level.IGNORE: Severity.NOTE}
DOUBTFUL = ABSENT
#: Something is there and it is broken, revoked or another's: worse than nothing.
BROKEN = {Level.REQUIRE: Severity.ERROR, Level.WARN: Severity.ERROR, Level.IGNORE: Severity.NOTE}
#: What would settle it has been asked for.
AWAITED = {Level.REQUIRE: Severity.TRY_LATER, Level.WARN: Severity.TRY_LATER, Level.IGNORE: Severity.NOTE}


def level(candidate: Candidate, demand: Demand) -> Level:
    """What is demanded of this sender for this type of document on the day of receipt."""
    return level_of(
        demand,
        document_type=candidate.reading.envelope.document_type_name,
        on=candidate.day,
        agency=candidate.policy,
        pack=candidate.rules.signature_policy,
    )


def weighed(finding: Finding, level: Level, *, may_come: bool) -> Finding:
    """The finding with the weight that it has at this level; `may_come`: the evidence it waits for can be asked."""
    if finding.severity is Severity.ERROR:
        return replace(finding, severity=BROKEN[level])
    if finding.severity is Severity.TRY_LATER:
        return replace(finding, severity=(AWAITED if may_come else DOUBTFUL)[level])
    if finding.severity is Severity.WARNING and level is Level.IGNORE:
        return replace(finding, severity=Severity.NOTE)
    return finding
