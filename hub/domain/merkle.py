"""Merkle trees: one hash stands for many leaves, and a short path proves that a leaf is among them.

Owns: the hashing of leaves and nodes, roots, inclusion proofs and their verification.
Never: knows what a leaf is about.
Source: RFC 6962 §2.1 (the prefixes keep a leaf from passing as a node).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32


def leaf_hash(content: bytes) -> bytes:
    """The 32-byte hash of one leaf's content."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of the two hashes below a node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows by leaf hashes and keeps one hash per level only, however many leaves come."""

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[bytes] = []  # roots of complete subtrees, largest first: the bits of `size`

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.size += 1
        self._complete.append(leaf)
        trailing_zeros = (self.size & -self.size).bit_length() - 1
        for _ in range(trailing_zeros):
            right = self._complete.pop()
            self._complete.append(node_hash(self._complete.pop(), right))

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._complete:
            return EMPTY_ROOT
        result = self._complete[-1]
        for left in reversed(self._complete[:-1]):
            result = node_hash(left, result)
        return result


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes.

    >>> root_of([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def path_of(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf `index` (from 0): the hashes beside its way up, lowest first. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    found: list[bytes] = []
    first, last = 0, len(leaves)  # the subtree that holds the leaf
    while last - first > 1:
        split = first + (1 << (last - first - 1).bit_length() - 1)
        if index < split:
            found.append(root_of(leaves[split:last]))
            last = split
        else:
            found.append(root_of(leaves[first:split]))
            first = split
    return tuple(reversed(found))


def included(leaf: bytes, path: Sequence[bytes], *, index: int, size: int, root: bytes) -> bool:
    """True when the path leads from leaf hash `index` of a tree of `size` leaves to `root` and to nothing else."""
    if not 0 <= index < size or any(len(beside) != HASH_BYTES for beside in (leaf, *path)):
        return False
    node, last, result = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return False
        if node % 2 or node == last:
            result = node_hash(beside, result)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            result = node_hash(result, beside)
        node, last = node // 2, last // 2
    return last == 0 and result == root
