"""Guardians and wards: a code, a confirmation, and consents of the guardian's own (specs/rights.md 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession
from broker.core.consent import ConsentRecord
from broker.core.denial import Denied
from broker.core.guardian import GuardianConsent, Guardianship, GuardianState
from broker.flows.guard import (
    agree_for_ward,
    confirm_guardian,
    consents_of_ward,
    end_guardianship,
    invite_ward,
    known_as,
    withdraw_for_ward,
)
from broker.flows.ports import Work
from broker.oidc.session import csrf_token
from broker.web.messages import catalogue
from broker.web.pages import language_of, render
from broker.web.problems import Problem, of_denial
from broker.web.rights_session import RIGHTS, Form, Session, checked, is_fresh, to_login
from broker.web.services import Provided, Services, Transaction
from broker.web.wallet_consents import recipient_name

router = APIRouter(include_in_schema=False)

GUARDIANS: Final = f"{RIGHTS}/guardians"


@dataclass(frozen=True, slots=True)
class Asked:
    """One consent of a ward and, where it stands, the guardian's beside it."""

    record: ConsentRecord
    title: str
    recipient: str
    beside: GuardianConsent | None


@dataclass(frozen=True, slots=True)
class Side:
    """One guardianship as one of the two sees it: the other's name, and until when it can last."""

    link: Guardianship
    as_guardian: bool
    name: str
    until: datetime | None
    asked: tuple[Asked, ...]


@router.get(GUARDIANS)
def show_guardians(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None:
        return to_login(request, GUARDIANS)
    return _page(request, services, session, work, language_of(request))


@router.post(f"{GUARDIANS}/invitations")
def invite(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    if not is_fresh(services, mine):
        return to_login(request, GUARDIANS, form=form)
    made = invite_ward(
        work,
        keys=services.keys,
        rules=services.rulebook.rights.guardian,
        guardian=mine.traveller_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    language = language_of(request, form.get("lang"))
    if isinstance(made, Denied):
        return _page(request, services, mine, work, language, wrong="not_adult")
    return _page(request, services, mine, work, language, code=f"{made[:5]}-{made[5:]}")


@router.post(f"{GUARDIANS}/confirmations")
def confirm(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    if not is_fresh(services, mine):
        return to_login(request, GUARDIANS, form=form)
    language = language_of(request, form.get("lang"))
    confirmed = confirm_guardian(
        work,
        keys=services.keys,
        rules=services.rulebook.rights.guardian,
        ward=mine.traveller_id,
        code=form.get("code", ""),
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(confirmed, Denied):
        return _page(request, services, mine, work, language, wrong="wrong_code")
    return _back(language)


@router.post(f"{GUARDIANS}/endings")
def end(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    ended = end_guardianship(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        person=mine.traveller_id,
        guardianship_id=_id(form, "guardianship"),
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(ended, Denied):
        raise of_denial(ended)
    return _back(language_of(request, form.get("lang")))


@router.post(f"{GUARDIANS}/withdrawals")
def withdraw(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    mine = checked(request, services, session, form)
    gone = withdraw_for_ward(
        work,
        keys=services.keys,
        status_signer=services.status_signer,
        person=mine.traveller_id,
        consent_id=_id(form, "consent"),
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(gone, Denied):
        raise of_denial(gone)
    return _back(language_of(request, form.get("lang")))


@router.get(f"{GUARDIANS}/{{guardianship_id}}/consents/{{consent_id}}")
def ask_consent(
    request: Request,
    guardianship_id: UUID,
    consent_id: UUID,
    services: Provided,
    session: Session,
    work: Transaction,
) -> Response:
    if session is None:
        return to_login(request, GUARDIANS)
    return _consent_page(request, services, session, work, guardianship_id, consent_id, language_of(request))


@router.post(f"{GUARDIANS}/{{guardianship_id}}/consents/{{consent_id}}")
def give_consent(
    request: Request,
    guardianship_id: UUID,
    consent_id: UUID,
    services: Provided,
    session: Session,
    work: Transaction,
    form: Form,
) -> Response:
    mine = checked(request, services, session, form)
    language = language_of(request, form.get("lang"))
    if form.get("decision") != "agree":
        return _back(language)
    if form.get("agree") != "yes":
        return _consent_page(request, services, mine, work, guardianship_id, consent_id, language, not_ticked=True)
    given = agree_for_ward(
        work,
        keys=services.keys,
        rules=services.rulebook.rights.guardian,
        guardian=mine.traveller_id,
        guardianship_id=guardianship_id,
        consent_id=consent_id,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(given, Denied):
        raise of_denial(given)
    return _back(language)


def _back(language: str) -> Response:
    return RedirectResponse(f"{GUARDIANS}?lang={language}", status_code=303)


def _id(form: Mapping[str, str], name: str) -> UUID:
    try:
        return UUID(form.get(name, ""))
    except ValueError as error:
        raise Problem("invalid-request", "The form names nothing.") from error


def _page(
    request: Request,
    services: Services,
    session: LoginSession,
    work: Work,
    language: str,
    *,
    code: str | None = None,
    wrong: str | None = None,
) -> Response:
    traveller = session.traveller_id
    rules = services.rulebook.rights.guardian
    place = work.travellers.find(traveller).jurisdiction
    links = [link for link in work.guardians.of(traveller) if _stands(link, services.clock())]
    return render(
        request,
        "rights/guardians.html",
        language,
        status=422 if wrong else 200,
        sides=[_side(services, work, link, traveller, language) for link in links if link.ward is not None],
        waiting=[link for link in links if link.state is GuardianState.INVITED],
        age=rules.below(place),
        hours=rules.invitation_hours,
        code=code,
        wrong=wrong,
        csrf=csrf_token(request),
    )


def _stands(link: Guardianship, at: datetime) -> bool:
    return link.state is GuardianState.STANDING or (link.state is GuardianState.INVITED and at < link.expires_at)


def _side(services: Services, work: Work, link: Guardianship, person: UUID, language: str) -> Side:
    ward = link.ward or link.guardian
    as_guardian = person == link.guardian
    rules = services.rulebook.rights.guardian
    name, _ = known_as(work, ward if as_guardian else link.guardian, keys=services.keys, rules=rules)
    _, until = known_as(work, ward, keys=services.keys, rules=rules)
    beside = {(one.purpose, one.recipient): one for one in work.guardians.consents(ward)}
    asked = tuple(
        Asked(
            record,
            services.rulebook.title(record.purpose, language),
            recipient_name(services, work, record.recipient, language),
            beside.get((record.purpose, record.recipient)),
        )
        for record in consents_of_ward(work, ward)
    )
    return Side(link, as_guardian, name, until, asked)


def _consent_page(
    request: Request,
    services: Services,
    session: LoginSession,
    work: Work,
    guardianship_id: UUID,
    consent_id: UUID,
    language: str,
    *,
    not_ticked: bool = False,
) -> Response:
    link = work.guardians.find(guardianship_id)
    if link is None or link.ward is None or link.guardian != session.traveller_id:
        raise Problem("no-guardian")
    side = _side(services, work, link, session.traveller_id, language)
    asked = next((one for one in side.asked if one.record.consent_id == consent_id), None)
    if asked is None or link.state is not GuardianState.STANDING:
        raise Problem("consent-unknown")
    texts, record = catalogue(language), asked.record
    partner = services.rulebook.partner.purposes.get(record.purpose)
    purpose = partner or services.rulebook.purposes.purpose(record.purpose)
    words = services.rulebook.partner.words
    return render(
        request,
        "rights/guardian_consent.html",
        language,
        status=422 if not_ticked else 200,
        side=side,
        asked=asked,
        purpose=purpose.texts["purpose"][language],
        law=purpose.texts["law"][language],
        categories=[
            words.words(name, language) if partner is not None else texts["category"][name]
            for name in sorted(record.categories)
        ],
        not_ticked=not_ticked,
        csrf=csrf_token(request),
    )
