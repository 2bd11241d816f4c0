"""Checks what the seals of a bundle prove: each receipt's place, each seal's head, each timestamp.

Owns: these four steps; a receipt or seal that still waits is told, never a failure.
Never: asks the hub whether a seal is the one of its chain (`hub audit chain` walks the whole chain there).
Source: RFC 6962 §2.1.1; RFC 3161 §2.4.2; threats E21, E23.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hub.bundles import contents
from hub.bundles.contents import Bundle
from hub.bundles.judging import Evidence, evidence_of
from hub.bundles.report import Step, absent, broken, sound
from hub.domain.findings import describe
from hub.domain.periods import vietnam_time
from hub.domain.seals import SealStatement, proof_from_json
from hub.signatures import timestamps as tokens
from hub.signatures import trust
from hub.signatures.timestamps import Expected, TokenReport
from hub.signatures.trust import Usage


def proofs(bundle: Bundle) -> Step:
    """Every sealed receipt is a leaf of its seal."""
    if not bundle.proofs:
        return absent("proofs", "bundle.no_proof_yet")
    for receipt in bundle.receipts:
        value = bundle.proofs.get(receipt.entry.id)
        if value is None:
            continue
        try:
            proved = proof_from_json(value).proves(receipt.jws)
        except ValueError:
            proved = False
        if not proved:
            return broken("proofs", "bundle.proof_wrong", name=receipt.entry.file)
    return sound("proofs", "bundle.proofs_hold", count=str(len(bundle.proofs)))


def seals(bundle: Bundle) -> Step:
    """One statement for each number, made after its receipts, and heads that link where neighbours are here."""
    found: dict[int, SealStatement] = {}
    for statement in _statements(bundle):
        if found.setdefault(statement.number, statement) != statement:
            return broken("seals", "bundle.seal_twice", number=str(statement.number))
        if (statement.number == 1) != (statement.previous == ""):
            return broken("seals", "bundle.seal_unlinked", number=str(statement.number))
    for before, after in pairwise(sorted(found)):
        if after == before + 1 and found[after].previous != found[before].head:
            return broken("seals", "bundle.seal_unlinked", number=str(after))
    for receipt in bundle.receipts:
        value = bundle.proofs.get(receipt.entry.id)
        issued = int((receipt.claims or {}).get("iat", 0))
        if value is not None and proof_from_json(value).statement.sealed_at.timestamp() < issued - _CLOCK_SECONDS:
            return broken("seals", "bundle.seal_too_early", name=receipt.entry.file)
    if not found:
        return absent("seals", "bundle.no_proof_yet")
    return sound("seals", "bundle.seals_hold", count=str(len(found)))


_CLOCK_SECONDS = tokens.CLOCKS_DIFFER.total_seconds()


def timestamps(bundle: Bundle) -> Step:
    """Every timestamp is for the head of its seal, made by a trusted authority and not before the seal."""
    statements = {statement.number: statement for statement in _statements(bundle)}
    there = {number: contents.token_name(number) for number in sorted(statements)}
    there = {number: name for number, name in there.items() if name in bundle.container.places}
    strays = {name for name in bundle.container.places if name.startswith(contents.TIMESTAMPS)} - set(there.values())
    if strays:
        return broken("timestamps", "bundle.part_unexpected", name=min(strays))
    unsure, latest, evidence = [], "", evidence_of(bundle)
    for number, name in there.items():
        report = _token(bundle, statements[number], name, evidence)
        if report.invalid or report.timestamp is None:
            why = describe(report.findings[0]) if report.findings else None
            facts = {"why_vi": why.vi if why else "?", "why_en": why.en if why else "?"}
            return broken("timestamps", "bundle.timestamp_wrong", name=name, **facts)
        latest = vietnam_time(report.timestamp.gen_time)
        unsure += [] if report.valid else [name]
    if unsure:
        return absent("timestamps", "bundle.timestamp_undetermined", names=", ".join(unsure), latest=latest)
    if not there:
        return absent("timestamps", "bundle.no_timestamp_yet")
    missing = str(len(statements) - len(there))
    return sound("timestamps", "bundle.timestamps_trusted", count=str(len(there)), latest=latest, missing=missing)


def unsealed(bundle: Bundle) -> Step:
    """Which receipts no seal covers yet."""
    waiting = [one.entry.file for one in bundle.receipts if one.entry.id not in bundle.proofs]
    if waiting:
        return absent("unsealed", "bundle.not_sealed_yet", count=str(len(waiting)), names=", ".join(waiting))
    return sound("unsealed", "bundle.all_sealed", count=str(len(bundle.receipts)))


def _statements(bundle: Bundle) -> Iterator[SealStatement]:
    for value in bundle.proofs.values():
        yield proof_from_json(value).statement


def _token(bundle: Bundle, statement: SealStatement, name: str, evidence: Evidence) -> TokenReport:
    token = bundle.container.read(name, most_bytes=contents.MOST_TOKEN_BYTES)
    anchors = bundle.trust.timestamping
    return tokens.verify_token(
        token,
        Expected(bytes.fromhex(statement.head), not_before=statement.sealed_at, not_after=bundle.index.made_at),
        judge=lambda leaf, others, at: (
            trust.chain(leaf, others, anchors, moment=at, evidence=evidence, usage=Usage.TIMESTAMPING).findings
        ),
    )
