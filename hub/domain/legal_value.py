"""Does an e-document replace its paper, and why: the question that the paper-free percentages rest on.

Owns: LegalValueRules (from the rule pack) and the reasons, each a Finding with its sentence.
Never: judges a signature; asks whether the envelope says that paper goes along.
Source: Decision 28/2018/QĐ-TTg Art. 4; Decree 30/2020/NĐ-CP Art. 5, 25 and Annex I.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hub.domain.findings import Finding, Severity
from hub.domain.signatures import Judgement, PdfSignature, Role

CHECK = "legal_value"
_NAMES = {
    Role.PERSONAL_SIGNATURE: ("chữ ký số của người có thẩm quyền", "signature of the authorised person"),
    Role.AGENCY_SEAL: ("chữ ký số của cơ quan ban hành", "seal of the issuing agency"),
}


@dataclass(frozen=True, slots=True)
class LegalValueRules:
    """Which valid signatures the document needs, and which the further files beside it."""

    document: tuple[Role, ...]
    further_files: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class SignedFile:
    """One attachment: its name, and its signatures when it is a PDF (None when it is not)."""

    content_id: str
    name: str
    signatures: tuple[PdfSignature, ...] | None


@dataclass(frozen=True, slots=True)
class LegalValue:
    """The answer with its reasons; there is always at least one."""

    replaces_paper: bool
    because: tuple[Finding, ...]


def judge(
    files: Sequence[SignedFile], rules: LegalValueRules, *, of_the_sender: Callable[[PdfSignature], bool]
) -> LegalValue:
    """The first file is the document, the others go beside it [confirm]; all must be signed as the rules say.

    `of_the_sender` tells whether a seal belongs to the sending agency.
    """
    if not files:
        return LegalValue(replaces_paper=False, because=(Finding(CHECK, "legal_value.no_file", Severity.NOTE),))
    lacking = [*_lacking(files[0], rules.document, of_the_sender)]
    for file in files[1:]:
        lacking += _lacking(file, rules.further_files, of_the_sender)
    if lacking:
        return LegalValue(replaces_paper=False, because=tuple(lacking))
    count = str(sum(len(file.signatures or ()) for file in files))
    whole = Finding(CHECK, "legal_value.whole", Severity.NOTE, "", {"files": str(len(files)), "signatures": count})
    return LegalValue(replaces_paper=True, because=(whole,))


def _lacking(
    file: SignedFile, needed: Sequence[Role], of_the_sender: Callable[[PdfSignature], bool]
) -> Iterator[Finding]:
    where = f"cid:{file.content_id}"
    if file.signatures is None:
        if needed:
            yield Finding(CHECK, "legal_value.not_a_pdf", Severity.NOTE, where, {"file": file.name})
        return
    for role in needed:
        own = [one for one in file.signatures if one.role is role]
        facts = {"file": file.name, "what_vi": _NAMES[role][0], "what_en": _NAMES[role][1]}
        valid = [one for one in own if one.judgement is Judgement.VALID]
        if not own:
            yield Finding(CHECK, "legal_value.lacks", Severity.NOTE, where, facts)
        elif not valid:
            word = own[-1].sub_indication or own[-1].judgement.value
            yield Finding(CHECK, "legal_value.not_valid", Severity.NOTE, where, {**facts, "why": word})
        elif role is Role.AGENCY_SEAL and not any(of_the_sender(one) for one in valid):
            organisation = valid[-1].organisation
            yield Finding(CHECK, "legal_value.of_another", Severity.NOTE, where, {**facts, "whose": organisation})
    if any(one.judgement is Judgement.INVALID for one in file.signatures):
        yield Finding(CHECK, "legal_value.one_is_invalid", Severity.NOTE, where, {"file": file.name})
