"""The words a transfer decision speaks: mechanisms, gates, bands, and the codes of reasons, flags and obligations."""

from enum import StrEnum


class Mechanism(StrEnum):
    """What the law asks for before such a release may take place. Members stand in order of strictness."""

    NOT_REGULATED_EXPORT = "not_regulated_export"
    LOCAL_LAW_ONLY = "local_law_only"
    EXEMPT = "exempt"
    GBA_SC = "gba_sc"
    SCC_OR_CERTIFICATION = "scc_or_certification"
    SECURITY_ASSESSMENT = "security_assessment"
    PROHIBITED = "prohibited"

    @property
    def strictness(self) -> int:
        return _MECHANISM_ORDER[self]


class Gate(StrEnum):
    """Whether THIS release may go now. Members stand in order of strictness."""

    ALLOW = "allow"
    ALLOW_WITH_CONDITIONS = "allow_with_conditions"
    HOLD = "hold"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        return _GATE_ORDER[self]

    @property
    def permits(self) -> bool:
        return self in (Gate.ALLOW, Gate.ALLOW_WITH_CONDITIONS)

    def at_least(self, other: "Gate") -> "Gate":
        """The stricter of the two."""
        return self if self.strictness >= other.strictness else other


class Band(StrEnum):
    """The overlay's verdict. Members stand in order of strictness."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def strictness(self) -> int:
        return _BAND_ORDER[self]


_MECHANISM_ORDER = {member: place for place, member in enumerate(Mechanism)}
_GATE_ORDER = {member: place for place, member in enumerate(Gate)}
_BAND_ORDER = {member: place for place, member in enumerate(Band)}


class Why(StrEnum):
    """Why a release is denied, held or looked at again (`reasons`)."""

    CONSENT_WITHDRAWN = "consent_withdrawn"
    NO_SEPARATE_CONSENT = "no_separate_consent"
    NOTICE_MISSING = "notice_missing"
    NOT_NECESSARY = "not_necessary"
    GUARDIAN_CONSENT_MISSING = "guardian_consent_missing"
    PIA_MISSING = "pia_missing"
    NO_ALTERNATIVE_TO_FACE = "no_alternative_to_face"
    ONWARD_TRANSFER_OUTSIDE_GBA = "onward_transfer_outside_gba"
    RECIPIENT_RESTRICTED = "recipient_restricted"
    FOREIGN_JUDICIAL_REQUEST = "foreign_judicial_request"
    EDPB_SCENARIO_3 = "edpb_scenario_3"
    US_BULK_TRANSFER = "us_bulk_transfer"
    SPLITTING = "splitting"
    SUSPECTED_IMPORTANT_REVIEW = "suspected_important_review"
    RESTRICTION_IN_FORCE = "restriction_in_force"


class Flag(StrEnum):
    """What a reader should know about the decision (`flags`); a flag alone stops nothing."""

    US_BULK_EXCEEDED = "us_bulk_exceeded"
    EXEMPTION_SUSPENDED = "exemption_suspended"
    SPLITTING = "splitting"
    SUSPECTED_IMPORTANT_REVIEW = "suspected_important_review"
    CONSENT_BUNDLED = "consent_bundled"
    CONSENT_UNINFORMED = "consent_uninformed"
    CONSENT_OTHER_PURPOSE = "consent_other_purpose"
    FTZ_ON_LIST = "ftz_on_list"
    REMOTE_ACCESS = "remote_access"
    GRADED_QUANTITY_EXCEEDED = "graded_quantity_exceeded"


class Duty(StrEnum):
    """What the exporter has to do or observe (`obligations`)."""

    NOTICE = "notice"
    PIA = "pia"
    MINIMUM_NECESSARY = "minimum_necessary"
    NOTIFY_AFTER_EMERGENCY = "notify_after_emergency"
    EX_POST_REVIEW = "ex_post_review"
    LOCALISED_MASTER_COPY = "localised_master_copy"
    FACE_FILING = "face_filing_30_working_days"
    NDSMR_30 = "ndsmr_30_security_officer"
    NDSMR_32 = "ndsmr_32_disposition_report"
    DPP1_NOTICE = "DPP1_notice"
    DPP3 = "DPP3_same_purpose_or_prescribed_consent"
    DPP4 = "DPP4"
    RMC = "RMC_recommended"
    MACAU_NOTIFICATION = "macau_art20_notification"
    MACAU_COMBINATION = "macau_art9_no_combination_without_authorisation"
    GDPR_SAFEGUARDS = "gdpr_chapter_5_safeguards"
    GDPR_DPIA = "gdpr_35_dpia"
    CISA_REQUIREMENTS = "us_cisa_security_requirements"
    OVERLAY_REVIEW = "overlay_review"
    REPORT_IMPORTANT = "report_to_competent_department"
    ASSESSED_SCOPE = "stay_in_assessed_scope"
    IDENTIFY_IMPORTANT = "ask_competent_department"


class Subtype(StrEnum):
    """Which kind of assessment is meant."""

    STATE_ORGAN_ART36 = "state_organ_art36"
