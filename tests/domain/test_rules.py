"""Rule packs: the one in force on a day; a broken one stops the start and says which."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from importlib.resources import files

import pytest

from hub.domain import rules
from hub.domain.envelopes import BusinessType
from hub.domain.findings import Severity
from hub.domain.rules import pack_on, read_pack
from hub.domain.statuses import StatusCode
from hub.errors import Misconfigured

GOOD = (files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8")


def test_the_pack_of_today():
    pack = pack_on(date(2026, 3, 2))
    assert pack.pack_id == "qd28-2018"
    assert pack.counted_business_types == {BusinessType.NEW, BusinessType.REPLACE}
    assert pack.changed_attachments is Severity.WARNING
    assert pack.held_expires_after == timedelta(hours=72)
    assert set(pack.status_names) == {code.value for code in StatusCode}


def test_before_the_law_there_is_no_pack():
    with pytest.raises(Misconfigured, match="2018-09-05"):
        pack_on(date(2018, 9, 5))
    assert pack_on(date(2018, 9, 6)).pack_id == "qd28-2018"


def test_the_latest_pack_that_has_begun_wins_and_an_ended_one_does_not(monkeypatch):
    def pack(name: str, begins: str, ends: str = "") -> rules.RulePack:
        text = GOOD.replace("2018-09-06", begins).replace('id = "qd28-2018"', f'id = "{name}"')
        return read_pack(
            text.replace("[counting]", f"in_force_until = {ends}\n[counting]" if ends else "[counting]"), name=name
        )

    packs = (
        pack("old", "2018-09-06", "2026-10-31"),
        pack("new", "2026-11-01"),
        pack("trial", "2026-12-01", "2026-12-01"),
    )
    monkeypatch.setattr(rules, "_packs", lambda: packs)
    assert pack_on(date(2026, 10, 31)).pack_id == "old"
    assert pack_on(date(2026, 11, 1)).pack_id == "new"
    assert pack_on(date(2026, 12, 1)).pack_id == "trial"
    assert pack_on(date(2026, 12, 2)).pack_id == "new"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[held]", "[holding]"),
        ("[pack]", "[pack"),
        ("2018-09-06", '"2018-09-06"'),
        ("2018-09-06", "2018-09-06T00:00:00Z"),
        ('["new", "replace"]', '["new", "invented"]'),
        ('["new", "replace"]', "[1]"),
        ('changed_attachments = "warning"', 'changed_attachments = "loud"'),
        ("expires_after_hours = 72", 'expires_after_hours = "72"'),
        ('id = "qd28-2018"', ""),
        ('01 = { vi = "Đã đến", en = "arrived" }', '01 = "arrived"'),
    ],
)
def test_a_broken_pack_is_named(old, new):
    assert old in GOOD
    with pytest.raises(Misconfigured, match=r"broken\.toml"):
        read_pack(GOOD.replace(old, new), name="broken.toml")


def test_the_pack_counts_as_it_says():
    pack = pack_on(date(2026, 3, 2))
    assert pack.unfetched_after == timedelta(hours=24)
    assert len(pack.document_types) == 32
    raw = tomllib.loads(GOOD)
    switched_off = [row["id"] for row in raw["indicators"] if not row.get("active", True)]
    assert [one.indicator_id for one in pack.indicators] == [
        row["id"] for row in raw["indicators"] if row["id"] not in switched_off
    ]
    named = {name for row in raw["indicators"] for name in row["exclusions"]}
    assert named == set(raw["counting"]["exclusions"]), "words of exclusions that no indicator names"


def test_the_newest_pack_comes_first(monkeypatch):
    older = read_pack(GOOD, name="older")
    newer = read_pack(GOOD.replace("2018-09-06", "2026-11-01"), name="newer")
    monkeypatch.setattr(rules, "_packs", lambda: (older, newer))
    assert rules.packs() == (newer, older)


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ('better = "lower"', 'better = "less"', r"\[\[indicators\]\] 3 \('electronic_with_paper'\)"),
        ('id = "paper_only"', 'id = "fully_electronic"', r"\[\[indicators\]\] 5 \('fully_electronic'\)"),
        ('measure = "on_time"', 'mesure = "on_time"', r"'sent_on_time'\): unknown: mesure"),
        ('["giay_moi", "thong_bao"]', '["giay_moi", "to_gap"]', r"'fully_electronic'\): document_types: 'to_gap'"),
        ('id = "quy_dinh"', 'id = "quy_che"', r"\[\[document_types\]\] 5 \('quy_che'\): an id that another type has"),
        ('abbreviation = "BC"', 'short = "BC"', r"\[\[document_types\]\] 14 \('bao_cao'\)"),
        ("unfetched_after_hours = 24", "unfetched_after_hours = 0", "no number of hours"),
        ("unfetched_after_hours = 24", "unfetched_after_hours = true", "no number of hours"),
        ("unfetched_after_hours = 24", "unfetched_after_hours = 99999999999", "Correct"),
        ('en = "Recalled documents', 'english = "Recalled documents', "'en'"),
        ("unfetched_after_hours = 24", "", "unfetched_after_hours"),
    ],
)
def test_a_broken_row_of_what_is_counted_is_named(old, new, row):
    assert old in GOOD
    with pytest.raises(Misconfigured, match=r"schemas/rules/broken\.toml.*" + row):
        read_pack(GOOD.replace(old, new, 1), name="broken.toml")


def test_an_indicator_is_switched_off_in_the_pack():
    row = 'id = "sent_on_time"'
    off = read_pack(GOOD.replace(row, f"{row}\nactive = false"), name="off.toml")
    assert "sent_on_time" in {one.indicator_id for one in pack_on(date(2026, 3, 2)).indicators}
    assert "sent_on_time" not in {one.indicator_id for one in off.indicators}
