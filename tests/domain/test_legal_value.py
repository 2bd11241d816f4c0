"""When a document replaces its paper: Decision 28/2018 Art. 4, Decree 30/2020 Art. 5."""

from __future__ import annotations

import pytest

from hub.domain import legal_value
from hub.domain.findings import describe
from hub.domain.legal_value import LegalValue, LegalValueRules, SignedFile
from hub.domain.signatures import Judgement, PdfSignature, Role
from tests.support.reports import person, sealed

RULES = LegalValueRules((Role.PERSONAL_SIGNATURE, Role.AGENCY_SEAL), (Role.AGENCY_SEAL,))


def judged(*files: tuple[PdfSignature, ...] | None, own: bool = True) -> LegalValue:
    given = [SignedFile(str(number), f"{number}.pdf", one) for number, one in enumerate(files)]
    return legal_value.judge(given, RULES, of_the_sender=lambda _: own)


def codes(value: LegalValue) -> list[str]:
    for reason in value.because:
        assert "{" not in describe(reason).vi + describe(reason).en
    return [reason.code for reason in value.because]


def test_signed_by_the_person_and_sealed_by_the_agency():
    value = judged((person(), sealed()), (sealed(),))
    assert value.replaces_paper
    assert codes(value) == ["legal_value.whole"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "legal_value.no_file"),
        ([None], "legal_value.not_a_pdf"),
        ([()], "legal_value.lacks"),
        ([(person(),)], "legal_value.lacks"),
        ([(sealed(),)], "legal_value.lacks"),
        ([(person(judgement=Judgement.UNDETERMINED, sub_indication="TRY_LATER"), sealed())], "legal_value.not_valid"),
        ([(person(), sealed(judgement=Judgement.INVALID, sub_indication="REVOKED"))], "legal_value.not_valid"),
        ([(person(), sealed()), ()], "legal_value.lacks"),
        ([(person(), sealed()), None], "legal_value.not_a_pdf"),
    ],
)
def test_anything_less_does_not(files, code):
    value = judged(*files)
    assert not value.replaces_paper
    assert code in codes(value)


def test_another_agencys_seal_does_not_count():
    value = judged((person(), sealed()), own=False)
    assert not value.replaces_paper
    assert codes(value) == ["legal_value.of_another"]


def test_one_invalid_signature_spoils_the_file_even_beside_valid_ones():
    """P7: two signatures, one of them invalid."""
    value = judged((person(), sealed(), sealed(number=3, judgement=Judgement.INVALID)))
    assert not value.replaces_paper
    assert codes(value) == ["legal_value.one_is_invalid"]


def test_the_file_that_lacks_something_is_named():
    value = judged((person(), sealed()), ())
    assert [reason.where for reason in value.because] == ["cid:1"]
