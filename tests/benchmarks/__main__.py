"""`make bench`: the figures of this release on this machine, as a table and as JSON.

Owns: the order of the measurements and how they are shown; ratios are against the floor of the same run. All but the
reports take ten minutes; `ARGS="--only reports --deliveries 100000"` measures less.
Never: passes or fails on time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub import settings
from hub.demo.pki import DemoPki
from tests.benchmarks import floor, load, material, memory, pdf, reports, seals, xml_signatures
from tests.benchmarks.embedded import EmbeddedHub
from tests.benchmarks.material import Directory
from tests.support.stack import Stack

MIB = 1024 * 1024
PARTS = ("load", "signatures", "reports")
COMMITS_PER_DOCUMENT = 3  # the verdict; the routing; the place in the inbox (one recipient)
WAKES_PER_DOCUMENT = 2  # route, deliver; the clock wakes the tally, once for all that waits


def main() -> None:
    """Measure and print."""
    options = _options()
    figures: dict[str, Any] = {"machine": _machine(), "documents": options.documents}
    if "load" in options.only:
        figures |= _hubs(options)
    for name, measured in _SIGNATURES.items():
        if "signatures" in options.only:
            _say(name)
            figures[name] = measured()
    if "reports" in options.only:
        _say("reports")
        figures["reports"] = reports.figures(options.deliveries, options.exported)
    text = json.dumps(figures, ensure_ascii=False, indent=2)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    print(text)
    _table(figures)


def _hubs(options: argparse.Namespace) -> dict[str, Any]:
    """Documents through whole hubs, embedded and as in production."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        pki = DemoPki()
        _say("embedded")
        embedded = _embedded(folder, pki, options)
        _say("PostgreSQL + RabbitMQ")
        return {"embedded": embedded, "production": _production(folder, pki, options)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--documents", type=int, default=400, help="documents of each load run")
    parser.add_argument("--clients", type=int, default=8, help="connections that post at the same time")
    parser.add_argument("--large-mib", type=int, default=200, help="size of the one large attachment")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="which parts")
    parser.add_argument(
        "--deliveries", type=int, nargs="+", default=reports.SIZES, help="how many there are when reports are asked"
    )
    parser.add_argument("--exported", type=int, default=reports.EXPORTED, help="rows of the exported list")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


def _embedded(folder: Path, pki: DemoPki, options: argparse.Namespace) -> dict[str, Any]:
    data = folder / "embedded"
    data.mkdir()
    environment = {"HUB_DATA_DIR": str(data), "HUB_TRUST_DIR": str(material.trust_folder(pki, folder))}
    directory = material.prepare(settings.load(environment), pki)
    with EmbeddedHub(environment, folder / "embedded.log") as hub:
        figures = _load(hub.url, directory, options)
        idle = memory.peaks_mib(hub.pid)
        figures["large_attachment"] = _large(hub.url, hub.pid, directory, folder, options.large_mib)
        figures["large_attachment"]["peak_before_mib"] = round(max(idle.values()), 1)
    parts = floor.of_document(material.envelopes(1, directory.seal)[0][1], directory.seal.key, folder)
    parts["commits"] = COMMITS_PER_DOCUMENT * floor.sqlite_commit(folder)
    return figures | _compared(parts, figures)


def _production(folder: Path, pki: DemoPki, options: argparse.Namespace) -> dict[str, Any]:
    place = folder / "stack"
    place.mkdir()
    place.chmod(0o711)
    with Stack(place, settings={"HUB_TRUST_DIR": str(material.trust_folder(pki, folder))}) as stack:
        directory = material.prepare(settings.load(stack.env), pki)
        figures = _load(stack.url, directory, options)
        parts = floor.of_document(material.envelopes(1, directory.seal)[0][1], directory.seal.key, folder)
        parts["commits"] = COMMITS_PER_DOCUMENT * floor.postgres_commit(stack.env["HUB_DATABASE_URL"])
        parts["publish_with_confirm"] = WAKES_PER_DOCUMENT * floor.confirmed_publish(stack.env["HUB_BROKER_URL"])
    return figures | _compared(parts, figures)


def _load(url: str, directory: Directory, options: argparse.Namespace) -> dict[str, Any]:
    keys = {"sender_key": directory.sender_key, "recipient_key": directory.recipient_key}
    load.run(url, **keys, bodies=material.envelopes(20, directory.seal, first_number=1), clients=2)  # warm
    quiet = load.run(url, **keys, bodies=material.envelopes(60, directory.seal, first_number=1001), clients=1)
    bodies = material.envelopes(options.documents, directory.seal, first_number=10_001)
    busy = load.run(url, **keys, bodies=bodies, clients=options.clients)
    return {"one_client": _rounded(quiet), f"{options.clients}_clients": _rounded(busy), "busy": asdict(busy)}


def _large(url: str, pid: int, directory: Directory, folder: Path, size_mib: int) -> dict[str, Any]:
    place = folder / "large.edxml"
    material.huge(directory.seal, place, size_bytes=size_mib * MIB)
    with place.open("rb") as body:
        status, answer = load.post(url, directory.sender_key, body, length=place.stat().st_size)
    if status != 201:
        raise RuntimeError(f"the large envelope got {status}: {answer[:500]!r}")
    return {"attachment_mib": size_mib, "peak_resident_mib": round(max(memory.peaks_mib(pid).values()), 1)}


def _compared(parts: dict[str, float], figures: dict[str, Any]) -> dict[str, Any]:
    busy = figures.pop("busy")
    total = sum(parts.values())
    return {
        "floor_ms": {name: round(seconds * 1000, 3) for name, seconds in parts.items()},
        "floor_documents_per_second_one_thread": round(1 / total, 1),
        "accepted_over_floor": round(busy["accepted_per_second"] * total, 3),
        "delivered_over_floor": round(busy["delivered_per_second"] * total, 3),
    }


def _rounded(result: load.Result) -> dict[str, float]:
    return {name: round(value, 1) for name, value in asdict(result).items()}


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def _table(figures: dict[str, Any]) -> None:
    if "embedded" in figures:
        _load_table(figures)
    if "seals" in figures:
        _signature_table(figures)
    if "reports" in figures:
        _reports_table(figures["reports"])


def _load_table(figures: dict[str, Any]) -> None:
    """Embedded beside production."""
    print(f"\n{'':34}{'embedded':>14}{'PG + RabbitMQ':>16}")
    both = (figures["embedded"], figures["production"])
    busy = next(name for name in both[0] if name.endswith("_clients"))
    rows: list[tuple[str, list[Any]]] = [
        (f"accepted / s ({busy})", [one[busy]["accepted_per_second"] for one in both]),
        (f"in the inbox / s ({busy})", [one[busy]["delivered_per_second"] for one in both]),
        ("latency p50 ms (one client)", [one["one_client"]["latency_p50_ms"] for one in both]),
        ("latency p99 ms (one client)", [one["one_client"]["latency_p99_ms"] for one in both]),
        (f"latency p50 ms ({busy})", [one[busy]["latency_p50_ms"] for one in both]),
        (f"latency p99 ms ({busy})", [one[busy]["latency_p99_ms"] for one in both]),
        *((f"floor: {part} ms", [one["floor_ms"].get(part, "–") for one in both]) for part in both[1]["floor_ms"]),
        ("floor documents / s, one thread", [one["floor_documents_per_second_one_thread"] for one in both]),
        ("accepted / floor", [one["accepted_over_floor"] for one in both]),
    ]
    for name, values in rows:
        print(f"{name:34}{values[0]!s:>14}{values[1]!s:>16}")
    large = both[0]["large_attachment"]
    print(f"peak resident memory, {large['attachment_mib']} MiB attachment: {large['peak_resident_mib']} MiB")


def _signature_table(figures: dict[str, Any]) -> None:
    """XML beside xmlsec, PDF by size and callers, seals."""
    print(f"\n{'envelope signature':28}{'per second':>12}{'of xmlsec':>11}{'peak MiB':>10}{'xmlsec':>9}")
    for form, sizes in figures["xml_signatures"].items():
        for size, one in sizes.items():
            values = (one["per_second"], one["of_xmlsec"], one["peak_mib"], one["xmlsec_peak_mib"])
            print(f"{form + ' ' + size:28}{values[0]!s:>12}{values[1]!s:>11}{values[2]!s:>10}{values[3]!s:>9}")
    for part in ("pdf_signatures", "seals"):
        print(f"\n{part.replace('_', ' ')}")
        for name, value in figures[part].items():
            print(f"  {name:34}{value}")


def _reports_table(figures: dict[str, Any]) -> None:
    """By number of deliveries; then the exports and the tally."""
    for name, one in figures.items():
        print(f"\n{name.replace('_', ' ')}")
        for what, value in one.items():
            shown = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
            print(f"  {what:34}{shown}")


_SIGNATURES = {"xml_signatures": xml_signatures.figures, "pdf_signatures": pdf.figures, "seals": seals.figures}


if __name__ == "__main__":
    main()
