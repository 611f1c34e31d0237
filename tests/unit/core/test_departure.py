"""What is opened stays in until a decision of the same transaction, about this person, lets it go to this recipient."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from broker.core.departure import Departure, Departures, Kept, NoDeparture, OwnUse, check_all
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Policy
from broker.core.permit import departure
from broker.core.release_facts import facts_of
from broker.core.transfer import Counted, Outgoing, PurposeTerms, Subject, TransferProfiles
from broker.flows.ports import Entry

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
POLICY = Policy.load()
TERMS = PurposeTerms.model_validate(
    {"exporter_kind": "company", "basis": "consent", "industry": "general", "storage": "le_30d"}
)
BANK = Outgoing("bank", "HK", ("name", "pairwise_pseudonym"), TERMS, "account")
PERSON, OTHER = UUID(int=1), UUID(int=2)


def decision(origin: str) -> Decision:
    """At home it is allowed; from the Mainland, with nothing assessed, it is not."""
    return decide(facts_of(BANK, Subject(origin, 36), Counted(), TransferProfiles.load(), POLICY.at(AT), at=AT), POLICY)


def decided(
    account: Departures, *, origin: str = "HK", traveller: UUID = PERSON, outgoing: Outgoing = BANK
) -> Departure:
    return departure(account, decision(origin), outgoing, traveller=traveller, origin=origin)


def kept(account: Departures, *categories: str) -> Kept[str]:
    return Kept("CHAN", departures=account, traveller=PERSON, categories=categories or ("name",))


def test_it_leaves_by_a_decision_about_it_and_what_is_made_of_it_does_too() -> None:
    account = Departures()
    said = decided(account)
    assert kept(account).leave(said) == "CHAN"
    assert kept(account).derive(len).leave(said) == 4
    check_all([said], recipient="bank")


def test_own_use_names_itself_and_nothing_shows_in_a_repr() -> None:
    opened = kept(Departures())
    assert opened.for_own_use(OwnUse.SHOWN) == "CHAN"
    assert "CHAN" not in repr(opened)


@pytest.mark.parametrize("how", ["against", "person", "transaction", "over", "more", "recipient", "none"])
def test_by_no_other_decision(how: str) -> None:
    account = Departures()
    said = decided(
        Departures() if how == "transaction" else account,
        origin="CN" if how == "against" else "HK",
        traveller=OTHER if how == "person" else PERSON,
    )
    opened = kept(account, *(("name", "birth_date") if how == "more" else ("name",)))
    if how == "over":
        account.close()
    with pytest.raises(NoDeparture):
        if how in ("recipient", "none"):
            check_all([said] if how == "recipient" else [], recipient="shop")
        else:
            opened.leave(said)


def test_nobody_else_makes_one() -> None:
    with pytest.raises(NoDeparture):
        Departure(Departures(), decision("HK"), BANK, traveller=PERSON, origin="HK", entered=None, maker=object())


@pytest.mark.parametrize("origin", ["HK", "CN"])
def test_a_decision_that_no_entry_states_stops_the_commit(origin: str) -> None:
    account = Departures()
    said = decided(account, origin=origin)
    with pytest.raises(NoDeparture):
        account.settle()
    clear = Entry("partner:claims:released", {"recipient": "bank"}, departure=said).stated()
    account.settle()
    assert (clear["origin"], clear["destination"], clear["transfer"]) == (origin, "HK", said.gate.value)
    assert clear.get("why", []) == ([] if origin == "HK" else ["pia_missing"])


def test_after_its_transaction_nothing_is_decided_any_more() -> None:
    account = Departures()
    account.close()
    with pytest.raises(NoDeparture):
        decided(account)
