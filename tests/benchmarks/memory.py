"""Resident memory of a hub that receives one very large attachment.

Owns: reading the peak (VmHWM) of the worker process from /proc.
Never: guesses.
Source: proc(5), VmHWM.
"""

from __future__ import annotations

import re
from pathlib import Path

import psutil

_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def peaks_mib(pid: int) -> dict[int, float]:
    """Peak resident MiB so far of a process and of each of its children."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {process.pid: _peak(process.pid) for process in family}


def _peak(pid: int) -> float:
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text("ascii"))
    if found is None:
        raise RuntimeError(f"no VmHWM for process {pid}")
    return int(found[1]) / 1024
