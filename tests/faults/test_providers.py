"""One provider in trouble, with real processes: the others go on, and the traveller is told clearly.

Deadlines are small here so that nobody waits; what the production ones cost is measured by tests.bench.provider_faults.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.logins import PEOPLE, Attempt, log_in, switch, synthetic_portraits
from tests.support.stage import PROVIDERS, Stage

TUNING = {"connect_timeout": 0.5, "read_timeout": 0.5, "exchange_timeout": 1.0, "failures": 3, "pause": 0.3}
AT_ONCE = 12
SAID = {
    "down": {"en": "is not answering", "pt": "não está a responder", "zh-Hans": "没有响应", "zh-Hant": "沒有回應"},
    "slow": {"en": "is not answering", "pt": "não está a responder", "zh-Hans": "没有响应", "zh-Hant": "沒有回應"},
    "garbage": {"en": "could not be read", "pt": "Não foi possível ler", "zh-Hans": "无法读取", "zh-Hant": "無法讀取"},
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("providers")
    portraits = synthetic_portraits(home / "portraits")
    environment = {"TONGGUAN_LOGINS_PER_MINUTE": "100000"}
    with Stage(
        home / "stage", portraits, serve_wallet=False, environment=environment, tuning=TUNING,
        database_url=module_database_url,
    ) as running:  # fmt: skip
        # Once at each, so that what a provider publishes has been fetched.
        for provider in PROVIDERS:
            assert _works_again(running, provider)
        yield running


def _works_again(stage: Stage, provider: str) -> bool:
    """Log in until it succeeds, for at most half a minute: each failing attempt is over at once."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if log_in(stage.broker_url, provider, PEOPLE[provider][0]).succeeded:
            return True
    return False


@pytest.mark.parametrize("fault", ["down", "slow", "garbage"])
@pytest.mark.parametrize("troubled", PROVIDERS)
def test_the_others_go_on_and_the_traveller_is_told(stage: Stage, troubled: str, fault: str) -> None:
    others = [provider for provider in PROVIDERS if provider != troubled]
    switch(stage, troubled, fault)
    try:
        with ThreadPoolExecutor(2 * AT_ONCE) as pool:
            languages = list(SAID[fault])
            failing = [
                pool.submit(log_in, stage.broker_url, troubled, PEOPLE[troubled][0], language=languages[number % 4])
                for number in range(AT_ONCE)
            ]
            going: list[Attempt] = list(
                pool.map(lambda provider: log_in(stage.broker_url, provider, PEOPLE[provider][1]), others * 3)
            )
            refused = [attempt.result() for attempt in failing]
    finally:
        switch(stage, troubled, "none")

    assert all(attempt.succeeded for attempt in going), [attempt.page for attempt in going]
    for number, attempt in enumerate(refused):
        assert attempt.page is not None
        language = languages[number % 4]
        assert attempt.page.status_code == 502
        # While the circuit is open the provider is simply said not to answer, whatever opened it.
        said = {SAID[fault][language], SAID["down"][language]}
        assert any(text in attempt.page.text for text in said), attempt.page.text
        assert f'<html lang="{language}"' in attempt.page.text
        assert 'href="/login?' in attempt.page.text
        # Its own limits and no more: nobody waited for the ten seconds.
        assert attempt.seconds < 8
    assert _works_again(stage, troubled)
