"""The page of indicators: formula, what stands outside, source, target and a worked example of each.

Owns: docs/indicators.md; the figures of one made-up office, from which every example is worked.
Never: holds a formula, a source or a target (schemas/rules); a figure that was not worked out here.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15; hub/domain/indicators.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction

from hub.domain.counting import Cell, Measure, Paper, Signed, Sums, Validity
from hub.domain.declarations import DeclaredKind
from hub.domain.indicators import AgencyState, Better, Counts, Indicator, Selection, Target
from hub.domain.ratios import percent_vi
from hub.domain.rules import RulePack
from hub.domain.selections import agencies_of, words
from hub.reports.formats import number_vi

_BETTER = {
    Better.HIGHER: "càng cao càng tốt / higher is better",
    Better.LOWER: "càng thấp càng tốt / lower is better",
    Better.NEITHER: "không so tốt xấu / neither is better",
}
_FREE, _NOT_REPLACING = Paper.PAPER_FREE, Paper.NOT_REPLACING

# One office, one month: documents, type, paper, whose signatures, what they are worth, TIMED, ON_TIME.
_SENT = (
    (1640, "cong_van", _FREE, Signed.BOTH, Validity.VALID, 1640, 1622),
    (120, "giay_moi", _FREE, Signed.BOTH, Validity.VALID, 120, 120),
    (88, "thong_bao", _FREE, Signed.BOTH, Validity.VALID, 88, 88),
    (2, "thong_bao", Paper.WITH_PAPER, Signed.BOTH, Validity.VALID, 2, 2),
    (310, "quyet_dinh", Paper.WITH_PAPER, Signed.BOTH, Validity.VALID, 310, 301),
    (40, "bao_cao", _NOT_REPLACING, Signed.AGENCY, Validity.UNDETERMINED, 40, 36),
    (12, "bao_cao", _NOT_REPLACING, Signed.NONE, Validity.UNSIGNED, 10, 10),
    (8, "cong_van", Paper.NOT_SAID, Signed.PERSON, Validity.INVALID, 8, 7),
)
_RECEIVED: Sums = Counter(
    {
        Measure.DOCUMENTS: 5120,
        Measure.SAME_DAY: 4988,
        Measure.FED_BACK: 4870,
        Measure.ACCEPTED: 4800,
        Measure.COMPLETED: 3912,
        Measure.DECLINED: 70,
        Measure.UNFETCHED: 96,
    }
)
_DECLARED = (
    (DeclaredKind.SENT_PAPER_ONLY, "", 55),
    (DeclaredKind.SENT_ELSEWHERE_PAPER_FREE, "", 20),
    (DeclaredKind.SENT_ELSEWHERE_WITH_PAPER, "", 5),
    (DeclaredKind.RECEIVED_PAPER_ONLY, "", 130),
    (DeclaredKind.RECEIVED_ELSEWHERE, "", 60),
    (DeclaredKind.LEADERS, "", 16),
)
_SIGNERS = 14
_STATE = AgencyState
_AGENCIES = (  # how many, and how they stand beside being there
    (3, frozenset({_STATE.CONNECTED, _STATE.PLANNED, _STATE.DUE, _STATE.CERTIFIED, _STATE.SIGNING})),
    (1, frozenset({_STATE.CONNECTED, _STATE.CERTIFIED, _STATE.SIGNING, _STATE.LEGACY})),
    (1, frozenset({_STATE.CONNECTED, _STATE.PLANNED, _STATE.DUE})),
    (11, frozenset({_STATE.PLANNED, _STATE.CERTIFIED})),
    (2, frozenset({_STATE.PLANNED, _STATE.DUE})),
    (4, frozenset()),
)


def lines(packs: tuple[RulePack, ...]) -> Iterator[str]:
    """The page, line by line."""
    yield from ("# Chỉ tiêu / indicators", "")
    yield (
        "Mỗi chỉ tiêu là dữ liệu trong gói quy tắc (`schemas/rules/*.toml`, `[[indicators]]`); thêm, đổi hoặc tắt "
        "(`active = false`) thì sửa ở đó, không sửa mã nguồn. Một văn bản tính một lần ở bên gửi và một lần ở mỗi nơi "
        "nhận; hai phía không bao giờ cộng vào nhau. Phần trục thấy và phần đơn vị khai báo luôn được nêu riêng. "
        "`[confirm]`: chưa có nguồn xác nhận. Chỉ tiêu chỉ có mục tiêu khi mục tiêu có nguồn."
    )
    yield ""
    yield (
        "Every indicator is data of the rule pack (`schemas/rules/*.toml`, `[[indicators]]`): add, change or switch "
        "one off (`active = false`) there, not in the code. A document counts once at its sender and once per "
        "recipient; the two are never added. What the hub saw and what was declared are always told apart. "
        "`[confirm]`: no source settles it. There is no target without a source."
    )
    yield from _example_lines(packs[0])
    for pack in packs:
        yield from ("", f"## {pack.title} (`{pack.pack_id}`)", "")
        hours = int(pack.unfetched_after.total_seconds()) // 3600
        yield f"- Từ / from {_day(pack.in_force_from)}{_until(pack.in_force_until)}"
        yield f"- Chưa lấy về quá / not fetched in time after: {hours} giờ / hours [confirm]"
        for indicator in pack.indicators:
            yield from _indicator_lines(indicator, pack)


def _example_lines(pack: RulePack) -> Iterator[str]:
    """The made-up office, so that every example can be worked again by hand."""
    names = {one.type_id: f"{one.vi} / {one.en}" for one in pack.document_types}
    yield from ("", "## Số liệu của các ví dụ / the figures of the examples", "")
    yield "Một cơ quan, một tháng, số liệu giả định / one office, one month, made up. Văn bản đi / outgoing documents:"
    yield from ("", "| Số văn bản / documents | Loại / type | `paper` | `signed` | `validity` | `timed` | `on_time` |")
    yield "|---:|---|---|---|---|---:|---:|"
    for count, type_id, paper, signed, validity, timed, on_time in _SENT:
        kind = f"{names.get(type_id, type_id)} | `{paper}` | `{signed}` | `{validity}`"
        yield f"| {number_vi(count)} | {kind} | {number_vi(timed)} | {number_vi(on_time)} |"
    yield ""
    yield from (f"- {vi} / {en}: {number_vi(count)}" for (vi, en), count in _other_figures())


def _other_figures() -> Iterator[tuple[tuple[str, str], int]]:
    for measure, count in _RECEIVED.items():
        yield words(Counts.RECEIVED, Selection(measure=measure), {}), count
    for kind, _, count in _DECLARED:
        yield words(Counts.SENT, Selection(seen=False, declared=frozenset({kind})), {}), count
    yield words(Counts.PEOPLE, Selection(), {}), _SIGNERS
    for state in AgencyState:
        count, _ = agencies_of(Selection(state=state), Selection(state=AgencyState.ALL), _standing())
        yield words(Counts.AGENCIES, Selection(state=state), {}), count


def _indicator_lines(one: Indicator, pack: RulePack) -> Iterator[str]:
    yield from ("", f"### {one.vi} / {one.en}", "")
    yield f"`{one.indicator_id}` · {one.unit_vi} / {one.unit_en} · {_BETTER[one.better]}"
    yield from ("", f"- **Công thức / formula:** {one.formula_vi}<br>{one.formula_en}")
    if one.exclusions:
        yield "- **Không tính / not counted:**"
        yield from (f"  - {vi}<br>{en}" for vi, en in one.exclusions)
    yield f"- **Nguồn / source:** {one.source}"
    names = {kind.type_id: (kind.vi, kind.en) for kind in pack.document_types}
    for target in one.targets:
        yield f"- **Mục tiêu / target:** {_target(target, names)}"
    if not one.targets:
        yield "- **Mục tiêu / target:** chưa có nguồn / no source"
    if one.by_type:
        yield "- Cũng tính theo từng loại văn bản / also by type of document"
    yield f"- **Ví dụ / example:** {worked(one)}"
    for document_type in sorted({name for target in one.targets for name in target.document_types}):
        vi, en = names[document_type]
        yield f"- **Ví dụ / example, {vi} / {en}:** {worked(one, document_type)}"


def _target(target: Target, names: dict[str, tuple[str, str]]) -> str:
    share = target.share * 100
    said = percent_vi(target.share, places=0 if share.denominator == 1 else 1)
    if target.document_types:
        kinds = [names[one] for one in sorted(target.document_types)]
        said += f" ({', '.join(vi for vi, _ in kinds)} / {', '.join(en for _, en in kinds)})"
    if target.from_day:
        said += f", từ / from {_day(target.from_day)}"
    return f"{said}{_until(target.until)}; {target.source}"


def worked(indicator: Indicator, document_type: str = "") -> str:
    """The example: both sides with their declared parts, and the percentage of the made-up office."""
    sides = (indicator.numerator, indicator.denominator)
    if document_type:
        sides = tuple(replace(side, document_types=frozenset({document_type})) for side in sides)
    if indicator.counts is Counts.AGENCIES:
        seen = agencies_of(*sides, _standing())
    else:
        seen = tuple(_seen(indicator.counts, side) for side in sides)
    declared = tuple(side.declared_of(_DECLARED) for side in sides)
    above, below = (_side(found, added, side) for found, added, side in zip(seen, declared, sides, strict=True))
    total = [found + added for found, added in zip(seen, declared, strict=True)]
    ratio = Fraction(total[0], total[1]) if total[1] else None
    return f"{above} ÷ {below} = **{percent_vi(ratio)}**"


def _seen(counts: Counts, side: Selection) -> int:
    if counts is Counts.PEOPLE:
        return _SIGNERS if side.seen else 0
    return side.seen_of(_cells(counts))


def _cells(counts: Counts) -> Iterator[tuple[Cell, Sums]]:
    if counts is Counts.RECEIVED:
        yield Cell("cong_van", 0, _FREE, Signed.BOTH, Validity.VALID), _RECEIVED
        return
    for documents, type_id, paper, signed, validity, timed, on_time in _SENT:
        sums = Counter({Measure.DOCUMENTS: documents, Measure.TIMED: timed, Measure.ON_TIME: on_time})
        yield Cell(type_id, 0, paper, signed, validity), sums


def _standing() -> Iterator[frozenset[AgencyState]]:
    for count, states in _AGENCIES:
        yield from [states | {AgencyState.ALL}] * count


def _side(seen: int, declared: int, side: Selection) -> str:
    if not side.declared:
        return number_vi(seen)
    if not side.seen:
        return f"{number_vi(declared)} khai báo / declared"
    return f"({number_vi(seen)} + {number_vi(declared)} khai báo / declared)"


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _until(day: date | None) -> str:
    return f" đến / to {_day(day)}" if day else ""
