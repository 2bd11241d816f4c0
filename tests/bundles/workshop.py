"""A sending with everything around it, its bundle, and tools to tamper with one.

Owns: the scene (signed PDF, acceptance, hand-over, status, seal, timestamp), taking a bundle apart and making it
again under any key.
Never: a second way to make a bundle.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hub.bundles import collect
from hub.demo import pdf as pages
from hub.demo import tsa
from hub.demo.pki import DemoPki, Identity
from hub.demo.signing import sign_pdf
from hub.processes import sealing
from hub.signatures import asic, timestamps
from hub.signatures.keys import HubKey, create_hub_key
from hub.signatures.revocation import read_crl
from hub.stations import acknowledge
from hub.stations.acknowledge import Acknowledgement
from hub.store import evidence
from tests.support import hubs, scenes
from tests.support.scenes import Scene

Parts = dict[str, bytes]

#: Runs `hub verify` as another machine would, and dies when anything asks for the network.
GUARDED = """
import sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        raise SystemExit(f"the network was asked: {event} {arguments}")
sys.addaudithook(guard)
from hub.cli.verify import verify
verify.main(sys.argv[1:], prog_name="verify")
"""


class Stamps:
    """A timestamp authority that answers at once."""

    def __init__(self, identity: Identity, *, late_by: timedelta = timedelta()) -> None:
        self.identity, self.late_by = identity, late_by

    def stamp(self, request: bytes) -> bytes:
        return tsa.answer(request, self.identity, now=datetime.now(UTC) + self.late_by)


@dataclass(slots=True)
class Workshop:
    """A hub in a folder, its timestamp authority's PKI, and the trust folder of somebody who verifies."""

    scene: Scene
    stamping: DemoPki
    trust: Path

    def bundle(self, consignment_id: str) -> bytes:
        out = io.BytesIO()
        collect.write(collect.gathered(consignment_id, self.scene.hub), self.scene.hub, out)
        return out.getvalue()

    def seal(self) -> None:
        """Seal what waits, and have it timestamped."""
        assert sealing.tick(self.scene.hub) == 1
        assert sealing.stamp_tick(self.scene.hub)

    def sent(self, number: int = 1, **facts: Any) -> str:
        """A document sent, delivered to H41 and taken; G22's second recipient has not fetched it yet."""
        document = signed_document()
        envelope = scenes.document(number, to=("H41", "H14"), pdf=document, **facts)
        answer = self.scene.post(scenes.signed(envelope, pdf=document))
        assert answer.consignment.state == "accepted", answer.consignment.findings
        self.scene.drain()
        delivery = self.scene.deliveries(answer.consignment.id)["H41"]
        acknowledge.run(Acknowledgement(delivery.id, "H41", taken=True), self.scene.hub)
        return answer.consignment.id

    @property
    def key(self) -> HubKey:
        return self.scene.hub.key


@dataclass(frozen=True, slots=True)
class Made:
    """The workshop, its first sending's bundle, another sending's, and a key of nobody."""

    workshop: Workshop
    consignment_id: str
    bundle: bytes
    other: bytes
    stranger: HubKey


@cache
def made_once(folder: Path) -> Made:
    """Two sendings and their bundles; made once in a process, because it takes seconds."""
    shop = opened(folder)
    sent = [shop.sent(number) for number in (1, 2)]
    shop.seal()
    return Made(shop, sent[0], shop.bundle(sent[0]), shop.bundle(sent[1]), create_hub_key(folder / "stranger"))


def opened(folder: Path) -> Workshop:
    """A fresh hub whose receipts are sealed and timestamped, and what a stranger needs to verify its bundles."""
    hubs.make_hub(folder / "hub").close()
    stamping = DemoPki(name="Dau thoi gian")
    authority = stamping.timestamping("TSA thu nghiem")
    for place in (folder / "hub" / "trust", scenes.trusting(folder / "trust")):
        (place / "government" / "sub.pem").write_bytes(
            scenes.pki().sub_ca.chain_pem()
        )  # PDF files carry the leaf alone
        (place / "timestamping").mkdir()
        (place / "timestamping" / "root.pem").write_bytes(stamping.anchors_pem())
    scene = Scene(folder / "hub")
    scene.hub = replace(scene.hub, timestamps=Stamps(authority))
    with scene.database.writing() as transaction:
        for crl in stamping.crls():
            evidence.keep(transaction, read_crl(crl), source="test", at=scene.hub.now())
    (folder / "trust" / "hub").mkdir()
    (folder / "trust" / "hub" / "hub.pem").write_text("".join(asic.chain_pem(scene.hub.key)))
    return Workshop(scene, stamping, folder / "trust")


def signed_document() -> bytes:
    """One page, signed by a person and sealed by G22."""
    person = scenes.pki().person("Lê Thị Mẫu", "Văn phòng Thử nghiệm")
    page = pages.page("V/v thử nghiệm", ["Kính gửi: Quý cơ quan"], made_at=datetime(2026, 3, 2, tzinfo=UTC))
    content = sign_pdf(page, by=person, field="NguoiKy")
    return sign_pdf(content, by=scenes.seal("G22"), field="CoQuan")


def parts(bundle: bytes) -> Parts:
    """Name to content of everything that the manifest lists."""
    container = asic.Container(io.BytesIO(bundle))
    return {name: container.read(name, most_bytes=1 << 30) for name in container.data_names()}


def made(content: Mapping[str, bytes], key: HubKey) -> bytes:
    """A sound container of these parts under a key."""
    out = io.BytesIO()
    writer = asic.ContainerWriter(out)
    for name, part in content.items():
        writer.add(name, (part,))
    writer.seal(key)
    return out.getvalue()


def changed_json(content: Parts, name: str, change: Callable[[Any], None]) -> Parts:
    """The parts with one JSON file changed in place."""
    value = json.loads(content[name])
    change(value)
    return content | {name: json.dumps(value).encode()}


def flipped(bundle: bytes, part: str) -> bytes:
    """One bit of a part turned over, nothing else."""
    place = asic.Container(io.BytesIO(bundle)).places[part]
    at = place.offset_bytes + place.size_bytes // 2
    return bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]


def elsewhere(bundle: Path, trust: Path) -> subprocess.CompletedProcess[str]:
    """`hub verify` in a process of its own, without settings and without a network."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", GUARDED, str(bundle), "--trust", str(trust)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=bundle.parent,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path)},
    )


def token(stamps: Stamps, digest: bytes) -> bytes:
    """The authority's token for a digest."""
    return tsa.token_of(stamps.stamp(timestamps.request(digest)[0]))


def foreign_stamps() -> Stamps:
    """An authority below a root that nobody trusts."""
    return Stamps(DemoPki(name="Ke la").timestamping("TSA la"))
