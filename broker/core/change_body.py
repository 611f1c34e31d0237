"""What a governed change says, by its kind: read strictly, in one canonical form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker.core.denial import InvalidInput
from broker.core.governance.policy_data import OverlayEdition, Restriction
from broker.core.transfer import Trust


class Kind(StrEnum):
    """What can be changed by two operators."""

    SPECIAL_IDENTITY = "special_identity"
    SPECIAL_REGION = "special_region"
    TRUST = "trust"
    EXCLUSION = "exclusion"
    SCORING = "scoring"
    WITHDRAWAL = "withdrawal"


LISTS: Final = frozenset({Kind.SPECIAL_IDENTITY, Kind.SPECIAL_REGION})

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Names = Annotated[list[Name], Field(max_length=32)]  # so that the journal can hold them all
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Of an overlay edition: the change itself says when, what for and how sure.
_NOT_STATED: Final = frozenset({"since", "from", "until", "version", "confidence", "cite"})


class Effect(StrEnum):
    """What an exclusion does to the releases it meets."""

    HOLD = "hold"
    DENY = "deny"
    SUSPEND_EXEMPTIONS = "suspend_exemptions"  # Order 16 arts 5 and 6 no longer free them (`exemption_suspended`)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrustBody(_Body):
    """Our tier of trust in a jurisdiction, in place of the operator's statement."""

    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    tier: Trust


class ExclusionBody(_Body):
    """Meets releases that fit every non-empty list. One at least is not empty: it stops no more than is meant."""

    effect: Annotated[Effect, Field(strict=False)]
    exporters: Names = []
    recipients: Names = []
    jurisdictions: Names = []
    categories: Names = []
    purposes: Names = []

    @model_validator(mode="after")
    def _is_narrow(self) -> Self:
        if not (self.exporters or self.recipients or self.jurisdictions or self.categories or self.purposes):
            raise ValueError("an exclusion names what it stops")
        return self

    def meets(
        self, *, exporter: str, recipient: str, jurisdiction: str, categories: tuple[str, ...], purpose: str
    ) -> bool:
        return (
            _fits(self.exporters, exporter)
            and _fits(self.recipients, recipient)
            and _fits(self.jurisdictions, jurisdiction)
            and _fits(self.purposes, purpose)
            and (not self.categories or not set(self.categories).isdisjoint(categories))
        )


class ListBody(_Body):
    """A list of people by keyed hashes that stand beside the change: how many, and the SHA-256 over all of them."""

    entries: Annotated[int, Field(ge=0, le=50_000)]
    digest: Hex32


class WithdrawalBody(_Body):
    """Which change ends, by id and digest."""

    change: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    digest: Hex32


class _ScoringBody(_Body):
    overlay: dict[str, Any]


_MODELS: Final[Mapping[Kind, type[_Body]]] = {
    Kind.SPECIAL_IDENTITY: ListBody,
    Kind.SPECIAL_REGION: ListBody,
    Kind.TRUST: TrustBody,
    Kind.EXCLUSION: ExclusionBody,
    Kind.SCORING: _ScoringBody,
    Kind.WITHDRAWAL: WithdrawalBody,
}


def checked_body(kind: Kind, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body with every member stated, as it is signed. Raises InvalidInput."""
    try:
        read = _MODELS[kind].model_validate(dict(body))
        if isinstance(read, _ScoringBody):
            return {"overlay": _table(read.overlay)}
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:8])
        raise InvalidInput("bad_change", f"a change of kind {kind}: {wrong}") from None
    return read.model_dump(mode="json")


def scoring_table(body: Mapping[str, Any], **dated: Any) -> OverlayEdition:
    """The scoring table of a checked body as an edition; `dated`: since, until, version and cite."""
    return OverlayEdition.model_validate({**body["overlay"], "confidence": "policy", **dated})


def restriction(body: ExclusionBody, **dated: Any) -> Restriction:
    """A holding or denying exclusion as the rules know it; `dated`: id, since, until and cite."""
    lists = body.model_dump(exclude={"effect"})
    return Restriction.model_validate({**lists, "gate": body.effect.value, "confidence": "policy", **dated})


def _table(stated: Mapping[str, Any]) -> dict[str, Any]:
    """A whole scoring table: nothing of an earlier one is taken over, so that what is signed is all there is."""
    whole = {name: value for name, value in stated.items() if name not in _NOT_STATED}
    made = scoring_table({"overlay": whole}, since="2026-01-01T00:00:00Z", version="proposed", cite="proposed")
    return made.model_dump(mode="json", exclude=set(_NOT_STATED))


def _fits(names: list[str], name: str) -> bool:
    return not names or name in names
