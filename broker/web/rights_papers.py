"""What people are handed to read, as papers."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from broker.paper import Block, Heading, KeyValues, Language, Paper, Paragraph, Table
from broker.web.messages import Catalogue


def certificate_paper(claims: Mapping[str, Any], jws: str, language: str, texts: Catalogue) -> Paper:
    """The certificate of an erasure; `jws` is its signed form."""
    words = texts["rights_certificate"]
    place = claims["journal"]
    blocks: list[Block] = [
        KeyValues(
            (
                (words["status"], words[f"status_{claims['status']}"]),
                (words["number"], claims["jti"]),
                (words["subject"], claims["sub"]),
                (words["erased_at"], claims["erased_at"]),
                (words["key_destroyed_at"], claims["key_destroyed_at"]),
                (words["complete_at"], claims["complete_at"]),
            )
        ),
        Heading(words["destroyed"], 2),
        KeyValues(tuple((words[name], str(number)) for name, number in claims["destroyed"].items())),
        Heading(words["remains"], 2),
        Table(
            (words["remains"], words["why"], words["until"]),
            tuple(tuple(words[of + kept["what"]] for of in ("", "why_", "until_")) for kept in claims["remains"]),
        ),
        Heading(words["journal"], 2),
        KeyValues(((words["leaf"], place["leaf"]), (words["position"], f"{place['index']} / {place['size']}"))),
        Paragraph(f"{words['checkpoint']}:\n{place['checkpoint']}"),
        Heading(words["grounds"], 2),
        Paragraph("; ".join(claims["grounds"])),
        KeyValues(((words["signature"], sha256(jws.encode()).hexdigest()),)),
        Paragraph(words["verify"]),
    ]
    return Paper(words["title"], cast(Language, language), tuple(blocks))
