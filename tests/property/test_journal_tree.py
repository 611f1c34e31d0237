"""The stored-node proofs agree with the plain definitions of RFC 9162 for every tree."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from broker.core.journal_tree import TILE_WIDTH, consistency_nodes, fold, inclusion_nodes, peaks, read_node
from broker.wire import merkle

LEAVES = [hashlib.sha256(n.to_bytes(4)).digest() for n in range(1300)]


def _tile(size: int, level: int, index: int) -> bytes:
    """Level 0 out of the leaves, level 1 out of the full tiles below, as the database keeps them."""
    leaves = LEAVES[:size]
    if level == 0:
        return b"".join(leaves[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])
    full = range(size // TILE_WIDTH)
    return b"".join(merkle.root_of(leaves[n * TILE_WIDTH : (n + 1) * TILE_WIDTH]) for n in full)


def _hashes(size: int, proof: list[list[tuple[int, int]]]) -> list[bytes]:
    return [fold([read_node(node, lambda *at: _tile(size, *at)) for node in nodes]) for nodes in proof]


@st.composite
def _two_sizes(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, len(LEAVES)))
    return draw(st.integers(1, size)), size


@given(_two_sizes())
def test_inclusion(sizes: tuple[int, int]) -> None:
    index, size = sizes[0] - 1, sizes[1]
    assert _hashes(size, inclusion_nodes(index, size)) == merkle.inclusion_path(LEAVES[:size], index)


@given(_two_sizes())
def test_consistency(sizes: tuple[int, int]) -> None:
    old, size = sizes
    assert _hashes(size, consistency_nodes(old, size)) == merkle.consistency_path(LEAVES[:size], old)


@given(st.integers(0, len(LEAVES)))
def test_peaks_are_the_frontier(size: int) -> None:
    frontier = merkle.Frontier()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert [read_node(node, lambda *at: _tile(size, *at)) for node in peaks(0, size)] == list(frontier.hashes)


@given(st.integers(1, 10**12), st.data())
def test_a_proof_reads_few_nodes_however_large_the_log(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert sum(map(len, inclusion_nodes(index, size))) <= 2 * size.bit_length()
