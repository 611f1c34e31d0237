"""What the flows need from the world, in their own words. `broker.stores` implements these; tests/ports holds the
fakes.

A `Work` is one transaction: leaving its context normally commits, an exception rolls everything back. The isolation the
flows rely on is READ COMMITTED with the row locks named below: a statement after a lock sees what the lock's former
holder committed. Lock order, everywhere: traveller, consents (ascending id), passes, status lists (ascending number).
"""

from broker.flows.ports.approvals import ApprovalRegister
from broker.flows.ports.changes import ChangeRegister, ChangesUnsound
from broker.flows.ports.claiming import ClaimQuestion, ClaimsDesk, OnClaim
from broker.flows.ports.consents import ConsentAnswers, ConsentLedger
from broker.flows.ports.gates import EpochRegister, GateRegister
from broker.flows.ports.identities import IdentityLinks, TokenVault
from broker.flows.ports.journal import Entry, InclusionProof, Journal, JournalledUse
from broker.flows.ports.keys import KeyStore
from broker.flows.ports.lists import PublishedList, PublishedTrustList, StatusRegister, TrustListShelf
from broker.flows.ports.minting import MintingDesk, OnDesk, StatusSpace
from broker.flows.ports.partners import PartnerEvents, PartnerRegister
from broker.flows.ports.passes import PassRegister
from broker.flows.ports.people import LoginRegister, Travellers
from broker.flows.ports.releasing import ReleaseDesk, Shown
from broker.flows.ports.staff import StaffRegister
from broker.flows.ports.templates import Examined, ExaminerUnavailable, FaceExaminer, NotAccepted, TemplateVault
from broker.flows.ports.work import BeginWork, Work

__all__ = [
    "ApprovalRegister",
    "BeginWork",
    "ChangeRegister",
    "ChangesUnsound",
    "ClaimQuestion",
    "ClaimsDesk",
    "ConsentAnswers",
    "ConsentLedger",
    "Entry",
    "EpochRegister",
    "Examined",
    "ExaminerUnavailable",
    "FaceExaminer",
    "GateRegister",
    "IdentityLinks",
    "InclusionProof",
    "Journal",
    "JournalledUse",
    "KeyStore",
    "LoginRegister",
    "MintingDesk",
    "NotAccepted",
    "OnClaim",
    "OnDesk",
    "PartnerEvents",
    "PartnerRegister",
    "PassRegister",
    "PublishedList",
    "PublishedTrustList",
    "ReleaseDesk",
    "Shown",
    "StaffRegister",
    "StatusRegister",
    "StatusSpace",
    "TemplateVault",
    "TokenVault",
    "Travellers",
    "TrustListShelf",
    "Work",
]
