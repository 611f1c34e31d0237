#!/usr/bin/env python3
# ruff: noqa: T201 -- a stand-alone script that prints its verdict
"""Verify an exported Tongguan journal: python3 journal_verify.py EXPORT VERIFIER_KEY [SEEN_CHECKPOINT ...]

Standard library only, and nothing of Tongguan: the second implementation that specs/journal.md asks an auditor to run.
VERIFIER_KEY is `<origin>+<hash>+<base64>` as published by the operator; after a rotation give all of them, separated by
commas. SEEN_CHECKPOINT is a file with a signed note that you kept from an earlier visit: the log must still contain it.
Exit status 0 and one line when all holds; 1 and the first fault otherwise.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

# --- Ed25519 verification, RFC 8032 5.1.7, written for clarity -------------------------------------------------------
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


def point_add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point, scalar = point_add(point, point), scalar >> 1
    return result


def recover_x(y: int, sign: int) -> int:
    if y >= P:
        fail("a point of the signature is not on the curve")
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        fail("a point of the signature is not on the curve")
    return P - x if x & 1 != sign else x


def decompress(raw: bytes) -> Point:
    number = int.from_bytes(raw, "little")
    y = number & (1 << 255) - 1
    x = recover_x(y, number >> 255)
    return (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed_by(key: bytes, message: bytes, signature: bytes) -> bool:
    scalar = int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = (
        point_mul(scalar, BASE),
        point_add(decompress(signature[:32]), point_mul(challenge, decompress(key))),
    )
    same = (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0
    return scalar < ORDER and same


# --- The log ----------------------------------------------------------------------------------------------------------


def fail(why: str) -> NoReturn:
    print(f"NOT VERIFIED: {why}")
    sys.exit(1)


class Tree:
    """The roots of the full subtrees, largest first (RFC 9162 2.1.1)."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, entry: bytes) -> None:
        node, size = hashlib.sha256(b"\0" + entry).digest(), self.size
        while size & 1:
            node, size = hashlib.sha256(b"\1" + self.peaks.pop() + node).digest(), size >> 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for left in self.peaks[-2::-1]:
            root = hashlib.sha256(b"\1" + left + root).digest()
        return root


def read_note(note: str, keys: dict[tuple[str, bytes], bytes]) -> tuple[int, bytes]:
    """(size, root) of a signed note, once its signature holds."""
    body, _, signatures = note.partition("\n\n")
    body += "\n"
    origin, size, root = body.split("\n")[:3]
    for line in signatures.splitlines():
        name, raw = line.removeprefix("— ").rsplit(" ", 1)
        signature = base64.b64decode(raw)
        key = keys.get((name, signature[:4]))
        if key and name == origin and len(signature) == 68 and signed_by(key, body.encode(), signature[4:]):
            return int(size), base64.b64decode(root)
    fail(f"the checkpoint over {size} entries is not signed by a key you trust")


def lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="ascii") as file:
        for line in file:
            yield json.loads(line)


def main(export: Path, trusted: str, *seen_files: str) -> None:
    keys: dict[tuple[str, bytes], bytes] = {}
    for text in trusted.split(","):
        name, digest, raw = text.split("+", 2)
        key = base64.b64decode(raw)
        if key[:1] != b"\1" or hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != digest:
            fail("that is not a verifier key")
        keys[name, bytes.fromhex(digest)] = key[1:]
    seen = dict(read_note(Path(file).read_text(encoding="utf-8"), keys) for file in seen_files)
    tree, covered, checkpoints = Tree(), 0, 0
    stream = lines(export)
    if next(stream, None) != {"format": "tongguan-journal/1"}:
        fail("not a journal export of version 1")
    for line in stream:
        if "entry" in line:
            tree.append(base64.b64decode(line["entry"]))
            if seen.get(tree.size, tree.root()) != tree.root():
                fail(f"the log of {tree.size} entries is not the one you saw before")
        else:
            size, root = read_note(line["checkpoint"], keys)
            if (size, root) != (tree.size, tree.root()):
                fail(f"the checkpoint over {size} entries does not match the entries")
            covered, checkpoints = size, checkpoints + 1
    if covered != tree.size:
        fail(f"{tree.size} entries, but the last checkpoint covers {covered}")
    if max(seen, default=0) > tree.size:
        fail(f"you saw a log of {max(seen)} entries before, this one has {tree.size}")
    print(f"verified: {tree.size} entries, {checkpoints} checkpoints, root {tree.root().hex()}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__)
        sys.exit(2)
    main(Path(sys.argv[1]), *sys.argv[2:])
