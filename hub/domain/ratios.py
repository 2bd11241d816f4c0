"""An exact ratio as Vietnamese offices print it.

Owns: the one place where a ratio is rounded, for display.
Never: counts or divides (hub/reports/figures.py); takes a float.
Source: published reports of ministries and provinces: `99,8 %` (domain notes §5.1).
"""

from __future__ import annotations

from fractions import Fraction


def percent_vi(ratio: Fraction | None, *, places: int = 1) -> str:
    """The ratio as Vietnamese offices print it; rounded half up, decimal comma.

    >>> percent_vi(Fraction(18274, 18302)), percent_vi(None)
    ('99,8 %', '–')
    """
    if ratio is None:
        return "–"
    scale = 10**places
    scaled = (ratio * 100 * scale * 2 + 1) // 2
    whole, part = divmod(int(scaled), scale)
    return f"{whole},{part:0{places}d} %" if places else f"{whole} %"
