"""The facts that the rules turn on, made of one release: what leaves, about whom, on which counts, and which papers
stand for it.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Final

from broker.core.decision_memory import TurnedOn
from broker.core.governance import facts as governance
from broker.core.governance.calendar import shanghai_date
from broker.core.governance.policy import Law
from broker.core.linkage import linkage_of
from broker.core.transfer import Counted, Held, Outgoing, Subject, TransferProfiles, Trust, classes_of

# Everything but the documents: they are looked up in lists, and decide nothing by themselves.
_without_documents: Final = attrgetter(*(each.name for each in fields(Subject) if each.name != "documents"))


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What was assessed and filed for one release, as it counts at its instant. `faces`: how many are stored where its
    data reside; None where nobody counts them.
    """

    assessed: bool
    artefacts: frozenset[governance.Artefact]
    faces: int | None


def on_paper(outgoing: Outgoing, subject: Subject, profiles: TransferProfiles, *, at: datetime) -> OnPaper:
    """What the operator states, and the papers that stand beside it. Raises FactsError for an origin without
    exporter.
    """
    exporter, papers = profiles.exporter(subject.origin), profiles.papers()
    jurisdiction = outgoing.jurisdiction
    return OnPaper(
        exporter.pia_done or papers.assessed(exporter.id, outgoing.purpose, jurisdiction, outgoing.categories, at),
        exporter.artefacts | papers.artefacts(exporter.id, outgoing.recipient_id, jurisdiction, at),
        papers.faces.get(subject.origin),
    )


def turns_on(
    outgoing: Outgoing,
    subject: Subject,
    paper: OnPaper,
    law: Law,
    *,
    at: datetime,
    trust: Trust | None,
    exclusion: bool,
) -> TurnedOn:
    """All that `facts_of` makes the facts of, for a release that nothing counts and under one statement of the
    operator.
    """
    return TurnedOn((outgoing, _without_documents(subject), paper, trust, exclusion), law.hash, shanghai_date(at))


def facts_of(
    outgoing: Outgoing,
    subject: Subject,
    counted: Counted,
    profiles: TransferProfiles,
    law: Law,
    *,
    at: datetime,
    trust: Trust | None = None,
    exclusion: bool = False,
    paper: OnPaper | None = None,
) -> governance.Facts:
    """Every fact the rules turn on. `trust` in place of the operator's statement; `exclusion`: the exemptions are
    suspended for this release; `paper`: where the caller has it at hand. Raises FactsError for an origin without
    exporter or an unknown category.
    """
    exporter, recipient = profiles.exporter(subject.origin), profiles.recipient(outgoing.jurisdiction)
    classes = classes_of(outgoing, subject, law)
    paper = paper or on_paper(outgoing, subject, profiles, at=at)
    return governance.Facts(
        at=at,
        exporter=governance.Exporter(
            id=exporter.id,
            group=exporter.group,
            origin=exporter.origin,
            city=exporter.city,
            gba_registered=exporter.gba_registered,
            kind=outgoing.terms.kind,
            ciio=exporter.ciio,
            processes_persons=exporter.processes_persons,
        ),
        recipient=governance.Recipient(
            id=outgoing.recipient_id,
            jurisdiction=outgoing.jurisdiction,
            gba_registered=recipient.gba_registered,
            trust=trust or recipient.trust,
            art42_listed=recipient.art42_listed,
            foreign_judicial=False,
        ),
        data=governance.Data(
            categories=outgoing.categories, important="none", overseas_origin_only=False, encrypted=True
        ),
        subjects=governance.Subjects(
            new_nonsensitive=int(Held.NONSENSITIVE in classes and Held.NONSENSITIVE not in counted.held),
            new_sensitive=int(Held.SENSITIVE in classes and Held.SENSITIVE not in counted.held),
            min_age=subject.age,
            identity=subject.identity,
            former_years=subject.former_years,
            region=subject.region,
        ),
        before=governance.Count(nonsensitive=counted.nonsensitive, sensitive=counted.sensitive),
        before_previous_year=governance.Count(nonsensitive=0, sensitive=0),
        recipient_ytd_after=counted.at_recipient + (0 if counted.met else 1),
        us_persons_12m=counted.us_persons,
        local_face_store=paper.faces,
        purpose=outgoing.purpose,
        basis=outgoing.terms.basis,
        necessary=True,
        # The caller has checked and locked the consent to this very release; each purpose and recipient has its own.
        consent=governance.Consent(
            separate=True,
            bundled=False,
            withdrawn=False,
            art39_notice=True,
            guardian=outgoing.guardian,
            purpose_match=True,
        ),
        pia_done=paper.assessed,
        artefacts=paper.artefacts,
        ftz="none",
        declared_exclusion=exclusion,
        onward_outside_gba=False,
        nonbiometric_alternative=True,
        industry=outgoing.terms.industry,
        storage=outgoing.terms.storage,
        template_storage="central_operator_key",
        transfer_form="push",
        internal_only=False,
        incident_to_travel=outgoing.terms.industry == "border_security",
        data_brokerage=False,
        linkage=linkage_of(outgoing.categories, law, beside=outgoing.beside, met=counted.met),
    )
