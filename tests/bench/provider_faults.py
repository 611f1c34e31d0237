"""What one provider in trouble costs logins at the others: p95 of whole logins, healthy and under each fault.

`python -m tests.bench.provider_faults [--seconds 5] [--rounds 5]`. A real broker with production deadlines, the real
mocks. Well or not, as many people keep trying at the provider in trouble, and each rests a moment between two attempts,
so that both states meet the same offer. Target: p95 of each other provider at most 1.5 times its healthy one, whichever
of the three is in trouble and however, and no login lost there.
"""

import argparse
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import httpx

from tests.bench.figures import Figures, percentile
from tests.support.logins import PEOPLE, Attempt, log_in, switch, synthetic_portraits
from tests.support.stage import PROVIDERS, Stage

RATIO = 1.5
FAULTS = ("down", "slow", "garbage")
MEASURING = 1  # people logging in at each of the other two at a time
TRYING = 6  # people trying at the one in trouble at a time
REST = {True: 2.0, False: 0.1}  # seconds between one person's attempts, at the one in trouble and at the others


def measure(stage: Stage, troubled: str, seconds: float) -> dict[str, list[Attempt]]:
    """Logins at all three for `seconds`; those at `troubled` only press, whatever becomes of them."""
    end = time.monotonic() + seconds
    over = threading.Event()

    def keep_logging_in(provider: str, first: int) -> list[Attempt]:
        people = cycle(PEOPLE[provider][first:] + PEOPLE[provider][:first])
        done = []
        while time.monotonic() < end:
            attempt = _tried(stage, provider, next(people))
            if attempt is not None:
                done.append(attempt)
            over.wait(REST[provider == troubled])
        return done

    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    plan = [(provider, TRYING if provider == troubled else MEASURING) for provider in PROVIDERS]
    workers = [(provider, number % 3) for provider, many in plan for number in range(many)]
    with ThreadPoolExecutor(len(workers)) as pool:
        for done in pool.map(lambda worker: keep_logging_in(*worker), workers):
            for attempt in done:
                found[attempt.provider].append(attempt)
    return found


def _tried(stage: Stage, provider: str, person: str) -> Attempt | None:
    """None when even the provider's own pages did not come."""
    try:
        return log_in(stage.broker_url, provider, person)
    except (httpx.HTTPError, AssertionError, KeyError):
        return None


def _p95(attempts: Sequence[Attempt]) -> float:
    return percentile([attempt.seconds * 1000 for attempt in attempts if attempt.succeeded], 95)


def _recovered(stage: Stage, provider: str) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        attempt = _tried(stage, provider, PEOPLE[provider][0])
        if attempt is not None and attempt.succeeded:
            return
        threading.Event().wait(0.5)
    raise RuntimeError(f"{provider} did not come back")


def run(stage: Stage, figures: Figures, *, seconds: float, rounds: int) -> None:
    for provider in PROVIDERS:
        _recovered(stage, provider)
    for troubled in PROVIDERS:
        others = [provider for provider in PROVIDERS if provider != troubled]
        found: defaultdict[tuple[str, str], list[Attempt]] = defaultdict(list)
        for _ in range(rounds):
            # In turn, so that whatever else this machine does meets all states alike.
            for fault in ("none", *FAULTS):
                switch(stage, troubled, fault)
                slice_ = measure(stage, troubled, seconds)
                switch(stage, troubled, "none")
                for provider in others:
                    found[fault, provider] += slice_[provider]
                if fault != "none":
                    _recovered(stage, troubled)
        for provider in others:
            well = _p95(found["none", provider])
            figures.add(f"{provider}, p95, all well", well, "ms", note=f"{len(found['none', provider])} logins")
            for fault in FAULTS:
                attempts = found[fault, provider]
                lost = sum(not attempt.succeeded for attempt in attempts)
                note = f"{len(attempts)} logins, p95 {_p95(attempts):.0f} ms, {lost} failed"
                what = f"{provider}, {troubled} {fault}"
                figures.add(what, _p95(attempts) / well, "x", target=("<=", RATIO), note=note)
                figures.add(f"{what}: logins lost", lost, "", target=("<=", 0))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of one slice")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    figures = Figures("provider_faults")
    with tempfile.TemporaryDirectory() as folder:
        portraits = synthetic_portraits(Path(folder) / "portraits")
        environment = {"TONGGUAN_LOGINS_PER_MINUTE": "1000000"}
        # Short pauses, so that recovering between two slices does not take minutes; more probes meet the fault.
        tuning = {"pause": 2}
        with Stage(
            Path(folder) / "stage", portraits, serve_wallet=False, environment=environment, tuning=tuning
        ) as stage:
            run(stage, figures, seconds=arguments.seconds, rounds=arguments.rounds)
    figures.write()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
