"""Counters, thresholds and places in words for the console's pages; files keep the codes."""

from collections.abc import Mapping
from typing import Final

from broker.core.flow_summary import UNKNOWN

OTHERS: Final = "others"
_PLACES: Final[Mapping[str, str]] = {
    "CN": "Mainland",
    "HK": "Hong Kong",
    "MO": "Macau",
    "US": "United States",
    "GB": "United Kingdom",
    "SG": "Singapore",
    "PT": "Portugal",
    UNKNOWN: "not stated",
    OTHERS: "elsewhere",
}
_COUNTERS: Final[Mapping[str, str]] = {
    "nonsensitive": "Persons this year, data that are not sensitive: {}",
    "sensitive": "Persons this year, sensitive data: {}",
    "stored_faces": "Faces stored now: {}",
    "recipient": "Persons this year at one recipient: {}",
    "us_12m": "Persons of the preceding twelve months: {}",
}
_RULES: Final[Mapping[str, str]] = {
    "order16.8": "Standard contract or certification from here (Provisions of 22 March 2024, article 8)",
    "order16.7": "Security assessment from here (Provisions of 22 March 2024, article 7)",
    "face_filing": "Filing within 30 working days from here (face recognition measures, article 15)",
    "us_bulk": "Bulk threshold (28 CFR 202.205)",
    "graded": "Graded quantity for what this recipient may receive (our own policy)",
}


def place_name(code: str) -> str:
    """What people call a jurisdiction; its code where we have no name."""
    return _PLACES.get(code, code)


def counter_words(counter: str) -> str:
    """ "sensitive/tongguan/CN" as people read it."""
    kind, _, whose = counter.partition("/")
    said = _COUNTERS.get(kind)
    return counter if said is None else said.format(_whose(whose))


def rule_words(threshold: str) -> str:
    """What happens at a threshold, and where that is written."""
    return _RULES.get(threshold, threshold)


def _whose(name: str) -> str:
    if ">" in name:
        return " to ".join(_whose(end) for end in name.split(">"))
    who, _, origin = name.rpartition("/")
    return f"{who} ({place_name(origin)})" if who else place_name(origin)
