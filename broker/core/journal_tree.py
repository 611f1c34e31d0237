"""Which stored hashes a Merkle proof needs (RFC 9162 2.1), so that a proof over n entries reads O(log n) of them.

A node (level, index) is the root of the 2**level leaves that start at index * 2**level, all of them present.
"""

from collections.abc import Callable, Sequence

from broker.wire.merkle import node_hash

Node = tuple[int, int]
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


def peaks(start: int, end: int) -> list[Node]:
    """The fewest nodes that cover leaves [start, end), left to right; `start` is a multiple of the largest."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """For each element of the inclusion proof of leaf `index` in a tree of `size`: the peaks to fold into it."""
    proof: list[list[Node]] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            proof.append(peaks(split, end))
            end = split
        else:
            proof.append(peaks(start, split))
            start = split
    return proof[::-1]


def consistency_nodes(old_size: int, size: int) -> list[list[Node]]:
    """For each element of the proof that `old_size` leaves are a prefix of `size`: the peaks to fold into it."""
    proof: list[list[Node]] = []
    start, end, complete = 0, size, True
    while old_size != end:
        split = start + _split(end - start)
        if old_size <= split:
            proof.append(peaks(split, end))
            end = split
        else:
            proof.append(peaks(start, split))
            start, complete = split, False
    if not complete:
        proof.append(peaks(start, end))
    return proof[::-1]


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over peaks, left to right."""
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root


def tile_of(node: Node) -> tuple[int, int, int, int]:
    """(tile level, tile index, first hash within it, number of hashes) whose root is the node."""
    level, index = node
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = index << height
    return tile_level, first >> TILE_HEIGHT, first % TILE_WIDTH, 1 << height


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def read_node(node: Node, tile: Callable[[int, int], bytes]) -> bytes:
    """The node's hash out of `tile(level, index)`: that tile's hashes joined, as many as exist yet."""
    level, index, first, count = tile_of(node)
    joined = tile(level, index)[first * 32 : (first + count) * 32]
    return subtree_root([joined[i : i + 32] for i in range(0, len(joined), 32)])


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
