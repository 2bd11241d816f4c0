"""Merkle trees: the published vectors of RFC 6962's reference tree, and properties over all small trees."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import merkle
from hub.domain.merkle import Tree, included, leaf_hash, node_hash, path_of, root_of

#: The inputs and roots with which the implementations of Certificate Transparency test each other.
INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
#: (leaf from 0, tree size) → the published path, lowest first.
PATHS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
LEAVES = [leaf_hash(bytes.fromhex(content)) for content in INPUTS]


def many(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def defined(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 §2.1 defines it, word for word: split at the largest power of two below the size."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined(leaves[:split]), defined(leaves[split:]))


def test_the_empty_tree():
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("where", "path"), PATHS.items(), ids=str)
def test_published_paths(where, path):
    index, size = where
    found = path_of(LEAVES[:size], index)
    assert tuple(beside.hex() for beside in found) == path
    assert included(LEAVES[index], found, index=index, size=size, root=bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 127, 128, 129])
def test_every_leaf_of_every_small_tree_is_proved(size):
    leaves = many(size)
    root = defined(leaves)
    assert root_of(leaves) == root
    for index, leaf in enumerate(leaves):
        path = path_of(leaves, index)
        assert len(path) <= (size - 1).bit_length()
        assert included(leaf, path, index=index, size=size, root=root)


@given(st.lists(st.binary(max_size=4), max_size=80))
def test_a_tree_that_grows_has_the_defined_root_at_every_size(contents):
    tree = Tree()
    leaves = [leaf_hash(content) for content in contents]
    for size, leaf in enumerate(leaves, start=1):
        tree.add(leaf)
        assert tree.size == size
        assert tree.root() == defined(leaves[:size])


@given(st.integers(1, 70), st.data())
def test_a_path_proves_one_leaf_at_one_place_in_one_tree(size, data):
    leaves = many(size)
    index = data.draw(st.integers(0, size - 1))
    root, path = root_of(leaves), path_of(leaves, index)
    assert not any(included(leaf_hash(b"other"), path, index=i, size=size, root=root) for i in range(size))
    assert not any(included(leaves[index], path, index=i, size=size, root=root) for i in range(size) if i != index)
    assert not included(leaves[index], (*path, root), index=index, size=size, root=root)
    assert not path or not included(leaves[index], path[:-1], index=index, size=size, root=root)
    for place in range(len(path)):
        spoilt = (*path[:place], leaf_hash(b"spoilt"), *path[place + 1 :])
        assert not included(leaves[index], spoilt, index=index, size=size, root=root)


def test_an_inner_node_does_not_pass_as_a_leaf():
    """RFC 6962's prefixes: the children of a node, given as a leaf's content, hash to something else."""
    two = many(2)
    assert leaf_hash(two[0] + two[1]) != node_hash(*two)


@pytest.mark.parametrize("index", [-1, 3, 10])
def test_a_leaf_outside_the_tree(index):
    with pytest.raises(IndexError):
        path_of(many(3), index)
    assert not included(many(3)[0], path_of(many(3), 0), index=index, size=3, root=root_of(many(3)))


def test_hashes_of_another_length_are_refused():
    leaves = many(4)
    path = path_of(leaves, 0)
    assert not included(leaves[0][:-1], path, index=0, size=4, root=root_of(leaves))
    assert not included(leaves[0], (path[0][:-1], path[1]), index=0, size=4, root=root_of(leaves))


def test_memory_is_one_hash_per_level():
    tree = Tree()
    for leaf in many(4095):
        tree.add(leaf)
    assert len(tree._complete) == 12
