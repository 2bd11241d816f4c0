"""What the national SDK publishes as signed: legacy, never valid (read in place, skipped loudly when absent)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.domain.signatures import SignatureState
from tests.signatures.builder import Case, codes

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("edoc_new.edxml", SignatureState.LEGACY),
        ("written_by_sdk.edxml", SignatureState.LEGACY),
        ("status_arrived_01.edxml", SignatureState.ABSENT),
        ("status_declined_02.edxml", SignatureState.ABSENT),
    ],
)
def test_published_samples(name: str, state: SignatureState) -> None:
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"SKIPPED: ../shared/samples/{name} is not here; the published sample was NOT judged")
    content = path.read_bytes()
    report = Case(content[content.find(b"<") :], {}).judged()
    assert report.state is state
    assert codes(report) == (["signature.legacy"] if state is SignatureState.LEGACY else [])
