"""Rule packs: the one in force on a day; a broken one stops the start and says which."""

from __future__ import annotations

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
