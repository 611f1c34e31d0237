#!/usr/bin/env python3
# ruff: noqa: T201 -- a stand-alone script that prints its verdict
"""Verify an exported Tongguan journal: python3 journal_verify.py EXPORT VERIFIER_KEY [SEEN_CHECKPOINT ...]

Standard library only, and nothing of Tongguan: the second implementation that specs/journal.md asks an auditor to run.
VERIFIER_KEY is `<origin>+<hash>+<base64>` as published by the operator; after a rotation give all of them, separated by
commas. SEEN_CHECKPOINT is a file with a signed note that you kept from an earlier visit: the log must still contain it.
The releases that each day's seed draws are drawn again (specs/sampling.md); `--sample YYYY-MM-DD` also prints those of
one day, one leaf hash a line. Exit status 0 and a line or two when all holds; 1 and the first fault otherwise.
"""

import base64
import hashlib
import hmac
import json
import struct
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

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


def read_note(note: str, keys: dict[tuple[str, bytes], bytes]) -> tuple[int, bytes, int]:
    """(size, root, Unix seconds) of a signed note, once its signature holds."""
    body, _, signatures = note.partition("\n\n")
    body += "\n"
    origin, size, root, time = body.split("\n")[:4]
    for line in signatures.splitlines():
        name, raw = line.removeprefix("— ").rsplit(" ", 1)
        signature = base64.b64decode(raw)
        key = keys.get((name, signature[:4]))
        if key and name == origin and len(signature) == 68 and signed_by(key, body.encode(), signature[4:]):
            return int(size), base64.b64decode(root), int(time.removeprefix("time "))
    fail(f"the checkpoint over {size} entries is not signed by a key you trust")


def lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="ascii") as file:
        for line in file:
            yield json.loads(line)


# --- The samples ------------------------------------------------------------------------------------------------------
SHANGHAI = timezone(timedelta(hours=8))


def read_cbor(raw: bytes, at: int = 0) -> tuple[Any, int]:
    """(one item of RFC 8949 as the journal uses it, where it ends)."""
    major, info, at = raw[at] >> 5, raw[at] & 31, at + 1
    width = 1 << (info - 24) if 24 <= info < 28 else 0
    argument = int.from_bytes(raw[at : at + width], "big") if width else info
    start, at = at, at + width
    if major in (2, 3):
        text = raw[at : at + argument]
        return (text.decode() if major == 3 else text), at + argument
    if major in (4, 5):
        items = []
        for _ in range(argument * (major - 3)):
            item, at = read_cbor(raw, at)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at
    if major == 7:
        plain = {20: False, 21: True, 22: None}
        return (
            plain[info] if info in plain else struct.unpack({2: ">e", 4: ">f", 8: ">d"}[width], raw[start:at])[0]
        ), at
    return (argument if major == 0 else -1 - argument), at


class Day:
    """What the journal says of one day's seed and releases."""

    def __init__(self, name: date) -> None:
        self.begins = int(datetime(name.year, name.month, name.day, tzinfo=SHANGHAI).timestamp())
        self.commitment, self.covered_at = "", 0
        self.rates: dict[str, int] = {}
        self.missing: str | None = None
        self.releases: list[tuple[int, bytes, int]] = []
        self.sample: list[bytes] = []
        self.closed = False

    def whole(self) -> bool:
        """Nothing binds: everything of the day is to be looked at."""
        bound = self.commitment and 0 < self.covered_at < self.begins
        return not bound or self.missing not in (None, "lost")


class Samples:
    """specs/sampling.md: fed with the log in order, draws each day again when its seed is revealed."""

    def __init__(self) -> None:
        self.days: dict[date, Day] = {}
        self.uncovered: list[Day] = []
        self.first: date | None = None
        self.now = 0

    def entry(self, position: int, raw: bytes) -> None:
        _, _, kind, hour, clear, _ = read_cbor(raw)[0]
        if kind.startswith("broker:sampling:"):
            self.told(kind.rsplit(":", 1)[1], hour, clear)
        elif isinstance(clear.get("transfer"), str):
            name = datetime.fromtimestamp(hour, SHANGHAI).date()
            if self.first is not None and name >= self.first:
                day = self.days.setdefault(name, Day(name))
                leaf = hashlib.sha256(b"\0" + raw).digest()
                if day.closed:  # placed when the seed was public
                    day.sample.append(leaf)
                else:
                    day.releases.append((position, leaf, parts_of(clear, day.rates)))

    def told(self, what: str, hour: int, clear: dict[str, Any]) -> None:
        name = date.fromisoformat(clear["day"])
        self.first = self.first or name
        day = self.days.setdefault(name, Day(name))
        if what == "committed":
            if day.commitment:
                fail(f"two seeds were committed to for {name}")
            day.commitment, day.rates = clear["commitment"], clear["rates"]
            self.uncovered.append(day)
        elif what == "missing":
            day.missing = clear["why"]
        elif what == "closed":
            self.close(name, day, hour, clear)

    def close(self, name: date, day: Day, hour: int, clear: dict[str, Any]) -> None:
        if day.closed:
            fail(f"{name} was closed twice")
        if hour < day.begins + 86400:
            fail(f"{name} was closed, and its seed revealed, before it had ended")
        regular = [(leaf, parts) for position, leaf, parts in day.releases if position < clear["size"]]
        if day.whole():
            day.sample = [leaf for leaf, _ in regular]
        elif "seed" not in clear:
            fail(f"the seed of {name} was committed to and not revealed")
        else:
            seed = bytes.fromhex(clear["seed"])
            if hashlib.sha256(seed).hexdigest() != day.commitment:
                fail(f"the seed revealed for {name} is not the one that was committed to")
            day.sample = [leaf for leaf, parts in regular if drawn(seed, leaf, parts)]
        told = (clear["decided"], clear["sampled"], clear["digest"])
        if told != (len(regular), len(day.sample), hashlib.sha256(b"".join(day.sample)).hexdigest()):
            fail(f"{name}: {told[1]} of {told[0]} said to be drawn; the seed draws {len(day.sample)} of {len(regular)}")
        day.sample += [leaf for position, leaf, _ in day.releases if position >= clear["size"]]
        day.releases, day.closed = [], True

    def checkpoint(self, time: int) -> None:
        for day in self.uncovered:
            day.covered_at = time
        self.uncovered.clear()
        self.now = time

    def finish(self, wanted: date | None) -> None:
        for name, day in self.days.items():
            if day.releases and self.now >= day.begins + 2 * 86400:
                fail(f"{name} was never closed: its seed was not revealed")
        closed = [day for day in self.days.values() if day.closed]
        if closed:
            print(
                f"samples: {len(closed)} days drawn again, {sum(len(day.sample) for day in closed)} releases in them; "
                f"{sum(day.whole() for day in closed)} days whole, because no seed bound them"
            )
        if wanted is not None:
            if wanted not in self.days or not self.days[wanted].closed:
                fail(f"the seed of {wanted} is not revealed")
            for leaf in self.days[wanted].sample:
                print(leaf.hex())


def parts_of(clear: dict[str, Any], rates: dict[str, int]) -> int:
    """How many of ten thousand such releases are drawn."""
    band = clear.get("band")
    if not rates or band not in ("green", "amber", "red"):
        return 10000
    return max(rates[band], rates["exempt"] if clear.get("mechanism") == "exempt" else 0)


def drawn(seed: bytes, leaf: bytes, parts: int) -> bool:
    """HMAC(seed, leaf)/2^64 < parts/10000, in whole numbers."""
    return int.from_bytes(hmac.digest(seed, leaf, "sha256")[:8], "big") * 10000 < parts << 64


def main(export: Path, trusted: str, *seen_files: str, wanted: date | None = None) -> None:
    keys: dict[tuple[str, bytes], bytes] = {}
    for text in trusted.split(","):
        name, digest, raw = (*text.split("+", 2), "", "")[:3]
        try:
            key = base64.b64decode(raw, validate=True)
        except ValueError:
            key = b""
        if key[:1] != b"\1" or hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != digest:
            fail("that is not a verifier key")
        keys[name, bytes.fromhex(digest)] = key[1:]
    seen = dict(read_note(Path(file).read_text(encoding="utf-8"), keys)[:2] for file in seen_files)
    tree, samples, covered, checkpoints = Tree(), Samples(), 0, 0
    stream = lines(export)
    if next(stream, None) != {"format": "tongguan-journal/1"}:
        fail("not a journal export of version 1")
    for line in stream:
        if "entry" in line:
            entry = base64.b64decode(line["entry"])
            samples.entry(tree.size, entry)
            tree.append(entry)
            if seen.get(tree.size, tree.root()) != tree.root():
                fail(f"the log of {tree.size} entries is not the one you saw before")
        else:
            size, root, time = read_note(line["checkpoint"], keys)
            if (size, root) != (tree.size, tree.root()):
                fail(f"the checkpoint over {size} entries does not match the entries")
            samples.checkpoint(time)
            covered, checkpoints = size, checkpoints + 1
    if covered != tree.size:
        fail(f"{tree.size} entries, but the last checkpoint covers {covered}")
    if max(seen, default=0) > tree.size:
        fail(f"you saw a log of {max(seen)} entries before, this one has {tree.size}")
    print(f"verified: {tree.size} entries, {checkpoints} checkpoints, root {tree.root().hex()}")
    samples.finish(wanted)


if __name__ == "__main__":
    arguments, day = sys.argv[1:], None
    if "--sample" in arguments[:-1]:
        place = arguments.index("--sample")
        day = date.fromisoformat(arguments[place + 1])
        del arguments[place : place + 2]
    if len(arguments) < 2:
        print(__doc__)
        sys.exit(2)
    main(Path(arguments[0]), *arguments[1:], wanted=day)
