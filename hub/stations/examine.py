"""EXAMINE: look into the attachments of one reading: what they are, whether they are clean, who signed them.

Owns: opening each file once for each question; the SDK's one-file ZIP is looked at unwrapped.
Never: writes; decides (the checks do); holds a file in memory.
Source: Decision 28/2018/QĐ-TTg Art. 9(1); Decree 30/2020/NĐ-CP Art. 5; threats A1-A8, P1-P7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from hub.domain.attachment_rules import FileFacts
from hub.domain.envelopes import Attachment
from hub.domain.evidence import EvidenceWanted
from hub.domain.rules import RulePack
from hub.domain.signatures import PdfReport
from hub.edxml.archives import budget_of, examine
from hub.edxml.attachments import open_wrapped
from hub.edxml.media import PDF
from hub.edxml.reader import Reading
from hub.errors import NotEdxml, ScannerUnavailable, TooLarge
from hub.ports import Scanner, ScanResult
from hub.stations import Hub
from hub.stations.receive import spooling, spools_of


@dataclass(frozen=True, slots=True)
class Examined:
    """What was seen in each attachment, by content id; `pdfs` only of those that are PDF files."""

    files: Mapping[str, FileFacts]
    pdfs: Mapping[str, PdfReport]


def run(reading: Reading, hub: Hub, *, moment: datetime, rules: RulePack) -> Examined:
    """Examine every attachment; what cannot be read is a finding, a scanner that is away a fact.

    Raises: PayloadsUnavailable when there is no room to unwrap a file, Deferral when no PDF child is free or starts.
    """
    files: dict[str, FileFacts] = {}
    pdfs: dict[str, PdfReport] = {}
    budget, scanner = budget_of(rules.attachments), hub.scanner
    for attachment in reading.envelope.attachments:
        content_id, spool = attachment.content_id, reading.spools[attachment.content_id]
        with spooling():
            facts = examine(spool, attachment, rules.attachments, budget=budget, new_spool=spools_of(hub))
        if scanner is not None:
            facts = _scanned(facts, spool, scanner)
            scanner = _Away() if facts.scan_failed else scanner  # once is enough: each file would wait for it
        files[content_id] = facts
        if facts.media_type == PDF:
            with unwrapped(spool, attachment, new_spool=spools_of(hub)) as file:
                report = hub.pdfs.judge(
                    file,
                    content_id=content_id,
                    trust=hub.trust,
                    evidence=hub.book,
                    moment=moment,
                    roles=rules.roles,
                )
            pdfs[content_id] = replace(report, wanted=askable(report.wanted, hub))
        spool.seek(0)
    return Examined(files, pdfs)


def askable(wanted: tuple[EvidenceWanted, ...], hub: Hub) -> tuple[EvidenceWanted, ...]:
    """Those pieces of evidence for which this deployment may ask; for the others there is no use in waiting."""
    return tuple(one for one in wanted if hub.evidence_source.may_ask(one.url))


class _Away:
    """A scanner that did not answer a moment ago."""

    def scan(self, file: BinaryIO) -> ScanResult:
        """Nothing. Raises ScannerUnavailable."""
        raise ScannerUnavailable("it did not answer for an earlier file of this envelope")


def _scanned(facts: FileFacts, spool: BinaryIO, scanner: Scanner) -> FileFacts:
    spool.seek(0)
    try:
        return replace(facts, scan=scanner.scan(spool))
    except ScannerUnavailable:
        return replace(facts, scan_failed=True)


@contextmanager
def unwrapped(spool: BinaryIO, attachment: Attachment, *, new_spool: Callable[[], BinaryIO]) -> Iterator[BinaryIO]:
    """The file itself, or the one inside the SDK's ZIP; empty when that cannot be read."""
    if not attachment.zip_entry:
        spool.seek(0)
        yield spool
        return
    with new_spool() as inner:
        try:
            with spooling():
                inner.writelines(open_wrapped(spool, attachment))
                inner.flush()
        except (NotEdxml, TooLarge):
            inner.truncate(0)  # the reader has its finding about the ZIP; what is not there is not signed
        inner.seek(0)
        yield inner
