"""The names of the rules, one member per legal ground, and the numbers and terms each must bring as data.

The text, dates and figures of a rule live in data/*.toml; a rule without data, or data for no rule, stops the loading.
"""

from collections.abc import Mapping
from enum import StrEnum


class Rule(StrEnum):
    """One ground of decision. The value names it in rule data and in the journal."""

    CN_EXPORT = "cn.export"
    CN_FOREIGN_JUDICIAL = "cn.pipl.41"
    CN_RESTRICTED_LIST = "cn.pipl.42"
    CN_IMPORTANT = "cn.important"
    CN_IMPORTANT_SUSPECTED = "cn.important.suspected"
    CN_STATE_ORGAN = "cn.state-organ"
    CN_STATE_ORGAN_DUTY = "cn.state-organ.duty"
    CN_CIIO = "cn.ciio"
    CN_EXCLUSION = "cn.exclusion"
    CN_NO_PERSONAL_DATA = "cn.order16.3"
    CN_OVERSEAS_ORIGIN = "cn.order16.4"
    CN_CONTRACT = "cn.order16.5.1.1"
    CN_HR = "cn.order16.5.1.2"
    CN_EMERGENCY = "cn.order16.5.1.3"
    CN_VOLUME = "cn.order16.5.1.4"
    CN_STATUTORY_DUTY = "cn.ndsmr.35.6"
    CN_FREE_TRADE_ZONE = "cn.order16.6"
    CN_ASSESSMENT = "cn.order16.7"
    CN_STANDARD_CONTRACT = "cn.order16.8"
    CN_COUNTING = "cn.counting"
    CN_MINORS = "cn.pipl.28"
    CN_CONSENT = "cn.pipl.39"
    CN_WITHDRAWAL = "cn.pipl.15"
    CN_NOTICE = "cn.pipl.17"
    CN_GUARDIAN = "cn.pipl.31"
    CN_NECESSITY = "cn.pipl.6"
    CN_IMPACT_ASSESSMENT = "cn.pipl.55"
    CN_IMPACT_RETENTION = "cn.pipl.56"
    CN_FACE_ALTERNATIVE = "cn.face.alternative"
    CN_FACE_FILING = "cn.face.filing"
    CN_LARGE_HANDLER = "cn.ndsmr.28"
    CN_ASSESSMENT_VALIDITY = "cn.order16.9"
    CN_ASSESSED_SCOPE = "cn.ndsmr.38"
    CN_CONTRACT_FILING = "cn.contract.filing"
    CN_CERTIFICATE_VALIDITY = "cn.certificate"
    GBA_HONG_KONG = "gba.hk"
    GBA_MACAU = "gba.mo"
    GBA_ONWARD = "gba.onward"
    HK_PRINCIPLES = "hk.dpp"
    HK_NEW_PURPOSE = "hk.dpp3"
    HK_WITHDRAWAL = "hk.s2"
    MO_SENSITIVE = "mo.7"
    MO_COMBINATION = "mo.9"
    MO_TRANSFER = "mo.20"
    US_NOT_COVERED = "us.not-covered"
    US_BULK = "us.bulk"
    US_CONCERN = "us.concern"
    US_TRAVEL = "us.travel"
    US_PROHIBITED = "us.prohibited"
    US_RESTRICTED = "us.restricted"
    EU_CHILDREN = "eu.8"
    EU_SPECIAL = "eu.9"
    EU_CENTRAL_TEMPLATES = "eu.edpb-11-2024"
    EU_TRANSFER = "eu.chapter-5"
    EU_DEROGATION = "eu.49"
    EU_IMPACT_ASSESSMENT = "eu.35"
    INSIDE = "any.inside"


# What each rule must state as `numbers`: a misspelt key must stop the loading, not change a threshold.
NUMBERS: Mapping[Rule, frozenset[str]] = {
    Rule.CN_VOLUME: frozenset({"nonsensitive_below"}),
    Rule.CN_ASSESSMENT: frozenset({"nonsensitive_from", "sensitive_from"}),
    Rule.CN_MINORS: frozenset({"age_below"}),
    Rule.CN_GUARDIAN: frozenset({"age_below"}),
    Rule.CN_IMPACT_RETENTION: frozenset({"years"}),
    Rule.CN_FACE_FILING: frozenset({"stored_from", "working_days"}),
    Rule.CN_LARGE_HANDLER: frozenset({"persons_from"}),
    Rule.CN_ASSESSMENT_VALIDITY: frozenset({"years", "extension_working_days"}),
    Rule.CN_CONTRACT_FILING: frozenset({"working_days"}),
    Rule.CN_CERTIFICATE_VALIDITY: frozenset({"years"}),
    Rule.EU_CHILDREN: frozenset({"age_below"}),
    Rule.GBA_HONG_KONG: frozenset({"filing_working_days"}),
    Rule.GBA_MACAU: frozenset({"filing_working_days"}),
    Rule.US_BULK: frozenset(
        {"genomic", "other_omic", "biometric", "precise_geo_devices", "health", "financial", "identifiers"}
    ),
    Rule.EU_IMPACT_ASSESSMENT: frozenset({"criteria_from", "large_scale_from", "minor_below", "matching_from"}),
}

# What each rule must state as `terms`: lists of names.
TERMS: Mapping[Rule, frozenset[str]] = {
    Rule.GBA_HONG_KONG: frozenset({"cities"}),
    Rule.GBA_MACAU: frozenset({"cities"}),
    Rule.US_CONCERN: frozenset({"jurisdictions"}),
    Rule.US_PROHIBITED: frozenset({"always"}),
    Rule.EU_TRANSFER: frozenset({"members", "adequate"}),
}
