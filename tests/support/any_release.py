"""Any release as facts, for property tests: every field of the case vocabulary, edges of the figures included."""

from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from broker.core.governance.case import read_case
from broker.core.governance.facts import Artefact, Basis, Facts
from broker.core.governance.policy import Policy

POLICY = Policy.load()
LAW = POLICY.at(datetime(2026, 6, 1, tzinfo=UTC))
CATEGORIES = sorted(LAW.categories)
TRUST = ("A", "B", "C", "D", "X")

EDGES = (0, 1, 99, 100, 999, 1_000, 9_998, 9_999, 10_000, 99_998, 99_999, 100_000, 999_999, 1_000_000, 10_000_000)
counts = st.sampled_from(EDGES) | st.integers(0, 2_000_000)
flags = st.booleans()


def _parts(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


cases = _parts(
    exporter=_parts(
        origin=st.sampled_from(["CN", "CN", "CN", "HK", "MO", "US", "EU", "PT"]),
        city=st.sampled_from(["Shenzhen", "Zhuhai", "Beijing"]),
        group=st.sampled_from([None, "G"]),
        gba_registered=flags,
        kind=st.sampled_from(["company", "company", "state_organ"]),
        ciio=flags,
        processes_persons=st.sampled_from([1, 9_999_999, 10_000_000]),
    ),
    recipient=_parts(
        jurisdiction=st.sampled_from(["HK", "MO", "CN", "SG", "US", "FR", "JP"]),
        gba_registered=flags,
        trust=st.sampled_from(TRUST),
        art42_listed=st.just(False) | flags,
        foreign_judicial=st.just(False) | flags,
    ),
    data=_parts(
        categories=st.lists(st.sampled_from(CATEGORIES), max_size=5),
        important=st.sampled_from(["none", "none", "suspected", "notified"]),
        overseas_origin_only=flags,
        encrypted=flags,
    ),
    subjects=_parts(
        new_nonsensitive=st.sampled_from([0, 1, 1_000]),
        new_sensitive=st.sampled_from([0, 1, 20]),
        min_age=st.sampled_from([5, 13, 14, 17, 18, 40]),
        identity=st.sampled_from(["none", "family", "temporary", "former", "current"]),
        former_years=st.sampled_from([None, 4, 5]),
        region=st.sampled_from(["none", "sensitive", "core"]),
    ),
    before=_parts(nonsensitive=counts, sensitive=counts),
    recipient_ytd_after=counts,
    us_persons_12m=counts,
    local_face_store=st.none() | counts,
    basis=st.sampled_from(get_args(Basis)),
    necessary=flags,
    consent=_parts(
        separate=flags,
        bundled=flags,
        withdrawn=flags,
        art39_notice=flags,
        guardian=st.sampled_from([None, True, False]),
        purpose_match=flags,
    ),
    pia_done=flags,
    artefacts=st.lists(st.sampled_from(get_args(Artefact)), max_size=3),
    ftz=st.sampled_from(["none", "on_list", "off_list"]),
    declared_exclusion=flags,
    onward_outside_gba=flags,
    nonbiometric_alternative=flags,
    industry=st.sampled_from(["general", "transport_finance_health", "border_security"]),
    storage=st.sampled_from(["transient_24h", "le_30d", "gt_30d", "central_biometric"]),
    template_storage=st.sampled_from([None, "on_device", "central_person_key", "central_operator_key"]),
    transfer_form=st.sampled_from(["push", "remote_query"]),
    internal_only=flags,
    incident_to_travel=flags,
    data_brokerage=flags,
    linkage=st.integers(0, 25),
)


def facts_of_case(case: dict[str, Any]) -> Facts:
    facts = read_case(case)
    assert isinstance(facts, Facts)
    return facts


releases = cases.map(facts_of_case)
