"""Of which kind a counted document is: its type, its paper, whose signatures it has and what they are worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.counting import Cell, Paper, Signed, Validity
from hub.domain.signatures import Judgement, Role
from hub.domain.what_counts import FoundSignature, cell_of, of_sender, people
from tests.domain.test_what_counts import PERSON, RULES, SEAL, SENDING, TAKEN, received


@pytest.mark.parametrize(
    ("paper", "replaces", "kind"),
    [
        (0, True, Paper.PAPER_FREE),
        (0, False, Paper.NOT_REPLACING),
        (1, False, Paper.WITH_PAPER),
        (1, True, Paper.WITH_PAPER),
        (None, True, Paper.NOT_SAID),
    ],
)
def test_paper_is_what_was_said_and_what_the_law_makes_of_it(paper, replaces, kind):
    assert cell_of(replace(SENDING, paper=paper, replaces_paper=replaces), RULES).paper is kind


@pytest.mark.parametrize(
    ("signatures", "signed", "validity"),
    [
        ((), Signed.NONE, Validity.UNSIGNED),
        ((PERSON,), Signed.PERSON, Validity.VALID),
        ((SEAL,), Signed.AGENCY, Validity.VALID),
        ((PERSON, SEAL), Signed.BOTH, Validity.VALID),
        ((PERSON, replace(SEAL, judgement=Judgement.UNDETERMINED)), Signed.BOTH, Validity.UNDETERMINED),
        (
            (replace(PERSON, judgement=Judgement.UNDETERMINED), replace(SEAL, judgement=Judgement.INVALID)),
            Signed.BOTH,
            Validity.INVALID,
        ),
        ((replace(SEAL, file=1),), Signed.NONE, Validity.VALID),  # on an annex only
        ((PERSON, replace(SEAL, file=2, judgement=Judgement.INVALID)), Signed.PERSON, Validity.INVALID),
    ],
)
def test_whose_signatures_it_has_and_what_the_worst_is_worth(signatures, signed, validity):
    cell = cell_of(replace(SENDING, signatures=signatures), RULES)
    assert (cell.signed, cell.validity) == (signed, validity)


@pytest.mark.parametrize("role", Role)
def test_other_roles_than_a_person_and_the_agency_do_not_sign(role):
    cell = cell_of(replace(SENDING, signatures=(FoundSignature(0, role, Judgement.VALID, ""),)), RULES)
    known = {Role.PERSONAL_SIGNATURE: Signed.PERSON, Role.AGENCY_SEAL: Signed.AGENCY}
    assert cell.signed is known.get(role, Signed.NONE)


@pytest.mark.parametrize(
    ("name", "notation", "document_type"),
    [("Giấy mời", "1/BC-VP", "giay_moi"), ("", "12/BC-VP", "bao_cao"), ("gì đó", "12/VP", "other")],
)
def test_the_type_is_told_by_its_name_else_by_the_symbol(name, notation, document_type):
    cell = cell_of(replace(SENDING, type_name=name, notation=notation, urgency=3), RULES)
    assert cell == Cell(document_type, 3, Paper.PAPER_FREE, Signed.BOTH, Validity.VALID)


def test_both_directions_are_of_one_kind():
    assert of_sender(SENDING, RULES).cell == received(TAKEN).cell == cell_of(SENDING, RULES)


def test_people_are_those_with_a_valid_signature_of_their_own_each_once():
    again = replace(PERSON, file=1)
    other = replace(PERSON, subject="CN=Trần Văn Mẫu")
    invalid = replace(other, judgement=Judgement.INVALID)
    nameless = replace(PERSON, subject="")
    assert len(people(replace(SENDING, signatures=(PERSON, again, SEAL, invalid, nameless)))) == 1
    both = people(replace(SENDING, signatures=(PERSON, other)))
    assert len(both) == 2
    assert all(len(one) == 32 and "Mẫu" not in one for one in both)
    assert people(replace(SENDING, signatures=(PERSON,))) < both
    assert people(replace(SENDING, signatures=())) == frozenset()
