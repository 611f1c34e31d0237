"""A gate becomes known: one-time code and public key against an identity, the root to pin and the first lists."""

import shutil
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from broker.wire.errors import WireError
from broker.wire.fields import NAME, ZONE
from broker.wire.keys import Entropy
from gate_client.broker_client import BrokerClient
from gate_client.database import open_database
from gate_client.home import GateConfig, GateHome, HomeError, from_base64url, to_base64url
from gate_client.trust_store import TrustStore


class EnrolmentFailed(Exception):
    """The broker's answer cannot be trusted or used."""


def enrol(
    home: GateHome,
    *,
    client: BrokerClient,
    broker: str,
    code: str,
    ca: Path | None,
    expected_root: str | None,
    clock: Callable[[], datetime],
    entropy: Entropy,
) -> GateConfig:
    """Enrol this home through `client`, which talks to `broker`.

    `expected_root`: hex kid of the root, told by other means; without it the TLS channel vouches, so over plain http
    it is required.

    Raises `HomeError` (already enrolled), `EnrolmentFailed`, `BrokerRefused`, `BrokerUnreachable`.
    """
    # (1) The key exists on disk before the code is used up, so a crash in between costs nothing but the code.
    if home.enrolled:
        raise HomeError(f"{home.folder} is enrolled already")
    require_a_trusted_way(broker, expected_root=expected_root)
    home.create()
    signer = home.key(entropy)
    # (2) Trade the code.
    answer = client.enrol(code, to_base64url(signer.public.to_cose_key()))
    config = GateConfig(answer["gate_id"], answer["zone"], broker, answer["root_key"], _keep_ca(home, ca))
    try:
        # (3) Pin the root.
        root = home.root(config)
        if expected_root is not None and root.kid.hex() != expected_root.lower():
            raise EnrolmentFailed(f"the broker's root is {root.kid.hex()}, not {expected_root}")
        if not NAME.fullmatch(config.gate_id) or not ZONE.fullmatch(config.zone):
            raise EnrolmentFailed("the broker named no gate or no zone")
        # (4) Believe the first list only under that root.
        connection = open_database(home.database)
        try:
            TrustStore(connection, root).accept_trust_list(from_base64url(answer["trust_list"]), at=clock())
        finally:
            connection.close()
    except (WireError, ValueError) as error:
        raise EnrolmentFailed(f"the broker's answer does not verify: {error}") from error
    # (5) Only now is the gate enrolled.
    home.save(config)
    return config


def require_a_trusted_way(broker: str, *, expected_root: str | None) -> None:
    """Raises `EnrolmentFailed` where anybody on the way could send a root of their own: http beyond this machine."""
    address = urlsplit(broker)
    if address.scheme == "https" or expected_root is not None or _is_loopback(address.hostname or ""):
        return
    raise EnrolmentFailed(
        "over plain http anybody on the way could pass off a root as the broker's: use an https address,"
        " or insist on the root key's id, told by other means, with --root"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _keep_ca(home: GateHome, ca: Path | None) -> str | None:
    """Copy the certificate in, so that the gate does not depend on a file elsewhere."""
    if ca is None:
        return None
    kept = home.folder / "ca.pem"
    shutil.copyfile(ca, kept)
    return str(kept.resolve())
