"""The program that typesets one report: JSON on its input, PDF/A on its output, within hard limits.

Owns: the limits (memory, processor, no file growth, no core) and the call of typst.
Never: reads a setting or a secret, writes a file, asks the network (a layout that wants a package fails).
Source: setrlimit(2); ISO 19005-2 (PDF/A-2b); threats P5.
"""

from __future__ import annotations

import json
import resource
import sys

import typst

_NOWHERE = "/nonexistent"  # no packages: what is not in schemas/report is not there


def main() -> None:
    """Arguments: memory in bytes, processor seconds. The input names layout, made data and the second of making."""
    memory_bytes, seconds = (int(word) for word in sys.argv[1:3])
    limit(memory_bytes, seconds)
    job = json.load(sys.stdin.buffer)
    pdf = typst.compile(
        job["layout"],
        root=job["root"],
        sys_inputs={"made": json.dumps(job["made"], ensure_ascii=False)},
        format="pdf",
        pdf_standards="a-2b",
        ignore_system_fonts=True,
        timestamp=job["timestamp"],
        pdf_tags=job["tags"],
        package_path=_NOWHERE,
        package_cache_path=_NOWHERE,
    )
    sys.stdout.buffer.write(pdf)


def limit(memory_bytes: int, seconds: int) -> None:
    """From here on: no more memory, processor time, files or cores than these."""
    for name, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(name, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # SIGXCPU first: SIGKILL would not say why


if __name__ == "__main__":
    main()
