"""Admissions and releases one at a time, for worlds in one process."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from broker.core.authorization import Admission, AdmissionQuestion
from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.flows.release_claims import ClaimOrder
from broker.oidc.ports import Admit, OidcUnit, ReleaseClaims
from broker.oidc.server import Soon


def soon_of(
    admit: Admit,
    open_unit: Callable[[], AbstractContextManager[OidcUnit]],
    release: ReleaseClaims,
    clock: Callable[[], datetime],
) -> Soon:
    def one(asked: AdmissionQuestion) -> Admission:
        return admit(asked.marks, client_id=asked.client_id, grant_id=asked.grant_id, token_hash=asked.token_hash)

    def let_out(order: ClaimOrder) -> ReleasedClaims | Denied:
        with open_unit() as unit:
            return release(
                unit, traveller=order.traveller, client=order.client, releases=order.releases, wanted=order.wanted,
                at=clock(),
            )  # fmt: skip

    async def admit_soon(asked: AdmissionQuestion) -> Admission:
        return await run_in_threadpool(one, asked)

    async def release_soon(order: ClaimOrder) -> ReleasedClaims | Denied:
        return await run_in_threadpool(let_out, order)

    return Soon(admit_soon, release_soon)
