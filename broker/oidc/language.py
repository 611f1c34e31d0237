"""Which of the four languages a page is in."""

from broker.oidc.server import LANGUAGES

_BY_TAG = {
    "zh-hant": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-mo": "zh-Hant",
    "zh-tw": "zh-Hant",
    "zh-hans": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "zh": "zh-Hans",
    "yue": "zh-Hant",
    "en": "en",
    "pt": "pt",
}


def choose_language(explicit: str | None, accept_language: str | None, default: str) -> str:
    """The explicit choice if it is one of ours, else the browser's best (RFC 9110 12.5.4), else the operator's."""
    if explicit in LANGUAGES:
        return explicit
    best, best_weight = default, 0.0
    for item in (accept_language or "")[:512].split(","):
        tag, _, parameters = item.strip().partition(";")
        language = matching_language(tag.strip())
        weight = _weight(parameters)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def matching_language(tag: str) -> str | None:
    """Ours for the longest known prefix of a language tag (RFC 4647 3.4)."""
    tag = tag.lower()
    while tag:
        if tag in _BY_TAG:
            return _BY_TAG[tag]
        tag = tag.rpartition("-")[0]
    return None


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name == "q" else 1.0
    except ValueError:
        return 0.0
