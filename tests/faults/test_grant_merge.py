"""Changes of one grant that come at once: each is kept (Grant Management for OAuth 2.0, 5.1)."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from broker.core.authorization import Grant
from broker.core.grant_merge import GrantAction, changed
from broker.core.identity_release import Frequency, IdentityRelease
from broker.stores.database import Database
from broker.stores.oidc_store import OidcStorage
from tests.faults.test_concurrency import together
from tests.support.broker_world import NOON
from tests.support.partner_world import BANK


def test_of_many_merges_at_once_none_is_lost(database: Database) -> None:
    storage, at = OidcStorage(database), NOON
    base = Grant(
        uuid4(), "client", uuid4(), "sub", "ctid", "acr", at, frozenset({"openid"}), "jkt", at, at + timedelta(days=1)
    )  # fmt: skip
    with storage.unit() as unit:
        unit.add_grant(base)

    def merge(purpose: str) -> bool:
        daily = Frequency(1, timedelta(days=1))
        release = IdentityRelease(purpose, BANK, frozenset({"name"}), timedelta(days=1), daily, frozenset())
        with storage.unit() as unit:
            standing = unit.lock_grant(base.grant_id)
            assert standing is not None
            scopes, releases, consents = changed(
                standing, GrantAction.MERGE, scopes=base.scopes, releases=[release], consents=[uuid4()]
            )
            return unit.renew_grant(replace(standing, scopes=scopes, releases=releases, consents=consents))

    purposes = ["account-opening", "age-check", "sign-in", "form-filling"]
    assert all(together(*[lambda purpose=purpose: merge(purpose) for purpose in purposes]))
    with storage.unit() as unit:
        found = unit.grant(base.grant_id)
    assert found is not None
    assert sorted(release.purpose for release in found.releases) == sorted(purposes)
    assert len(found.consents) == len(purposes)
