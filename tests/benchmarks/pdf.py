"""PDF verdicts per second: two signatures and their chains, one file after another, by one caller and by two.

Owns: files of 100 KB and 5 MB with a person's signature and a seal; the peak memory of the children.
Never: passes or fails on time; counts the start of a child.
"""

from __future__ import annotations

import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hub.domain.signatures import Judgement
from hub.signatures.pdf import PdfJudge
from tests.benchmarks.memory import peaks_mib
from tests.support.pdf_files import MIB, NOW, ROLES, object_of, plain, stream, world

SIZES = {"100 KB": 100 * 1000, "5 MB": 5 * 1000 * 1000}
CALLERS = (1, 2)
VERDICTS = 30


def figures() -> dict[str, Any]:
    """Verdicts per second and milliseconds of each size and number of callers, and the children's peak MiB."""
    judge = PdfJudge(children=max(CALLERS), memory_bytes=1024 * MIB, seconds=60)
    found: dict[str, Any] = {}
    try:
        for name, size in SIZES.items():
            content = file_of(size)
            for callers in CALLERS:
                found[f"{name}, {callers} at once"] = _measured(judge, content, callers)
        peaks = [peaks_mib(process_id)[process_id] for process_id in judge.process_ids()]
        found["peak_resident_mib_of_a_child"] = round(max(peaks), 1)
    finally:
        judge.close()
    return found


def file_of(size_bytes: int) -> bytes:
    """A page with a picture that fills the size, signed by a person and sealed by an agency."""
    noise = random.Random(1).randbytes(size_bytes)  # noqa: S311 (what does not compress, the same each time)
    grey = b"/Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
    picture = stream(noise, b"/Type /XObject /Subtype /Image " + grey)
    page = object_of(plain(), 3).replace(b"/Font", b"/XObject << /I 9 0 R >> /Font")
    once = world().sign(plain({3: page, 9: picture}), world().person, "Person")
    return world().sign(once, world().seal, "Seal")


def _measured(judge: PdfJudge, content: bytes, callers: int) -> dict[str, float]:
    evidence = world().pki.evidence(moment=NOW)

    def once(_: int) -> float:
        began = time.perf_counter()
        with tempfile.TemporaryFile() as file:
            file.write(content)
            asked = {"trust": world().trust, "evidence": evidence, "moment": NOW, "roles": ROLES}
            report = judge.judge(file, content_id="file", **asked)
        if [one.judgement for one in report.signatures] != [Judgement.VALID] * 2:
            raise RuntimeError(f"no verdict to measure: {report}")
        return time.perf_counter() - began

    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(once, range(callers)))  # children start, chains are remembered
        began = time.perf_counter()
        took = sorted(threads.map(once, range(VERDICTS)))
        seconds = time.perf_counter() - began
    return {"verdicts_per_second": round(VERDICTS / seconds, 1), "p50_ms": round(took[len(took) // 2] * 1000, 1)}
