"""The command that a visitor runs first: its facts, its failures, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from hub.cli.demo import demo
from hub.demo import plot, stage, story
from hub.demo.documents import changed_after_signing
from hub.demo.play import CHAPTERS
from hub.demo.stage import HubProcess
from hub.domain.envelopes import BusinessType
from hub.domain.findings import Severity
from hub.edxml.validator import check_file
from hub.errors import DangerousXml
from hub.signatures.jws import verify_receipt

PATIENCE_SECONDS = 240
COMMAND = [sys.executable, "-m", "hub", "demo"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]:
    """One whole run: the process that ended, the facts that it wrote, the folder that it kept."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "HUB_LISTEN": "256.0.0.1:1", "HUB_DATABASE_URL": "nonsense://"}  # must not matter
    process = subprocess.run(
        [*COMMAND, "--json", str(folder / "facts.json"), "--keep", str(folder / "kept")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        env=environment,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process, json.loads((folder / "facts.json").read_text("utf-8")), folder / "kept"


def test_every_step_is_checked_and_as_it_should_be(played: Any) -> None:
    _, facts, _ = played
    assert facts["ok"] is True
    assert facts["failure"] is None
    assert facts["seconds"] > 0
    assert len(facts["steps"]) >= 50
    assert [step["number"] for step in facts["steps"] if not step["ok"] or not step["checks"]] == []
    assert {step["number"].split(".")[0] for step in facts["steps"]} == {str(n) for n in range(1, len(CHAPTERS) + 1)}


def test_the_ratio_moved_as_the_letters_say(played: Any) -> None:
    _, facts, _ = played
    sent = {"sent": 7, "paper_free": 6, "with_paper": 1, "other": 0, "ratio": "85,7 %"}
    assert facts["report"]["G22"] == sent | {"received": 1}
    assert [facts["report"][code]["ratio"] for code in ("H41", "H41.12", "007.00.00.H41")] == [
        "66,7 %",
        "100,0 %",
        "100,0 %",
    ]


def test_the_timeline_tells_the_whole_life_of_the_first_letter(played: Any) -> None:
    _, facts, _ = played
    kinds = [event["kind"] for event in facts["timeline"]]
    assert kinds[0] == "accepted"
    assert kinds.count("handed_over") == 3
    said = [(e["facts"]["code"], e["facts"].get("by_hub", False)) for e in facts["timeline"] if e["kind"] == "status"]
    assert [code for code, by_hub in said if by_hub] == ["01", "01", "01"]  # one for each that took it
    assert [code for code, by_hub in said if not by_hub] == ["01", "03", "06", "01", "03", "02"]


def test_a_recall_withdraws_one_copy_and_cancels_the_other(played: Any) -> None:
    _, facts, _ = played
    happened = [(e["kind"], e["who"]) for e in facts["timelines"]["recall"]]
    assert ("withdrawn", "007.00.00.H41") in happened
    assert ("fetched", "007.00.00.H41") not in happened  # it never got the withdrawn copy
    assert ("copy_cancelled", "H41") in happened
    assert [e["facts"]["outcome"] for e in facts["timelines"]["recall"] if e["kind"] == "duty_answered"] == ["accepted"]
    assert [c["recipient"] for c in facts["receipts"]["claims"] if c["event"] == "ContentWithdrawal"] == [
        "007.00.00.H41"
    ]


def test_a_replacement_is_asked_of_both_and_answered_by_one(played: Any) -> None:
    _, facts, _ = played
    events = facts["timelines"]["replacement"]
    asked = {e["who"]: e["facts"]["kind"] for e in events if e["kind"] == "duty_opened"}
    assert asked == {"H41": "replace", "007.00.00.H41": "replace"}
    assert [e["who"] for e in events if e["kind"] == "copy_cancelled"] == ["H41"]
    taken = [e["who"] for e in events if e["kind"] == "handed_over"]
    assert sorted(taken) == ["007.00.00.H41", "007.00.00.H41", "H41", "H41"]  # the old one and the new one


def test_an_overdue_letter_is_late_at_its_sender_and_at_its_recipient(played: Any) -> None:
    _, facts, _ = played
    events = facts["timelines"]["overdue"]
    told = [(e["who"], e["facts"]["kind"], e["facts"]["article"]) for e in events if e["kind"] == "overdue"]
    assert [(who, kind) for who, kind, _ in told] == [("trục / hub", "sending"), ("H41.12", "processing")]
    assert "Điều 6" in told[0][2]
    assert "Điều 10" in told[1][2]


def test_the_radar_at_the_end_says_who_must_act_and_how(played: Any) -> None:
    process, facts, _ = played
    assert sorted((one["notation"], one["cause"], one["must_act"]) for one in facts["radar"]) == [
        ("106/VPCP-KSTT", "recall_pending", "007.00.00.H41"),
        ("108/VPCP-KSTT", "overdue", "H41.12"),
    ]
    shown = " ".join(process.stdout.split())
    for one in facts["radar"]:
        for words in (one["message"], one["fix"]):
            assert words["vi"] in shown
            assert words["en"] in shown


def test_the_timelines_are_printed_with_their_deadlines(played: Any) -> None:
    process, _, _ = played
    end = process.stdout[process.stdout.index("the timelines of the three letters") :]
    for words in ("Rút bản chưa lấy", "Phải trả lời / must answer: thay thế", "QUÁ HẠN / OVERDUE: giải quyết"):
        assert words in end
    assert end.count("hạn / due ") == 1 + 2 + 2  # the recall's, the replacement's two, both that passed


def test_the_kept_changes_are_what_the_standard_wants(played: Any) -> None:
    _, _, kept = played
    kinds = {"thu-hoi": BusinessType.RECALL, "thay-the": BusinessType.REPLACE}
    for name, kind in kinds.items():
        (file,) = (kept / "envelopes").glob(f"[0-9][0-9]-{name}.edxml")
        checked = check_file(file)
        assert checked.reading.envelope.business.business_type is kind
        assert checked.reading.envelope.business.reason
        assert [f.code for f in checked.findings if f.severity is Severity.ERROR] == []
        for spool in checked.reading.spools.values():
            spool.close()


def test_the_kept_receipts_verify_with_the_kept_certificate(played: Any) -> None:
    _, facts, kept = played
    certificates = x509.load_pem_x509_certificates((kept / "hub-certificate.pem").read_bytes())
    claims = [verify_receipt(file.read_text("ascii"), trusted=certificates) for file in (kept / "receipts").iterdir()]
    assert len(claims) == facts["receipts"]["count"] == sum(plot.EXPECTED_RECEIPTS.values())
    assert {one["jti"] for one in claims} == {one["jti"] for one in facts["receipts"]["claims"]}


def test_the_kept_envelopes_can_be_read_by_anyone(played: Any) -> None:
    _, _, kept = played
    unread = []
    for file in sorted((kept / "envelopes").iterdir()):
        try:
            check_file(file)
        except DangerousXml:
            unread.append(file.name.split("-", 1)[1])
    assert unread == ["doctype.edxml"]


def test_the_words_fit_a_terminal_and_have_no_colours_in_a_pipe(played: Any) -> None:
    process, _, kept = played
    lines = [line for line in process.stdout.splitlines() if str(kept) not in line]
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in process.stdout
    assert process.stdout.count("✓") > 25
    assert "✗" not in process.stdout


def test_keys_are_private_and_appear_nowhere_else(played: Any) -> None:
    process, _, kept = played
    keys = [line.split("\t")[1] for line in (kept / "api-keys.txt").read_text("utf-8").splitlines()]
    assert len(keys) == 4
    private = [kept / "api-keys.txt", *(kept / "pki").glob("*-key.pem")]
    assert {file.stat().st_mode & 0o077 for file in private} == {0}
    assert not any(key in process.stdout or key in (kept / "hub.log").read_text("utf-8") for key in keys)


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """Runs the command in this process, with its temporary files in tmp_path; signals are put back."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield lambda *arguments: CliRunner().invoke(demo, [*map(str, arguments)])
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_full_folder_is_not_written_into(run_here: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert run_here("--keep", tmp_path).exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_step_that_differs_ends_the_demo_with_1_and_its_reason(
    monkeypatch: pytest.MonkeyPatch, run_here: Callable[..., Result], tmp_path: Path
) -> None:
    """The story sends an envelope that the hub must reject where it expects acceptance."""
    monkeypatch.setattr(story, "signed_envelope", changed_after_signing)
    started: list[HubProcess] = []
    start = HubProcess.start
    monkeypatch.setattr(HubProcess, "start", lambda self: (started.append(self), start(self)))
    ended = run_here("--json", tmp_path / "facts.json")
    assert ended.exit_code == 1, ended.output
    facts = json.loads((tmp_path / "facts.json").read_text("utf-8"))
    assert facts["ok"] is False
    assert facts["failure"] == {"what": "HTTP", "expected": "201", "seen": "422"}
    assert [step["ok"] for step in facts["steps"]] == [False]
    assert "expected:  201" in ended.output
    assert "seen:      422" in ended.output
    assert "request_was_answered" in ended.output  # the hub's log is shown
    assert not started[0].lives
    assert [file.name for file in tmp_path.iterdir()] == ["facts.json"]


def test_a_hub_that_does_not_start_is_told_with_its_log(
    monkeypatch: pytest.MonkeyPatch, run_here: Callable[..., Result], tmp_path: Path
) -> None:
    monkeypatch.setattr(stage, "environment", lambda _folder, _url: {**os.environ, "HUB_WEB_THREADS": "none"})
    ended = run_here()
    assert ended.exit_code == 1
    assert "the process ended" in ended.output
    assert "web_threads" in ended.output
    assert list(tmp_path.iterdir()) == []


def attentive() -> None:
    """A test run in the background of a script ignores SIGINT, and its children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
        encoding="utf-8",
        preexec_fn=attentive,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "✓" in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert children  # the hub really ran
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_it_stays_up_when_asked_and_says_where(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--serve"],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
        encoding="utf-8",
        preexec_fn=attentive,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "curl" in line:
            break
    url = next(word for line in lines for word in line.split() if word.startswith("http://"))
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
