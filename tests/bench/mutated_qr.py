"""Shows a gate damaged codes by the million: nothing undeclared may come up, and none may be accepted.

    python -m tests.bench.mutated_qr [--count 1000000] [--signed 100000] [--processes N] [--seed S]

Two campaigns. `forged`: damage at every layer of good codes (online, offline, EdDSA and ES256), by somebody who has the
codes and the traveller's phone but no key of the broker; accepted must be 0. `signed`: senseless claims under a real
pass key, to drive the claims parser; a pass that is still accepted must read back as exactly what was signed.
One acceptance is right and left out: (r, n - s) of a proof is a valid signature of the same message.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from broker.wire import cbor, travel_pass
from broker.wire.errors import WireError
from broker.wire.qr_payload import TravelQr
from tests.bench.figures import Figures
from tests.support.lane_check import check
from tests.support.qr_mutations import MUTATIONS, signed_by_the_issuer
from tests.vectors import world as w

CHUNK = 2_000
OUT = Path("out/bench")


@dataclass
class Tally:
    """What became of a number of codes."""

    shown: int = 0
    accepted: int = 0
    undeclared: int = 0
    misread: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.shown += other.shown
        self.accepted += other.accepted
        self.undeclared += other.undeclared
        self.misread += other.misread
        self.reasons += other.reasons
        self.findings = [*self.findings, *other.findings][:20]

    def as_json(self) -> dict[str, Any]:
        return {
            "shown": self.shown,
            "accepted": self.accepted,
            "undeclared_exceptions": self.undeclared,
            "misread": self.misread,
            "refused_by_reason": dict(self.reasons.most_common()),
            "findings": self.findings,
        }


def good_codes() -> list[TravelQr]:
    """Return good codes for one zone: online and offline, EdDSA and ES256, of two people."""
    other = replace(w.ONLINE, pass_id=w.octets("mutations", 16), status_index=w.ONLINE.status_index + 9)
    return [w.qr(), w.qr(w.OFFLINE), w.qr(other, key=w.PASS_ES), w.qr(replace(w.OFFLINE, pass_id=other.pass_id))]


def forged(count: int, seed: int) -> Tally:
    """Show `count` damaged codes."""
    rng, codes, tally = random.Random(seed), good_codes(), Tally()  # noqa: S311 - repeatable on purpose
    good = {code.to_text() for code in codes}
    while tally.shown < count:
        code, other = rng.sample(codes, 2)
        text = rng.choice(MUTATIONS)(rng, code, other)
        if text in good:
            continue
        tally.shown += 1
        try:
            _check(text)
        except WireError as refused:
            tally.reasons[refused.reason.value] += 1
        except Exception as error:  # noqa: BLE001 - finding any such is the purpose
            tally.undeclared += 1
            tally.findings.append(f"{type(error).__name__}: {error}: {text!r}")
        else:
            tally.accepted += 1
            tally.findings.append(f"accepted: {text!r}")
    return tally


def signed(count: int, seed: int) -> Tally:
    """Read `count` passes whose senseless claims carry a real signature."""
    rng, tally = random.Random(seed), Tally()  # noqa: S311 - repeatable on purpose
    for _ in range(count):
        raw, claims = signed_by_the_issuer(rng)
        tally.shown += 1
        try:
            verified = travel_pass.verify(raw, w.TRUST, at=w.NOW, expected_zone=w.ZONE)
        except WireError as refused:
            tally.reasons[refused.reason.value] += 1
        except Exception as error:  # noqa: BLE001
            tally.undeclared += 1
            tally.findings.append(f"{type(error).__name__}: {error}: {raw.hex()}")
        else:
            tally.accepted += 1
            if cbor.encode(w.claims_map(verified.claims)) != claims:
                tally.misread += 1
                tally.findings.append(f"misread: {raw.hex()}")
    return tally


def _check(text: str) -> None:
    secrets = {w.EPOCH: w.EPOCH_SECRET}
    check(text, trust_list=w.TRUST, statuses=w.STATUS_LIST, epoch_secrets=secrets, at=w.NOW, zone=w.ZONE)


def campaign(kind: str, count: int, *, processes: int, seed: int) -> Tally:
    """Run `count` codes over `processes`, with a line of progress."""
    run = {"forged": forged, "signed": signed}[kind]
    total, started = Tally(), time.monotonic()
    chunks = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        futures = [pool.submit(run, size, seed * 1_000_003 + number) for number, size in enumerate(chunks)]
        for future in as_completed(futures):
            total.add(future.result())
            if sys.stderr.isatty() or total.shown % (25 * CHUNK) == 0:
                rate = total.shown / (time.monotonic() - started)
                sys.stderr.write(f"\r{kind}: {total.shown:,} of {count:,}, {rate:,.0f}/s ")
    sys.stderr.write("\n")
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="damaged travel codes")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--signed", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    for code in good_codes():
        _check(code.to_text())  # what is damaged below was good
    started = time.monotonic()
    results = {
        "forged": campaign("forged", options.count, processes=options.processes, seed=options.seed),
        "signed": campaign("signed", options.signed, processes=options.processes, seed=options.seed),
    }
    report = {
        "seed": options.seed,
        "seconds": round(time.monotonic() - started, 1),
        **{name: tally.as_json() for name, tally in results.items()},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "mutated_qr_reasons.json").write_text(json.dumps(report, indent=1) + "\n")
    for name, tally in results.items():
        print(
            f"{name}: {tally.shown:,} codes, {tally.accepted:,} accepted, {tally.undeclared} undeclared exceptions,"
            f" {tally.misread} misread"
        )
        for reason, count in tally.reasons.most_common():
            print(f"  {reason:22} {count:>10,}")
        for finding in tally.findings:
            print("  !", finding[:300])
    figures = Figures("mutated_qr")
    figures.add("mutated codes shown", options.count, "codes", target=(">=", 1_000_000))
    figures.add("mutated codes accepted", results["forged"].accepted, "codes", target=("<=", 0))
    undeclared = sum(tally.undeclared for tally in results.values())
    figures.add("undeclared exceptions", undeclared, "", target=("<=", 0))
    figures.write()
    bad = results["forged"].accepted + sum(tally.undeclared + tally.misread for tally in results.values())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
