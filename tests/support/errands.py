"""Errands one at a time, for worlds in one process."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from broker.core.authorization import Admission, AdmissionQuestion
from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.errands import Errands
from broker.flows.release_claims import Answer, ClaimOrder
from broker.oidc.ports import Admit, OidcUnit, ReleaseClaims
from broker.oidc.server import Errand, RunErrand, T


def errands_of(
    admit: Admit,
    open_unit: Callable[[], AbstractContextManager[OidcUnit]],
    release: ReleaseClaims,
    clock: Callable[[], datetime],
) -> RunErrand:
    def admit_each(asked: Sequence[AdmissionQuestion]) -> list[Admission]:
        return [
            admit(one.marks, client_id=one.client_id, grant_id=one.grant_id, token_hash=one.token_hash) for one in asked
        ]

    def release_each(orders: Sequence[ClaimOrder]) -> list[Answer | Exception | Future[Answer]]:
        answers: list[Answer | Exception | Future[Answer]] = []
        for order in orders:
            with open_unit() as unit:
                answers.append(
                    release(
                        unit, traveller=order.traveller, client=order.client, releases=order.releases,
                        wanted=order.wanted, at=clock(),
                    )
                )  # fmt: skip
        return answers

    errands = Errands(admit_each, release_each)

    async def run(errand: Errand[T]) -> tuple[T, ReleasedClaims | Denied | None]:
        (outcome,) = await run_in_threadpool(errands.run, [errand])
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, tuple)  # nothing waits here
        return outcome

    return run
