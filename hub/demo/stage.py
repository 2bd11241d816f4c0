"""Sets the stage of the demo: a folder, a test PKI, the agencies, and a real `hub serve` on a free port.

Owns: the hub's process from its start to its end, whatever happens between; the cast of agencies.
Never: takes a setting of this machine's real hub (HUB_* variables are left out); touches another process.
Source: Decision 20/2020/QĐ-TTg and Decision 28/2018/QĐ-TTg Art. 10 for the two generations of codes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from hub import settings, wiring
from hub.demo.clients import AgencySystem, ReceiptBook, ask
from hub.demo.documents import Correspondent, Pen
from hub.demo.pki import DemoPki
from hub.demo.tell import Difference
from hub.domain.agencies import Agency, AgencyStatus
from hub.domain.envelopes import Signer
from hub.settings import PREFIX
from hub.signatures.keyinfo import described
from hub.signatures.keys import CERTIFICATE_FILE, create_hub_key
from hub.signatures.revocation import read_crl
from hub.stations import utc_now
from hub.store import agencies as directory
from hub.store import evidence, schema
from hub.store.engine import Transaction

HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 90.0, 30.0
LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Role:
    """One agency of the cast: as the directory knows it, its other codes, and how it signs letters."""

    agency: Agency
    aliases: tuple[str, ...]
    writes: Correspondent


@dataclass(frozen=True, slots=True)
class Player:
    """An agency on the stage: its role, its document system, with what it signs."""

    role: Role
    system: AgencySystem
    pen: Pen

    @property
    def code(self) -> str:
        """The code of the agency in the directory."""
        return self.role.agency.code

    @property
    def name(self) -> str:
        """The agency's name."""
        return self.role.agency.name


MINISTRY = Role(
    Agency("G22", "Văn phòng Chính phủ"),
    ("000.00.00.G22",),
    Correspondent(
        "000.00.00.G22",
        "Văn phòng Chính phủ",
        "VPCP-KSTT",
        "Hà Nội",
        Signer("KT. BỘ TRƯỞNG, CHỦ NHIỆM", "PHÓ CHỦ NHIỆM", "Nguyễn Văn Thử"),
    ),
)
PROVINCE = Role(
    Agency("H41", "UBND tỉnh Nghệ An"),
    ("000.00.00.H41",),
    Correspondent(
        "H41", "UBND tỉnh Nghệ An", "UBND-TH", "Nghệ An", Signer("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", "Trần Thị Mẫu")
    ),
)
DEPARTMENT = Role(
    Agency("H41.12", "Sở Xây dựng tỉnh Nghệ An", parent="H41"),
    ("000.00.12.H41",),
    Correspondent("H41.12", "Sở Xây dựng tỉnh Nghệ An", "SXD-VP", "Nghệ An", Signer("", "GIÁM ĐỐC", "Lê Văn Kiểm")),
)
COMMUNE = Role(
    Agency("007.00.00.H41", "UBND xã Bình Minh", parent="H41"),
    ("H41.107",),
    Correspondent(
        "007.00.00.H41",
        "UBND xã Bình Minh",
        "UBND",
        "Bình Minh",
        Signer("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", "Phạm Thị Nghiệm"),
    ),
)
CAST = (MINISTRY, PROVINCE, DEPARTMENT, COMMUNE)
CLOSED = Agency(
    "H41.6", "Sở Giao thông vận tải tỉnh Nghệ An", parent="H41", successor="H41.12", status=AgencyStatus.CLOSED
)


class HubProcess:
    """`python -m hub serve` as a child of its own session: Ctrl-C reaches it only through `stop`."""

    def __init__(self, folder: Path, timestamp_url: str) -> None:
        self.data, self.log = folder / "hub-data", folder / "hub.log"
        self.address = (HOST, _free_port())
        self.url = f"http://{HOST}:{self.address[1]}"
        self._environment = environment(folder, timestamp_url)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready. Raises Difference when that takes too long."""
        command = [sys.executable, "-m", "hub", "serve", "--listen", f"{HOST}:{self.address[1]}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = monotonic() + START_SECONDS
        while not self._is_ready():
            if monotonic() > until or not self.lives:
                expected = f"sẵn sàng trong {START_SECONDS:g} giây / ready"
                raise Difference("khởi động trục / hub serve", expected=expected, seen=self._end())
            sleep(0.1)

    @property
    def lives(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it gently, then by force; harmless when it never ran."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None

    def log_tail(self) -> list[str]:
        """The last lines of the hub's log."""
        if not self.log.exists():
            return []
        return self.log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]

    def _signal(self, number: int) -> None:
        if self.lives and self._process is not None:
            os.killpg(self._process.pid, number)

    def _end(self) -> str:
        return "vẫn chưa sẵn sàng / not yet" if self.lives else "tiến trình đã dừng / the process ended"

    def _is_ready(self) -> bool:
        try:
            return ask(self.address, "GET", "/readyz").status == 200
        except Difference:
            return False


def environment(folder: Path, timestamp_url: str) -> dict[str, str]:
    """This process's environment without settings of another hub, with those of the demo's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own = {
        "TRUST_DIR": str(folder / "trust"),
        "EVIDENCE_MIRROR": str(folder / "crl"),
        "TIMESTAMP_URL": timestamp_url,
        "SEAL_EVERY_SECONDS": "1",
        "MIN_FREE_BYTES": "0",
    }
    return kept | {PREFIX + name: value for name, value in own.items()}


def set_up(folder: Path, hub: HubProcess, pki: DemoPki) -> tuple[dict[str, Player], ReceiptBook]:
    """The hub's folder with its key, the directory, API keys and certificates; the players by their codes."""
    hub.data.mkdir(parents=True)
    (folder / "pki").mkdir()
    certificate = create_hub_key(hub.data / "keys").certificates
    _trust_and_evidence(folder, hub, pki)
    (folder / CERTIFICATE_FILE).write_bytes((hub.data / "keys" / CERTIFICATE_FILE).read_bytes())
    book = ReceiptBook(certificate)
    players: dict[str, Player] = {}
    database = wiring.open_database(settings.load({}, overrides={"data_dir": hub.data}))
    try:
        schema.upgrade(database)
        with database.writing() as transaction:
            for role in CAST:
                directory.keep(transaction, role.agency, now=utc_now())
                directory.keep_aliases(transaction, role.agency, role.aliases)
            directory.keep(transaction, CLOSED, now=utc_now())
            for crl in pki.crls():  # the clock reads the mirror too, but the first letter must not wait for it
                evidence.keep(transaction, read_crl(crl), source="demo", at=utc_now())
            for role in CAST:
                players[role.agency.code] = _player(transaction, role, hub=hub, book=book, pki=pki)
    finally:
        database.close()
    for player in players.values():
        _keep_seal(folder / "pki", player)
    return players, book


def _trust_and_evidence(folder: Path, hub: HubProcess, pki: DemoPki) -> None:
    """What an administrator would put in place: roots by purpose, and the CAs' lists of revoked certificates."""
    own = (hub.data / "keys" / CERTIFICATE_FILE).read_bytes()
    for purpose, content in (("government", pki.anchors_pem()), ("timestamping", pki.anchors_pem()), ("hub", own)):
        (folder / "trust" / purpose).mkdir(parents=True)
        (folder / "trust" / purpose / "demo.pem").write_bytes(content)
    (folder / "crl").mkdir()
    for number, crl in enumerate(pki.crls(), start=1):
        (folder / "crl" / f"{number}.crl").write_bytes(crl)


def _player(transaction: Transaction, role: Role, *, hub: HubProcess, book: ReceiptBook, pki: DemoPki) -> Player:
    seal = pki.agency_seal(role.agency.name, role.agency.code)
    facts = described(seal.certificate)
    held = directory.AgencyCertificate(
        sha256=facts.sha256, subject=facts.subject, not_after=facts.not_after, pem=facts.pem, withdrawn_at=None
    )
    directory.keep_certificate(transaction, role.agency, held, now=utc_now())
    key = directory.new_key(transaction, role.agency, now=utc_now())
    system = AgencySystem(role.agency.code, role.agency.name, key, address=hub.address, book=book)
    person = pki.person(role.writes.signer.full_name, role.agency.name)
    return Player(role, system, Pen(person, seal))


def _keep_seal(folder: Path, player: Player) -> None:
    (folder / f"{player.code}-certificates.pem").write_bytes(player.pen.seal.chain_pem())
    key = folder / f"{player.code}-key.pem"
    key.touch(mode=0o600)
    key.write_bytes(player.pen.seal.key_pem())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
