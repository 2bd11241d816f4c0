"""Performs the demo from the first line to the last: stage, chapters, tables, files, and always the end.

Owns: the exit code (0 as it should be, 1 otherwise), the JSON of the facts, what --keep leaves.
Never: leaves the hub's process or a temporary folder behind.
"""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from hub.demo import changes, ending, lateness, proofs, standing, story, trials
from hub.demo.pki import DemoPki
from hub.demo.plot import Letters
from hub.demo.scene import Scene
from hub.demo.stage import HubProcess, Player, set_up
from hub.demo.tell import WIDTH, Difference, Teller
from hub.demo.tsa import DemoTsa
from hub.signatures.keys import CERTIFICATE_FILE
from hub.stations import utc_now

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Chapter = Callable[[Scene], None]
CHAPTERS: Sequence[Chapter] = (
    story.a_letter_goes_out,
    story.recipients_take_it,
    story.recipients_answer,
    story.the_sender_sees,
    proofs.who_signed_the_page,
    trials.a_broken_signature,
    proofs.what_is_not_genuine,
    trials.sent_twice,
    trials.the_same_key_for_other_bytes,
    story.sent_to_one_more,
    story.a_closed_code,
    trials.what_must_not_pass,
    story.with_and_without_paper,
    changes.recalled,
    changes.replaced,
    lateness.overdue,
    proofs.the_evidence_bundle,
    standing.radar,
    standing.timelines,
    ending.show,
)
_README = """# hub demo

Lệnh `hub demo --keep` để lại đây mọi thứ đã tạo ra / everything that `hub demo --keep` made:

- `envelopes/`: các gói tin edXML theo thứ tự gửi / the envelopes in the order of sending
- `receipts/`: biên nhận JWS đã kiểm tra / the receipts that were verified
- `{certificate}`: chứng thư của trục để kiểm tra biên nhận / the hub's certificate that verifies receipts
- `evidence/`: gói chứng cứ ASiC-E; kiểm tra lại / evidence bundles; verify them again with
  `hub verify --trust trust evidence/*.asice`
- `trust/`, `crl/`: chứng thư được tin, danh sách thu hồi / trusted certificates, lists of revoked ones
- `pki/`: gốc tin cậy, chứng thư và khóa thử nghiệm / the test root, certificates and keys
- `hub-data/`: dữ liệu của trục; chạy lại / the hub's data; run it again with
  `HUB_TRUST_DIR=trust HUB_EVIDENCE_MIRROR=crl hub serve --data-dir hub-data`
- `hub.log`: nhật ký của trục / the hub's log
- `api-keys.txt`: khóa API của bốn cơ quan / the agencies' API keys

Khóa và chứng thư chỉ dùng để chạy thử. / The keys and certificates are for trial only.
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the visitor asked for: `keep` an empty or new folder (None: temporary), `json_file` for the facts."""

    keep: Path | None = None
    stay: bool = False
    json_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """How it went: the facts for programs, and whether all was as it should be."""

    facts: dict[str, Any]
    good: bool


def perform(wishes: Wishes, tell: Teller) -> Performance:
    """Play all chapters on a hub of their own. Whatever happens, the hub ends and temporary files go."""
    begun = monotonic()
    tell.title(
        "TRỤC LIÊN THÔNG VĂN BẢN – CHẠY THỬ TOÀN TUYẾN",
        "Document exchange hub: the whole path with a test PKI, four agencies and a real hub over HTTP",
    )
    pki = DemoPki(moment=utc_now())
    with _folder(wishes.keep) as folder, DemoTsa(pki.timestamping()) as tsa:
        hub = HubProcess(folder, tsa.url)
        try:
            scene, failure = _played(folder, hub, tell, pki)
            performance = _performance(scene, tell, failure, seconds=monotonic() - begun)
            _closing_words(performance, hub, tell, wishes)
            if wishes.json_file is not None:
                write_facts(performance, wishes.json_file)
            if performance.good and wishes.stay and scene is not None:
                _stay(scene, hub, tell)
            return performance
        finally:
            with _undisturbed():
                hub.stop()


def _played(folder: Path, hub: HubProcess, tell: Teller, pki: DemoPki) -> tuple[Scene | None, Difference | None]:
    scene = None
    try:
        scene = _scene(folder, hub, tell, pki)
        for chapter in CHAPTERS:
            chapter(scene)
    except Difference as difference:
        return scene, difference
    finally:
        if scene is not None:
            _keep_receipts(folder, scene)
    return scene, None


def _scene(folder: Path, hub: HubProcess, tell: Teller, pki: DemoPki) -> Scene:
    """The stage is set, the hub runs, the cast is named."""
    players, book = set_up(folder, hub, pki)
    (folder / "envelopes").mkdir()
    (folder / "README.md").write_text(_README.format(certificate=CERTIFICATE_FILE), "utf-8")
    keys = folder / "api-keys.txt"
    keys.touch(mode=0o600)
    keys.write_text("".join(f"{player.code}\t{player.system.api_key}\n" for player in players.values()), "utf-8")
    hub.start()
    tell.line()
    tell.line(f"  Trục / hub      {hub.url}  (API: {hub.url}/api/v1/docs)")
    for player in players.values():
        aliases = ", ".join(player.role.aliases)
        tell.line(f"  {player.code:<15} {player.name}  (mã khác / also: {aliases})")
    letters = Letters(utc_now())
    return Scene(tell, players, book, letters, folder=folder, payloads=hub.data / "payloads")


def _performance(scene: Scene | None, tell: Teller, failure: Difference | None, *, seconds: float) -> Performance:
    results = scene.results if scene else {}
    facts = {
        "ok": failure is None,
        "seconds": round(seconds, 2),
        "agencies": [_agency(player) for player in scene.players.values()] if scene else [],
        "steps": [step.facts() for step in tell.steps],
        "timeline": results.get("timeline", []),
        "radar": results.get("radar", []),
        "timelines": results.get("timelines", {}),
        "receipts": results.get("receipts", {}),
        "report": results.get("report", {}),
        "failure": None
        if failure is None
        else {"what": failure.what, "expected": str(failure.expected), "seen": str(failure.seen)},
    }
    if failure is not None:
        tell.line()
        tell.difference(failure)
    return Performance(facts, good=failure is None)


def _closing_words(performance: Performance, hub: HubProcess, tell: Teller, wishes: Wishes) -> None:
    steps, seconds = len(tell.steps), performance.facts["seconds"]
    if performance.good:
        tell.fine(
            f"{steps} bước đều đúng như dự kiến, trong {seconds:.1f} giây.".replace(".", ",", 1),
            f"{steps} steps, all as they should be, in {seconds:.1f} seconds.",
        )
    else:
        tell.line()
        tell.line("  Những dòng cuối nhật ký của trục / the last lines of the hub's log:")
        for line in hub.log_tail():
            tell.line(f"    {line[: WIDTH - 4]}")
    if wishes.keep:
        tell.line(f"  Mọi thứ được giữ tại / everything is kept in {wishes.keep}")


def _stay(scene: Scene, hub: HubProcess, tell: Teller) -> None:
    """Until Ctrl-C, or until the hub ends by itself."""
    tell.line()
    tell.line(f"  Trục vẫn chạy tại / the hub stays up at {hub.url}/api/v1/docs; Ctrl-C để dừng / to stop")
    for player in scene.players.values():
        tell.line(f"  {player.code:<15} {player.system.api_key}")
    first = next(iter(scene.players.values()))
    tell.line("  Thử / try:")
    tell.line(f"    curl -H 'Authorization: Bearer {first.system.api_key}' '{hub.url}/api/v1/agencies'")
    try:
        while hub.lives:
            sleep(0.5)
    except KeyboardInterrupt:
        tell.line()
        tell.line("  Đã dừng / stopped")


def _keep_receipts(folder: Path, scene: Scene) -> None:
    (folder / "receipts").mkdir(exist_ok=True)
    for number, (receipt, claims) in enumerate(zip(scene.book.receipts, scene.book.claims, strict=True), start=1):
        (folder / "receipts" / f"{number:02d}-{claims['event']}.jws").write_text(receipt, "ascii")


def _agency(player: Player) -> dict[str, Any]:
    return {"code": player.code, "name": player.name, "aliases": list(player.role.aliases)}


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hub-demo-") as name:
        yield Path(name)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not stop the stopping."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_facts(performance: Performance, file: Path) -> None:
    """The facts as JSON."""
    file.write_text(json.dumps(performance.facts, ensure_ascii=False, indent=2) + "\n", "utf-8")
