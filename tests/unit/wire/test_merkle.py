import pytest

from broker.wire import merkle
from broker.wire.merkle import Frontier, ProofError

LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(40)]


def _recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1, word for word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(_recursive_root(leaves[:k]), _recursive_root(leaves[k:]))


def test_the_frontier_grows_to_the_same_roots() -> None:
    frontier = Frontier()
    for size in range(len(LEAVES)):
        assert frontier.root() == _recursive_root(LEAVES[:size])
        frontier = frontier.append(LEAVES[size])


def test_a_frontier_has_one_hash_per_subtree() -> None:
    with pytest.raises(ValueError, match="set bit"):
        Frontier(3, (LEAVES[0],))


def test_every_inclusion_proof_holds_and_no_altered_one_does() -> None:
    for size in range(1, 20):
        root = merkle.root_of(LEAVES[:size])
        for index in range(size):
            proof = merkle.inclusion_path(LEAVES[:size], index)
            merkle.verify_inclusion(LEAVES[index], index=index, size=size, proof=proof, root=root)
            bad = [
                (LEAVES[index + 1], index, size, proof),
                (LEAVES[index], index + size, size, proof),
                (LEAVES[index], -1, size, proof),
                (LEAVES[index], index, size, [*proof, LEAVES[0]]),
                (LEAVES[index], index, size, [*proof[:-1], LEAVES[39]] if proof else [LEAVES[0]]),
            ]
            if proof:
                bad.append((LEAVES[index], index, size, proof[:-1]))
            for leaf, position, count, path in bad:
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(leaf, index=position, size=count, proof=path, root=root)


def test_every_consistency_proof_holds_and_no_altered_one_does() -> None:
    for new in range(1, 20):
        new_root = merkle.root_of(LEAVES[:new])
        for old in range(1, new + 1):
            old_root = merkle.root_of(LEAVES[:old])
            proof = merkle.consistency_path(LEAVES[:new], old)

            def verify(
                path: list[bytes], a: bytes = old_root, b: bytes = new_root, old: int = old, new: int = new
            ) -> None:
                merkle.verify_consistency(old_size=old, old_root=a, new_size=new, new_root=b, proof=path)

            verify(proof)
            for call in (
                lambda: verify([*proof, LEAVES[0]]),  # noqa: B023 - called at once
                lambda: verify(proof, a=LEAVES[39]),  # noqa: B023
                lambda: verify(proof, b=LEAVES[39]),  # noqa: B023
            ):
                with pytest.raises(ProofError):
                    call()
            if proof:
                with pytest.raises(ProofError):
                    verify(proof[:-1])


def test_every_tree_extends_the_empty_one() -> None:
    root = merkle.root_of(LEAVES[:3])
    merkle.verify_consistency(old_size=0, old_root=merkle.EMPTY_ROOT, new_size=3, new_root=root, proof=[])
    for old_size, old_root, proof in ((0, root, []), (0, merkle.EMPTY_ROOT, [root]), (4, root, [])):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old_size=old_size, old_root=old_root, new_size=3, new_root=root, proof=proof)


def test_no_path_beyond_the_tree() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_path(LEAVES[:3], 3)
    with pytest.raises(IndexError):
        merkle.consistency_path(LEAVES[:3], 4)


def test_the_size_is_proved_too() -> None:
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[0], index=0, size=2, proof=[], root=LEAVES[0])
    old, new = merkle.root_of(LEAVES[:2]), merkle.root_of(LEAVES[:4])
    proof = merkle.consistency_path(LEAVES[:4], 2)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old_size=2, old_root=old, new_size=8, new_root=new, proof=proof)
