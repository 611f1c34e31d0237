"""Changes of one grant that come at once: each is kept (Grant Management for OAuth 2.0, 5.1)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from broker.core.authorization import Grant
from broker.core.grant_merge import GrantAction, changed
from broker.core.identity_release import Frequency, IdentityRelease
from broker.oidc.ports import OidcUnit
from broker.stores.database import Database
from broker.stores.oidc_store import OidcStorage
from tests.support.broker_world import NOON
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
from tests.support.partner_world import BANK


def merge(unit: OidcUnit, grant_id: UUID, purpose: str) -> bool:
    """What redeeming a code does."""
    daily = Frequency(1, timedelta(days=1))
    release = IdentityRelease(purpose, BANK, frozenset({"name"}), timedelta(days=1), daily, frozenset())
    standing = unit.lock_grant(grant_id)
    assert standing is not None
    scopes, releases, consents = changed(
        standing, GrantAction.MERGE, scopes=standing.scopes, releases=[release], consents=[uuid4()]
    )
    return unit.renew_grant(replace(standing, scopes=scopes, releases=releases, consents=consents))


def test_a_merge_that_comes_during_another_waits_and_adds_to_it(
    database: Database, await_lock_wait: AwaitLockWait
) -> None:
    storage, at = OidcStorage(database), NOON
    base = Grant(
        uuid4(), "client", uuid4(), "sub", "ctid", "acr", at, frozenset({"openid"}), "jkt", at, at + timedelta(days=1)
    )  # fmt: skip
    with storage.unit() as unit:
        unit.add_grant(base)

    def second() -> bool:
        with storage.unit() as unit:
            return merge(unit, base.grant_id, "age-check")

    with ThreadPoolExecutor(1) as pool:
        with storage.unit() as unit:
            assert merge(unit, base.grant_id, "account-opening")
            other = pool.submit(second)
            await_lock_wait(other)
        assert other.result(timeout=60)

    with storage.unit() as unit:
        found = unit.grant(base.grant_id)
    assert found is not None
    assert {release.purpose for release in found.releases} == {"account-opening", "age-check"}
    assert len(found.consents) == 2
