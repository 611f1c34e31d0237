"""Departments registered to receive packets: a code, a name in three languages, and public keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from joserfc.jwk import ECKey

# Invented registrations of departments that exist; their private keys are thrown away at the start.
_OTHERS: Final[Mapping[str, Mapping[str, str]]] = {
    "dsf": {"zh-Hant": "財政局", "pt": "Direcção dos Serviços de Finanças", "en": "Financial Services Bureau"},
    "ssm": {"zh-Hant": "衛生局", "pt": "Serviços de Saúde", "en": "Health Bureau"},
    "dsal": {
        "zh-Hant": "勞工事務局",
        "pt": "Direcção dos Serviços para os Assuntos Laborais",
        "en": "Labour Affairs Bureau",
    },
}


@dataclass(frozen=True)
class Department:
    """`source` is either its public key or the file of its public JWK set, read anew for each packet."""

    code: str
    names: Mapping[str, str]
    source: ECKey | Path = field(repr=False)

    def key(self) -> ECKey | None:
        """The first key of the set: the one to encrypt to. None when the department has none that is usable."""
        if isinstance(self.source, ECKey):
            return self.source
        try:
            document = json.loads(self.source.read_text(encoding="utf-8"))
            return ECKey.import_key(document["keys"][0])
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            return None


def register(client: str, names: Mapping[str, str], keys: Path | None) -> dict[str, Department]:
    """The client's own department first, then the others. Without `keys` the client is not registered."""
    found = {client: Department(client, names, keys)} if keys is not None else {}
    for code, known in _OTHERS.items():
        found[code] = Department(code, known, ECKey.generate_key("P-256", {"use": "enc"}, private=False, auto_kid=True))
    return found
