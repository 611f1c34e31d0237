"""What the app is asked, and what it answers: `{resultCode, resultDesc, resultData{...}}`."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from connectors.ctid.modes import APP_TYPE, WITH_FACE, WITH_PASSWORD, AuthMode
from connectors.ctid.package import PackageError, read_base64
from connectors.ctid.service import AppData
from connectors.ctid.settings import CtidSettings

_LANGUAGES: Final = {"zh-Hant": "zh-Hant", "zh-Hans": "zh-Hans", "en": "en", "pt": "en"}
_MAX_DATA: Final = 16 * 1024


def page_url(settings: CtidSettings, *, biz_seq: str, redirect_uri: str, state: str, language: str) -> str:
    """The app's page. `redirectURI`, `state` and `lang` are synthetic: the app proper returns to whoever called it."""
    query = {
        "orgID": settings.org_id,
        "appID": settings.app_id,
        "bizSeq": biz_seq,
        "type": APP_TYPE[settings.mode],
        "redirectURI": redirect_uri,
        "state": state,
        "lang": _LANGUAGES[language],
    }
    return f"{settings.app}?{urlencode(query)}"


def read_result(answer: Mapping[str, str], *, biz_seq: str, mode: AuthMode) -> AppData:
    """`resultData` of a success, with what the mode needs. Raises PackageError."""
    text = answer.get("resultData", "")
    try:
        data: Any = json.loads(text) if len(text) <= _MAX_DATA else None
    except (ValueError, RecursionError) as error:
        raise PackageError("resultData is not JSON") from error
    if not isinstance(data, dict):
        raise PackageError("resultData is not an object")
    # The envelopes are closed to us: what can be checked is that they are there and base64.
    wanted = {"idCardAuthData"}
    wanted |= {"certPwdData"} if mode in WITH_PASSWORD else set()
    wanted |= {"verifyData"} if mode in WITH_FACE else set()
    for name in wanted:
        read_base64(data.get(name), name, limit=_MAX_DATA)
    return AppData(
        biz_seq,
        credential=data["idCardAuthData"],
        password=data["certPwdData"] if "certPwdData" in wanted else "",
        face=data["verifyData"] if "verifyData" in wanted else "",
    )
