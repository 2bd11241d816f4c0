"""The copies of the invented year: placed, fetched, acknowledged, answered, or not; and what their recipients owe.

Owns: the life of one copy as rows of deliveries, statuses and duties; places and arrival numbers without gaps.
Never: writes receipts: a row names the receipt that a hub would have issued.
Source: hub/stations deliver, acknowledge, status, duties, expire (tests/demo/test_year.py compares their rows).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from hub.demo.year_country import Unit
from hub.demo.year_days import DAY, HOUR, MINUTE, day_of, written
from hub.demo.year_world import World, on_arrival, rule, time_to_live
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.statuses import StatusCode
from hub.stations.status import SEEN_BY_HUB
from hub.store.bulk import NOTHING, Numbers, escaped

NEVER = 1 << 62
_WORDS = {one: one.value for words in (DeliveryState, StatusCode, DutyKind, DutyOutcome) for one in words}  # looked up
REFUSED, DECLINED, FORGOTTEN = 0.0015, 0.009, 0.004  # shares of all copies
GIVES_UP, KEEPS = 0.86, 0.92  # of those asked to give up a copy: 86 % do, 6 % decline, 8 % have not answered
RECALLED = "bên gửi thu hồi trước khi nơi nhận lấy / recalled before it was taken"
_LONG_AFTER = 2.2 * DAY  # the longest that a slow agency lets a copy lie
_TICK = 20  # seconds until the clock of a hub sees that something is over
_WORDS_OF_REFUSAL = "Hệ thống nơi nhận báo lỗi dữ liệu."
_NEVER_FETCHED = "văn bản nằm trong hộp thư đến của {to}, chưa từng được lấy", "it lies in the inbox of {to}, unfetched"


@dataclass(slots=True)
class Paper:
    """What a copy must know of its document; moments in seconds. `recalled`: when its recall was routed, or NEVER."""

    consignment_id: str
    beginning: str
    day: date
    created: int
    urgency: int
    lane: str
    due_on: date | None = None
    recalled: int = NEVER
    recall_id: str = ""


@dataclass(slots=True)
class Copy:
    """One copy as it went; a moment that never came is NEVER, `handled` is that of 06 or 02.

    `line`: its row as far as it is known.
    """

    unit: Unit
    delivery_id: str
    placed: int
    fetched: int = NEVER
    ended: int = NEVER
    handled: int = NEVER
    given_up: int = NEVER
    state: DeliveryState = DeliveryState.HANDED_OVER
    status_code: StatusCode | None = None
    same_as: str | None = None
    reason: str = ""
    numbered: bool = False
    position: int = 0
    line: str = ""
    statuses: list[str] = field(default_factory=list)
    duties: list[str] = field(default_factory=list)


class Copies:
    """Makes copies, and enters them into the rows when their place and number are known."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._position: Counter[str] = Counter()
        self._arrival: Counter[str] = Counter()
        self._to_place: dict[date, list[_Waiting]] = defaultdict(list)
        self._to_number: dict[date, list[_Waiting]] = defaultdict(list)

    def numbers(self) -> dict[str, Numbers]:
        """Where the numbering stands now."""
        return {key: Numbers(place, self._arrival[key]) for key, place in self._position.items()}

    def send(self, paper: Paper, unit: Unit) -> Copy:
        """The life of the copy of a document that this recipient gets."""
        world, roll = self._world, self._world.dice.random
        placed = paper.created + 1 + int(3 * roll())
        copy = Copy(unit, world.ids.new(paper.beginning), placed, *self._taken(unit, placed))
        over = paper.created + time_to_live(paper.day, paper.urgency)
        if copy.fetched > min(over, paper.recalled, world.end):
            self._lies(copy, paper, over)
        elif copy.ended > world.end:
            copy.ended, copy.state = NEVER, DeliveryState.IN_HAND
        elif roll() < REFUSED:
            copy.state, copy.reason = DeliveryState.REFUSED, _WORDS_OF_REFUSAL
        else:
            copy.numbered = True
            self._answers(copy, stop=min(paper.recalled, world.end))
            if paper.recalled != NEVER:
                self._is_asked_back(copy, paper)
        self._owes(copy, paper)
        self.enter(copy, paper)
        return copy

    def enter(self, copy: Copy, paper: Paper) -> None:
        """Its rows are written when its place and number are known."""
        copy.line = _line(copy, paper, self._world)
        if copy.placed == NEVER:
            self._write(copy, f"{NOTHING}\t{NOTHING}")
            return
        self._to_place[day_of(copy.placed)].append((copy.placed, copy.delivery_id, copy))
        if copy.numbered:
            self._to_number[day_of(copy.ended)].append((copy.ended, copy.delivery_id, copy))

    def settle(self, day: date) -> None:
        """Give places and numbers to what came on this Vietnamese day, in the order in which it came."""
        for _, _, copy in sorted(self._to_place.pop(day, ())):
            self._position[copy.unit.key] += 1
            copy.position = self._position[copy.unit.key]
            if not copy.numbered:
                self._write(copy, f"{copy.position}\t{NOTHING}")
        for _, _, copy in sorted(self._to_number.pop(day, ())):
            self._arrival[copy.unit.key] += 1
            self._write(copy, f"{copy.position}\t{self._arrival[copy.unit.key]}")

    def takes_a_notice(self, copy: Copy) -> None:
        """A notice is fetched as a document is; nobody numbers or answers it."""
        copy.fetched, copy.ended = self._taken(copy.unit, copy.placed)
        if copy.ended > self._world.end:
            copy.fetched = copy.fetched if copy.fetched <= self._world.end else NEVER
            copy.ended, copy.state = NEVER, DeliveryState.IN_HAND

    def _write(self, copy: Copy, numbers: str) -> None:
        rows = self._world.piece.rows
        rows["deliveries"].append(f"{copy.line}\t{numbers}")
        rows["statuses"] += copy.statuses
        rows["duties"] += copy.duties

    def _taken(self, unit: Unit, placed: int) -> tuple[int, int]:
        """When the recipient's system fetches and acknowledges it; most do so by themselves within minutes."""
        roll = self._world.dice.random
        if roll() < FORGOTTEN:
            return NEVER, NEVER
        if roll() < unit.habits.fetches:
            fetched = placed + 15 + int(900 * roll() ** 2)
        else:
            fetched = self._world.office.at_work(placed + HOUR + int(_LONG_AFTER * roll() ** 2))
        return fetched, fetched + 3 + int(40 * roll())

    def _lies(self, copy: Copy, paper: Paper, over: int) -> None:
        """Nobody fetched it: it was recalled, its time ended, or it lies there still."""
        copy.fetched = copy.ended = NEVER
        if paper.recalled < over:
            copy.ended, copy.state, copy.reason = paper.recalled, DeliveryState.WITHDRAWN, RECALLED
        elif over + _TICK <= self._world.end:
            copy.ended, copy.state = over + _TICK, DeliveryState.EXPIRED
            vi, en = (words.format(to=copy.unit.key) for words in _NEVER_FETCHED)
            hours = (copy.ended - paper.created) // HOUR
            copy.reason = f"Quá hạn giao sau {hours} giờ: {vi} / not delivered within {hours} hours: {en}"
        else:
            copy.state = DeliveryState.IN_HAND

    def _answers(self, copy: Copy, *, stop: int) -> None:
        """01 by the hub at once, then what the recipient's clerks say in office hours: 03 and 06, or 02."""
        roll, office, habits = self._world.dice.random, self._world.office, copy.unit.habits
        self._says(copy, StatusCode.ARRIVED, copy.ended, by_hub=True)
        registered = office.at_work(copy.ended + 4 * MINUTE + int(7 * HOUR * roll() ** 2))
        if registered > stop or roll() > habits.feeds_back:
            return
        if roll() < DECLINED:
            self._says(copy, StatusCode.DECLINED, registered)
            copy.handled = registered
            return
        self._says(copy, StatusCode.RECEIVED_BY_AGENCY, registered)
        handled = office.at_work(registered + 2 * HOUR + int(14 * DAY * roll() ** 2))
        if handled <= stop and roll() < habits.completes:
            self._says(copy, StatusCode.COMPLETED, handled)
            copy.handled = handled

    def _is_asked_back(self, copy: Copy, paper: Paper) -> None:
        """Who took it before the recall must cancel its copy and say so (15), or say that it will not (16)."""
        found = rule(paper.day, DutyKind.RECALL, paper.urgency)
        due = self._world.due(found, paper.recalled) if found else None
        if found is None or due is None:
            return
        roll = self._world.dice.random()
        at = self._world.office.at_work(paper.recalled + 10 * MINUTE + int(roll * 8 * HOUR))
        outcome = DutyOutcome.ACCEPTED if roll < GIVES_UP else DutyOutcome.DECLINED
        if roll > KEEPS or at > self._world.end:
            at = NEVER
        elif outcome is DutyOutcome.ACCEPTED:
            copy.given_up = at
            self._says(copy, StatusCode.CHANGE_ACCEPTED, at)
        else:
            self._says(copy, StatusCode.CHANGE_DECLINED, at)
        self._owed(copy, (DutyKind.RECALL, paper.recall_id), (paper.recalled, due, at), found.article, outcome)

    def _says(self, copy: Copy, code: StatusCode, at: int, *, by_hub: bool = False) -> None:
        """A status of the recipient; nobody sends a message about it, so none is owed. Answers move no status."""
        if code not in (StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_DECLINED):
            copy.status_code = code
        new, beginning, when = self._world.ids.new, self._world.ids.at(at), written(at)
        said = f"{copy.delivery_id}\t{_WORDS[code]}\t{copy.unit.key}\t{SEEN_BY_HUB if by_hub else ''}\t{when}\t{when}"
        copy.statuses.append(f"{new(beginning)}\t{said}\t{new(beginning)}\t{by_hub:d}\t0")

    def _owes(self, copy: Copy, paper: Paper) -> None:
        """What begins when the copy is placed: as hub/stations/duties.py begins and ends it."""
        for found in on_arrival(paper.day, paper.urgency):
            due = self._world.due(found, copy.placed, due_on=paper.due_on)
            if due is None:
                continue
            ended, outcome = copy.ended, DutyOutcome.MOOT
            if copy.state is DeliveryState.HANDED_OVER:
                ended, outcome = _met(copy, found.kind)
            self._owed(copy, (found.kind, NOTHING), (copy.placed, due, ended), found.article, outcome)

    def _owed(
        self,
        copy: Copy,
        what: tuple[DutyKind, str],
        times: tuple[int, int, int],
        article: str,
        outcome: DutyOutcome,
    ) -> None:
        """A duty and who asked for it; opened, due, ended. What passed its deadline was told by the clock."""
        opened, due, ended = times
        late = due + _TICK if due + _TICK < min(ended, self._world.end + 1) else NEVER
        how = NOTHING if ended == NEVER else _WORDS[outcome]
        duty_id = self._world.ids.new(self._world.ids.at(opened))
        begun = f"{duty_id}\t{copy.delivery_id}\t{_WORDS[what[0]]}\t{written(opened)}\t{written(due)}"
        copy.duties.append(f"{begun}\t{article}\t{what[1]}\t{_moment(ended)}\t{how}\t{_moment(late)}")


_Waiting = tuple[int, str, Copy]  # since when; no two have the same id


def is_closed(copies: Iterable[Copy]) -> bool:
    """True when nothing is under way any more."""
    return not any(copy.state is DeliveryState.IN_HAND for copy in copies)


def _met(copy: Copy, kind: DutyKind) -> tuple[int, DutyOutcome]:
    """Receipt is notified by the first status; handling ends with 06 or 02, or with the copy itself."""
    if kind is not DutyKind.PROCESSING:
        return copy.ended, DutyOutcome.MET
    if copy.handled != NEVER:
        return copy.handled, DutyOutcome.MET
    return copy.given_up, DutyOutcome.MOOT


def _line(copy: Copy, paper: Paper, world: World) -> str:
    """The line of `deliveries` up to its place and arrival number."""
    over = written(paper.created + time_to_live(paper.day, paper.urgency))
    placed, key = _moment(copy.placed), copy.unit.key
    told = _WORDS[copy.status_code] if copy.status_code else NOTHING
    expired = _moment(copy.ended) if copy.state is DeliveryState.EXPIRED else NOTHING  # in the inbox: all were placed
    return (
        f"{copy.delivery_id}\t{paper.consignment_id}\t{key}\t{key}\t{_WORDS[copy.state]}\t{paper.lane}"
        f"\t{0 if placed is NOTHING else 1}\t{escaped(copy.reason)}\t{told}\t{copy.same_as or NOTHING}"
        f"\t{over if copy.state is DeliveryState.IN_HAND else NOTHING}\t{world.year if copy.numbered else NOTHING}"
        f"\t{written(paper.created)}\t{placed}\t{placed}\t{_moment(copy.fetched)}"
        f"\t{expired}\t{expired}\t{_moment(copy.ended)}"
    )


def _moment(second: int) -> str:
    return NOTHING if second == NEVER else written(second)
