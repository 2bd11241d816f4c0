"""A large attachment passes in constant memory (the figure for 200 MiB is printed by the benchmark)."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import base64, re, sys, tempfile
from pathlib import Path
from hub.edxml.reader import Bounds, EnvelopeReader
from tests.support import envelopes as built
mib, width = int(sys.argv[1]), int(sys.argv[2])
text = base64.b64encode(bytes(range(256)) * 4096 + b"xx")  # 1 MiB and 2 bytes: whole groups
lines = b"\\n".join(text[at:at + width] for at in range(0, len(text), width)) if width else text
start, end = built.document(attachments=built.attachment("@@@")).split(b"@@@")
def peak_kib():
    # not ru_maxrss: a child inherits its parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak_kib()
reader = EnvelopeReader(Bounds(), new_spool=tempfile.TemporaryFile)
reader.feed(start)
for _ in range(mib):
    reader.feed(lines)
reader.feed(end)
reading = reader.close()
after = peak_kib()
assert reading.envelope.attachments[0].size_bytes == mib * (1024 * 1024 + 2), reading.payload_findings
print(before // 1024, after // 1024)
"""


def resident_mib(attachment_mib: int, *, width: int) -> tuple[int, int]:
    """Peak resident memory before and after reading, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(attachment_mib), str(width)],
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = done.stdout.split()
    return int(before), int(after)


def test_memory_does_not_grow_with_the_attachment():
    for width in (0, 76):
        before, after = resident_mib(40, width=width)
        assert after - before < 20
        assert after < 150
