"""Under whom an agency stands: of the whole hub its first ancestor, below an agency that one's direct child."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.domain.agencies import Agency
from hub.store import agencies, layers
from hub.store.engine import Database
from tests.support.scenes import Scene

TREE = {"H77": None, "H77.1": "H77", "H77.1.1": "H77.1", "H77.1.2": "H77.1", "H77.2": "H77", "G88": None}


def grow(database: Database, tree: dict[str, str | None]) -> None:
    with database.writing() as transaction:
        for code, above in tree.items():
            agencies.keep(transaction, Agency(code, f"Đơn vị {code}", parent=above), now=datetime.now(UTC))


def heads(scene: Scene, below: str = "") -> dict[str, str]:
    with scene.database.reading() as connection:
        return {key: head for key, head in layers.heads(connection, below=below).items() if key in TREE}


def test_of_the_whole_hub_the_first_ancestor_answers(scene: Scene) -> None:
    grow(scene.database, TREE)
    assert heads(scene) == {key: key[:3] for key in TREE}


def test_below_an_agency_its_direct_children_answer_and_it_for_itself(scene: Scene) -> None:
    grow(scene.database, TREE)
    below = {"H77": "H77", "H77.1": "H77.1", "H77.1.1": "H77.1", "H77.1.2": "H77.1", "H77.2": "H77.2"}
    assert heads(scene, "H77") == below
    assert heads(scene, "H77.2") == {"H77.2": "H77.2"}


def test_a_parent_is_named_when_the_directory_has_it(scene: Scene) -> None:
    grow(scene.database, TREE | {"G55.1": "G55"})
    with scene.database.reading() as connection:
        found = [layers.parent(connection, key) for key in ("H77.1.1", "H77", "G55.1", "nobody")]
    assert found == ["H77.1", "", "", ""]


def test_parents_in_a_circle_end(scene: Scene) -> None:
    grow(scene.database, TREE | {"H77": "H77.1.1"})
    assert set(heads(scene)) == set(TREE)
    assert heads(scene, "H77.1")["H77.1.2"] == "H77.1.2"
