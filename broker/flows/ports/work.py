"""One transaction over all of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from broker.core.client import ClientRegistry
from broker.core.departure import Departures
from broker.flows.ports.approvals import ApprovalRegister
from broker.flows.ports.claiming import ClaimsDesk
from broker.flows.ports.consents import ConsentAnswers, ConsentLedger
from broker.flows.ports.gates import EpochRegister, GateRegister
from broker.flows.ports.identities import IdentityLinks, TokenVault
from broker.flows.ports.journal import Journal
from broker.flows.ports.lists import StatusRegister, TrustListShelf
from broker.flows.ports.minting import MintingDesk
from broker.flows.ports.partners import PartnerEvents, PartnerRegister
from broker.flows.ports.passes import PassRegister
from broker.flows.ports.people import LoginRegister, Travellers
from broker.flows.ports.releasing import ReleaseDesk
from broker.flows.ports.rights import RightsDesk
from broker.flows.ports.samples import ReleaseFlows, SampleRegister
from broker.flows.ports.staff import StaffRegister
from broker.flows.ports.templates import TemplateVault
from broker.flows.ports.transfers import TransferLedger


class Work(Protocol):
    """One transaction over everything that the flows touch."""

    @property
    def travellers(self) -> Travellers: ...
    @property
    def identities(self) -> IdentityLinks: ...
    @property
    def tokens(self) -> TokenVault: ...
    @property
    def logins(self) -> LoginRegister: ...
    @property
    def consents(self) -> ConsentLedger: ...
    @property
    def answers(self) -> ConsentAnswers: ...
    @property
    def templates(self) -> TemplateVault: ...
    @property
    def passes(self) -> PassRegister: ...
    @property
    def minting(self) -> MintingDesk: ...
    @property
    def releasing(self) -> ReleaseDesk: ...
    @property
    def status(self) -> StatusRegister: ...
    @property
    def trust_lists(self) -> TrustListShelf: ...
    @property
    def gates(self) -> GateRegister: ...
    @property
    def epochs(self) -> EpochRegister: ...
    @property
    def clients(self) -> ClientRegistry: ...
    @property
    def partners(self) -> PartnerRegister: ...
    @property
    def partner_events(self) -> PartnerEvents: ...
    @property
    def approvals(self) -> ApprovalRegister: ...
    @property
    def claiming(self) -> ClaimsDesk: ...
    @property
    def rights(self) -> RightsDesk: ...
    @property
    def transfers(self) -> TransferLedger: ...
    @property
    def staff(self) -> StaffRegister: ...
    @property
    def release_flows(self) -> ReleaseFlows: ...
    @property
    def samples(self) -> SampleRegister: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def departures(self) -> Departures:
        """What was decided in this work; settled before it commits."""


BeginWork = Callable[[], AbstractContextManager[Work]]
