"""What a grant is about after a client changed it (Grant Management for OAuth 2.0, `grant_management_action`)."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.identity_release import IdentityRelease


class GrantAction(StrEnum):
    """`create` founds a new grant; the others change one that stands."""

    CREATE = "create"
    MERGE = "merge"
    REPLACE = "replace"


def changed(
    grant: Grant,
    action: GrantAction,
    *,
    scopes: frozenset[str],
    releases: Sequence[IdentityRelease],
    consents: Sequence[UUID],
) -> tuple[frozenset[str], tuple[IdentityRelease, ...], tuple[UUID, ...]]:
    """Scopes, releases and consents (in the order of the releases) of `grant` after the person agreed to these.

    Replacing leaves what was agreed to now and nothing else. Merging adds: two releases for one purpose and recipient
    become one with the claims of both and the longer retention, resting on the newer consent, which covers what the one
    before it covered.
    """
    if action is not GrantAction.MERGE:
        return scopes, tuple(releases), tuple(consents)
    together = dict(zip(map(_key, grant.releases), zip(grant.releases, grant.consents, strict=True), strict=True))
    for release, consent in zip(releases, consents, strict=True):
        before = together.get(_key(release))
        together[_key(release)] = (release if before is None else _joined(before[0], release), consent)
    merged = list(together.values())
    return grant.scopes | scopes, tuple(one for one, _ in merged), tuple(consent for _, consent in merged)


def _key(release: IdentityRelease) -> tuple[str, str]:
    return release.purpose, release.recipient


def _joined(before: IdentityRelease, now: IdentityRelease) -> IdentityRelease:
    claims = before.claims | now.claims
    return replace(
        now,
        claims=claims,
        optional=(before.optional | now.optional)
        & claims - ((before.claims - before.optional) | (now.claims - now.optional)),
        retention=max(before.retention, now.retention),
    )
