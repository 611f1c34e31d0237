"""One transaction over everything the flows touch: the port `Work` over a unit of work."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from uuid import UUID

from sqlalchemy import delete, select

from broker.core.departure import Departures
from broker.flows.ports import Entry, InclusionProof, JournalledUse
from broker.stores.alarms import SqlAlarmRegister
from broker.stores.approvals import SqlApprovalRegister
from broker.stores.assessments import SqlAssessmentRegister
from broker.stores.claims_desk import SqlClaimsDesk
from broker.stores.client_store import SqlClientRegistry
from broker.stores.consent_ledger import SqlConsentAnswers, SqlConsentLedger
from broker.stores.database import Database
from broker.stores.filings import SqlFilingRegister
from broker.stores.gate_register import SqlEpochRegister, SqlGateRegister
from broker.stores.governed_changes import SqlChangeRegister
from broker.stores.guardians import SqlGuardianRegister
from broker.stores.identity_links import SqlIdentityLinks
from broker.stores.incidents import SqlIncidentRegister
from broker.stores.journal import Journal
from broker.stores.minting_desk import SqlMintingDesk
from broker.stores.oidc_store import OidcUnit
from broker.stores.partners import SqlPartnerRegister
from broker.stores.pass_register import SqlPassRegister
from broker.stores.release_desk import SqlReleaseDesk
from broker.stores.release_flows import SqlReleaseFlows
from broker.stores.retention import SqlRetentionDesk
from broker.stores.rights import SqlRightsDesk
from broker.stores.samples import SqlSampleRegister
from broker.stores.staff import SqlStaffRegister
from broker.stores.standing_cache import StandingCache
from broker.stores.status_list_store import SqlStatusRegister
from broker.stores.tables import TRAVELLER_ENTRIES
from broker.stores.template_vault import SqlTemplateVault
from broker.stores.transfer_ledger import SqlTransferLedger
from broker.stores.travellers import SqlTravellers
from broker.stores.trust_list_store import SqlTrustListShelf
from broker.stores.unit_of_work import UnitOfWork
from broker.stores.upstream_tokens import SqlTokenVault
from broker.stores.webhooks import SqlPartnerEvents
from broker.wire.keys import Entropy


class SqlWork:
    """Port `Work`. Each part is made at its first use and shares the unit's session, hence its transaction."""

    def __init__(self, uow: UnitOfWork, standing: StandingCache) -> None:
        self.uow = uow
        self._standing = standing

    @cached_property
    def travellers(self) -> SqlTravellers:
        return SqlTravellers(self.uow.session)

    @cached_property
    def identities(self) -> SqlIdentityLinks:
        return SqlIdentityLinks(self.uow.session)

    @cached_property
    def tokens(self) -> SqlTokenVault:
        return SqlTokenVault(self.uow.session)

    @cached_property
    def logins(self) -> OidcUnit:
        return OidcUnit(self.uow)

    @cached_property
    def consents(self) -> SqlConsentLedger:
        return SqlConsentLedger(self.uow.session)

    @cached_property
    def answers(self) -> SqlConsentAnswers:
        return SqlConsentAnswers(self.uow.session)

    @cached_property
    def templates(self) -> SqlTemplateVault:
        return SqlTemplateVault(self.uow.session)

    @cached_property
    def passes(self) -> SqlPassRegister:
        return SqlPassRegister(self.uow.session)

    @cached_property
    def minting(self) -> SqlMintingDesk:
        return SqlMintingDesk(self.uow.session)

    @cached_property
    def releasing(self) -> SqlReleaseDesk:
        return SqlReleaseDesk(self.uow.session)

    @cached_property
    def status(self) -> SqlStatusRegister:
        return SqlStatusRegister(self.uow.session)

    @cached_property
    def trust_lists(self) -> SqlTrustListShelf:
        return SqlTrustListShelf(self.uow.session)

    @cached_property
    def gates(self) -> SqlGateRegister:
        return SqlGateRegister(self.uow.session)

    @cached_property
    def epochs(self) -> SqlEpochRegister:
        return SqlEpochRegister(self.uow.session)

    @cached_property
    def clients(self) -> SqlClientRegistry:
        return SqlClientRegistry(self.uow.session)

    @cached_property
    def partners(self) -> SqlPartnerRegister:
        return SqlPartnerRegister(self.uow.session)

    @cached_property
    def partner_events(self) -> SqlPartnerEvents:
        return SqlPartnerEvents(self.uow.session)

    @cached_property
    def approvals(self) -> SqlApprovalRegister:
        return SqlApprovalRegister(self.uow.session)

    @cached_property
    def claiming(self) -> SqlClaimsDesk:
        return SqlClaimsDesk(self.uow.session)

    @cached_property
    def retention(self) -> SqlRetentionDesk:
        return SqlRetentionDesk(self.uow.session)

    @cached_property
    def guardians(self) -> SqlGuardianRegister:
        return SqlGuardianRegister(self.uow.session)

    @cached_property
    def incidents(self) -> SqlIncidentRegister:
        return SqlIncidentRegister(self.uow)

    @cached_property
    def rights(self) -> SqlRightsDesk:
        return SqlRightsDesk(self.uow)

    @cached_property
    def transfers(self) -> SqlTransferLedger:
        return SqlTransferLedger(self.uow.session)

    @cached_property
    def staff(self) -> SqlStaffRegister:
        return SqlStaffRegister(self.uow.session)

    @cached_property
    def changes(self) -> SqlChangeRegister:
        return SqlChangeRegister(self.uow.session, self._standing)

    @cached_property
    def release_flows(self) -> SqlReleaseFlows:
        return SqlReleaseFlows(self.uow.session)

    @cached_property
    def samples(self) -> SqlSampleRegister:
        return SqlSampleRegister(self.uow.session)

    @property
    def departures(self) -> Departures:
        return self.uow.departures

    @cached_property
    def filings(self) -> SqlFilingRegister:
        return SqlFilingRegister(self.uow.session)

    @cached_property
    def assessments(self) -> SqlAssessmentRegister:
        return SqlAssessmentRegister(self.uow.session)

    @cached_property
    def alarms(self) -> SqlAlarmRegister:
        return SqlAlarmRegister(self.uow.session)

    @cached_property
    def journal(self) -> "SqlJournal":
        return SqlJournal(self.uow)


class Works:
    """Begins works: `begin` for a transaction of its own, `on` for one that already runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        """Commits on leaving, rolls back on an exception. Takes no connection before its first statement."""
        with self._database.unit_of_work() as uow:
            yield SqlWork(uow, self._database.standing)

    def on(self, uow: UnitOfWork) -> SqlWork:
        """A work inside the transaction of `uow`, which keeps the right to commit."""
        return SqlWork(uow, self._database.standing)


class SqlJournal:
    """Port `Journal`: the Merkle log, and the index from a traveller to the entries about them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._log = Journal()

    def append(self, entry: Entry, *, at: datetime, entropy: Entropy) -> bytes:
        return self.append_all([entry], at=at, entropy=entropy)[0]

    def append_all(self, entries: Sequence[Entry], *, at: datetime, entropy: Entropy) -> Sequence[bytes]:
        return self._log.append_all(self._uow, entries, at=at, entropy=entropy)

    def proof(self, leaf: bytes) -> InclusionProof | None:
        return self._log.proof(self._uow, leaf)

    def latest_checkpoint(self) -> str | None:
        return self._log.latest_checkpoint(self._uow)

    def of_traveller(
        self, traveller: UUID, *, key: bytes, limit: int, before: datetime | None
    ) -> Sequence[JournalledUse]:
        query = select(TRAVELLER_ENTRIES.c.leaf_hash, TRAVELLER_ENTRIES.c.at)
        query = query.where(TRAVELLER_ENTRIES.c.traveller_id == traveller)
        if before is not None:
            query = query.where(TRAVELLER_ENTRIES.c.at < before)
        rows = self._uow.session.execute(query.order_by(TRAVELLER_ENTRIES.c.id.desc()).limit(limit)).all()
        entries = self._log.read(self._uow, [bytes(row.leaf_hash) for row in rows])
        uses = []
        for row in rows:
            leaf = bytes(row.leaf_hash)
            entry = entries[leaf]
            uses.append(JournalledUse(leaf, entry.kind, row.at, entry.clear, entry.open(key)))
        return uses

    def forget(self, traveller: UUID) -> None:
        self._uow.session.execute(delete(TRAVELLER_ENTRIES).where(TRAVELLER_ENTRIES.c.traveller_id == traveller))
