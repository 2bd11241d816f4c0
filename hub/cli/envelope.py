"""`hub envelope check FILE`: what the hub would say about a file's structure, before it is sent.

Owns: the printed and the JSON form of a list of findings; the exit codes 0, 1, 2.
Never: judges signatures, agencies or routing; it needs no database.
Source: issue 1 part 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from hub.domain.envelopes import Envelope
from hub.domain.findings import Finding, Verdict, describe, describe_error, verdict_of
from hub.edxml.validator import Checked, check_file
from hub.errors import Refusal

EXIT_FINE, EXIT_ERRORS, EXIT_UNREADABLE = 0, 1, 2


@click.group()
def envelope() -> None:
    """Kiểm tra gói tin edXML / look at edXML envelopes."""


@envelope.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON for programs instead of text.")
def check(*, file: Path, as_json: bool) -> None:
    """Đọc FILE và nêu mọi điểm chưa đúng / read FILE and list everything that is not right."""
    try:
        checked = check_file(file)
    except Refusal as refusal:
        _print_refusal(refusal, as_json=as_json)
        sys.exit(EXIT_UNREADABLE)
    try:
        _print_checked(checked, as_json=as_json)
    finally:
        for spool in checked.reading.spools.values():
            spool.close()
    sys.exit(EXIT_ERRORS if verdict_of(checked.findings) is Verdict.REJECTED else EXIT_FINE)


def _print_checked(checked: Checked, *, as_json: bool) -> None:
    verdict = verdict_of(checked.findings)
    read = checked.reading.envelope
    if as_json:
        facts = {
            "verdict": verdict.value,
            "kind": read.kind.value,
            "dialect": read.dialect,
            "sender": read.sender.organ_id,
            "document_id": read.document_id,
            "size_bytes": checked.reading.size_bytes,
            "sha256": checked.reading.sha256,
            "attachments": [_attachment_facts(read, index) for index in range(len(read.attachments))],
            "findings": [_finding_facts(finding) for finding in checked.findings],
        }
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    click.echo(f"{verdict.value.upper()}  {read.kind.value}  {read.dialect}  {checked.reading.size_bytes} bytes")
    click.echo(f"  {read.sender.organ_id or '?'} → {_addressed(read)}")
    for attachment in read.attachments:
        click.echo(f"  {_shown([attachment.name])}  {attachment.media_type}  {attachment.size_bytes} bytes")
    for finding in checked.findings:
        _print_finding(finding)


def _addressed(read: Envelope) -> str:
    if read.status is None:
        return _shown(party.organ_id for party in read.addressees)
    answered = read.status.response_for
    return f"{_shown([answered.organ_id])}  {read.status.status_code}: {_shown([answered.document_id])}"


def _print_finding(finding: Finding) -> None:
    words = describe(finding)
    click.echo(f"\n[{finding.severity.value}] {finding.code}  {_shown([finding.where])}")
    click.echo(f"  vi: {words.vi}\n      → {words.fix_vi}")
    click.echo(f"  en: {words.en}\n      → {words.fix_en}")


def _print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    words = describe_error(refusal.code, refusal.facts)
    if as_json:
        facts = {"verdict": "unreadable", "code": refusal.code, "facts": refusal.facts}
        facts |= {"vi": words.vi, "en": words.en, "fix_vi": words.fix_vi, "fix_en": words.fix_en}
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    details = "  ".join(f"{name}={_shown([value])}" for name, value in refusal.facts.items() if value)
    click.echo(f"UNREADABLE  {refusal.code}  {details}")
    click.echo(f"  vi: {words.vi}\n      → {words.fix_vi}")
    click.echo(f"  en: {words.en}\n      → {words.fix_en}")


def _finding_facts(finding: Finding) -> dict[str, object]:
    words = describe(finding)
    return {
        "check": finding.check,
        "code": finding.code,
        "severity": finding.severity.value,
        "where": finding.where,
        "evidence": dict(finding.evidence),
        "vi": words.vi,
        "en": words.en,
        "fix_vi": words.fix_vi,
        "fix_en": words.fix_en,
        "source": words.source,
    }


def _attachment_facts(read: Envelope, index: int) -> dict[str, object]:
    attachment = read.attachments[index]
    return {
        "content_id": attachment.content_id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "zip_entry": attachment.zip_entry,
        "size_bytes": attachment.size_bytes,
        "sha256": attachment.sha256,
    }


def _shown(texts: Iterable[str]) -> str:
    """Text from outside, safe for a terminal."""
    return ", ".join("".join(c if c.isprintable() else "·" for c in text) for text in texts)
