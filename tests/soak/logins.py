"""A thousand logins under way at once, across all providers: none is lost, none crosses.

`python -m tests.soak.logins [--count 1000] [--threads 32]`. A real broker with its own database, the real mocks. Every
browser sets out and stands on its provider's page before the first one comes back; then they come back in random order.
Each ends with its wallet's tokens, whose person is looked up by name at the wallet API. Exit code 1 for any loss.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.bench.figures import percentile
from tests.support.html_forms import forms_of, submit
from tests.support.logins import PEOPLE, synthetic_portraits
from tests.support.provider_pages import WALKS, Choice
from tests.support.stage import PROVIDERS, Stage
from tests.support.wallet_client import WalletClient, b64url


@dataclass
class Journey:
    """One login under way: `page` is the provider's first page."""

    provider: str
    person: str
    wallet: WalletClient
    verifier: str
    state: str
    page: httpx.Response
    seconds: float = 0.0


def set_out(stage: Stage, provider: str, person: str) -> Journey:
    """From the wallet's authorization request to the provider's page."""
    wallet = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
    begun = time.perf_counter()
    verifier, state = b64url(os.urandom(32)), b64url(os.urandom(16))
    url = wallet.authorization_url(verifier, state, b64url(os.urandom(16)), ui_locales="en")
    choice = wallet.follow(wallet.browser.get(url))
    if not isinstance(choice, httpx.Response):
        raise TypeError(f"no choice of providers: {choice}")
    form = next(form for form in forms_of(choice) if form.action.endswith(f"/login/{provider}"))
    left = submit(wallet.browser, choice, form)
    page = wallet.browser.get(urljoin(str(left.url), left.headers["location"]))
    return Journey(provider, person, wallet, verifier, state, page, time.perf_counter() - begun)


def come_back(journey: Journey) -> tuple[str, str, str, str, float]:
    """(provider, person, name, pseudonym, seconds) of whoever this wallet turned out to be."""
    begun, wallet = time.perf_counter(), journey.wallet
    answer = wallet.follow(WALKS[journey.provider](wallet.browser, journey.page, Choice(journey.person)))
    if not isinstance(answer, dict) or answer.get("state") != journey.state or "code" not in answer:
        raise ValueError(f"{journey.person} did not come back: {getattr(answer, 'text', answer)!s:.300}")
    body = wallet.token(
        grant_type="authorization_code",
        code=answer["code"],
        redirect_uri=wallet.redirect_uri,
        code_verifier=journey.verifier,
    )
    wallet.access_token = body["access_token"]
    me = wallet.me()
    wallet.close()
    seconds = journey.seconds + time.perf_counter() - begun
    if me["provider"] != journey.provider:
        raise ValueError(f"{journey.person} came back from {me['provider']}")
    return journey.provider, journey.person, me["name"], me["traveller"], seconds


def run(stage: Stage, *, count: int, threads: int) -> int:
    """Log in `count` times; returns how many were lost or crossed."""
    who = [(provider, person) for provider in PROVIDERS for person in PEOPLE[provider]]
    random.shuffle(who)
    plan = list(islice(cycle(who), count))
    lost = 0
    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        under_way = list(pool.map(lambda pair: _tried(lambda: set_out(stage, *pair)), plan))
        journeys = [journey for journey in under_way if journey is not None]
        lost += count - len(journeys)
        out = time.perf_counter() - begun
        print(f"{len(journeys)} logins under way at once, set out in {out:.1f} s", flush=True)
        random.shuffle(journeys)
        ended = list(pool.map(lambda journey: _tried(lambda: come_back(journey)), journeys))
    results = [result for result in ended if result is not None]
    lost += len(journeys) - len(results)
    names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for _, person, name, pseudonym, _ in results:
        names[person].add((name, pseudonym))
    owners = Counter(pair for pairs in names.values() for pair in pairs)
    crossed = sum(len(pairs) - 1 for pairs in names.values()) + sum(times - 1 for times in owners.values())
    total = time.perf_counter() - begun
    print(f"{len(results)} of {count} ended with a session in {total:.1f} s ({len(results) / total:.0f}/s)")
    for provider in PROVIDERS:
        seconds = [result[4] for result in results if result[0] == provider]
        if seconds:
            print(f"  {provider}: {len(seconds)}, p95 {percentile(seconds, 95) * 1000:.0f} ms of its own time")
    print(f"people: {len(names)}; lost: {lost}; crossed: {crossed}")
    return lost + crossed


def _tried(task):  # type: ignore[no-untyped-def]
    """What the task returned; a failure is told and counted, and ends nothing else."""
    try:
        return task()
    except (httpx.HTTPError, AssertionError, ValueError, TypeError, KeyError, StopIteration) as error:
        print(f"lost: {type(error).__name__}: {error!s:.400}", file=sys.stderr, flush=True)
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=32)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        portraits = synthetic_portraits(Path(folder) / "portraits")
        environment = {"TONGGUAN_LOGINS_PER_MINUTE": "1000000"}
        stage_home = Path(folder) / "stage"
        with Stage(stage_home, portraits, serve_wallet=False, environment=environment) as stage:
            return 1 if run(stage, count=arguments.count, threads=arguments.threads) else 0


if __name__ == "__main__":
    sys.exit(main())
