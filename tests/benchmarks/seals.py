"""Sealing of receipts: how many per second, the size of a proof, the memory that a backlog takes.

Owns: `figures()`; each memory figure comes from a process of its own, so that its peak is its own.
Never: passes or fails on time.
Source: proc(5), VmHWM.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hub.domain.seals import proof_as_json
from hub.store import seals, tables
from hub.store.engine import Database
from tests.benchmarks.memory import peaks_mib
from tests.support.sealed import give, receipt_id, seal_all

SMALL, LARGE = 10_000, 100_000
MANY = 4096  # receipts in a seal, as the hub does


def figures() -> dict[str, float | int]:
    """Receipts sealed per second (SQLite), the largest proof in bytes, peak MiB of a small and a large backlog."""
    small, large = _measured(SMALL), _measured(LARGE)
    return {
        "sealed_per_second": round(LARGE / large["seconds"]),
        "seals": large["seals"],
        "proof_bytes": large["proof_bytes"],
        "proof_json_bytes": large["proof_json_bytes"],
        f"peak_mib_{SMALL}": small["peak_mib"],
        f"peak_mib_{LARGE}": large["peak_mib"],
    }


def _measured(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'hub.sqlite3'}"
        database = Database(url)
        tables.metadata.create_all(database.engine)
        give(database, range(1, count + 1))
        database.close()
        command = [sys.executable, "-m", "tests.benchmarks.seals", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def _seal(url: str) -> dict[str, float]:
    database = Database(url)
    began = time.monotonic()
    made = seal_all(database, most=MANY)
    seconds = time.monotonic() - began
    with database.reading() as connection:
        proof = seals.proof_of(connection, receipt_id(1))
    database.close()
    if proof is None:
        raise RuntimeError("the first receipt was not sealed")
    return {
        "seconds": seconds,
        "seals": made,
        "proof_bytes": sum(map(len, proof.path)),
        "proof_json_bytes": len(json.dumps(proof_as_json(proof))),
        "peak_mib": round(peaks_mib(os.getpid())[os.getpid()], 1),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_seal(sys.argv[1])))
