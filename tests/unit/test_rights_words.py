"""What an erasure leaves is told in the reader's language: what, why, until when."""

import pytest

from broker.core.rights import RightsRules
from broker.core.zone import LANGUAGES
from broker.web.messages import catalogue


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_remains_is_explained(language: str) -> None:
    words, english = catalogue(language)["rights_certificate"], catalogue("en")["rights_certificate"]
    for remainder in RightsRules.load().remains:
        for of in ("", "why_", "until_"):
            said = words[of + remainder.what]
            assert said
            assert language == "en" or said != english[of + remainder.what]
