"""What every virus scanner promises (hub.ports.Scanner); an adapter's test inherits the suite.

A test class gives two fixtures: `scanner`, in front of a scanner that works, and `away`, in front of none.
"""

from __future__ import annotations

import io
import secrets

import pytest

from hub.errors import ScannerUnavailable
from hub.ports import Scanner, ScanResult
from tests.stations.conftest import at_once

# The EICAR test file in pieces, so that no scanner takes this file for one.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*").encode()


class ScannerConformance:
    """Inherit it and write the fixtures `scanner` and `away`."""

    def test_a_clean_file_has_no_threat(self, scanner: Scanner):
        assert scanner.scan(io.BytesIO(b"%PDF-1.7 nothing to see")) == ScanResult()

    def test_an_empty_file_is_clean(self, scanner: Scanner):
        assert scanner.scan(io.BytesIO()) == ScanResult()

    def test_a6_eicar_is_found_by_name(self, scanner: Scanner):
        found = scanner.scan(io.BytesIO(EICAR))
        assert "eicar" in found.threat.lower()
        assert found.skipped == ""

    def test_the_file_is_read_from_its_beginning(self, scanner: Scanner):
        file = io.BytesIO(EICAR)
        file.seek(0, io.SEEK_END)
        assert scanner.scan(file).threat

    def test_a_file_of_many_chunks_is_read_whole(self, scanner: Scanner):
        before = secrets.token_bytes(500_001)
        assert scanner.scan(io.BytesIO(before)) == ScanResult()
        assert scanner.scan(io.BytesIO(before + EICAR)).threat

    def test_many_ask_at_once_and_each_gets_its_own_answer(self, scanner: Scanner):
        def both() -> tuple[bool, bool]:
            return bool(scanner.scan(io.BytesIO(EICAR)).threat), bool(scanner.scan(io.BytesIO(b"clean")).threat)

        assert at_once(both, workers=8) == [(True, False)] * 8

    def test_a_scanner_that_is_away_is_not_now(self, away: Scanner):
        with pytest.raises(ScannerUnavailable):
            away.scan(io.BytesIO(b"abc"))
