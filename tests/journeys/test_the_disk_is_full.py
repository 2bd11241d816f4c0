"""The payload store has no room: nothing is taken, everything else works, and it ends with the trouble."""

from __future__ import annotations

import httpx
import pytest

from tests.journeys.conftest import Embedded, eventually, fresh


@pytest.mark.timeout(240)
def test_the_disk_is_full(tmp_path):
    place = Embedded(tmp_path / "full")
    try:
        first = place.send(fresh(to=("H41",)))
        assert eventually(lambda: place.all_in_hand([first.json()["id"]], recipients=1))
        place.kill("serve")
        place.restart("serve", min_free_bytes=str(2**60))
        body = fresh(to=("H41",))
        refused = place.send(body)
        assert refused.status_code == 503, refused.text
        assert (refused.json()["code"], int(refused.headers["Retry-After"]) > 0) == ("payloads.unavailable", True)
        assert httpx.get(f"{place.url}/readyz", timeout=30).status_code == 503
        (item,) = place.client("H41").get("/inbox").json()["items"]
        assert place.client("H41").post(f"/deliveries/{item['delivery']}/ack").status_code == 200
        assert list((tmp_path / "full" / "data" / "payloads" / "drafts").iterdir()) == []
        place.kill("serve")
        place.restart("serve", min_free_bytes="0")
        assert place.send(body).status_code == 201
    finally:
        place.close()
