"""Numbers of the wire formats, each with the registry or specification it comes from."""

from enum import IntEnum, StrEnum


class Alg(IntEnum):
    """Signature algorithms (IANA COSE Algorithms). `alg` is fixed per key: a message never chooses it."""

    ES256 = -7
    EDDSA = -8  # with Ed25519 only


class ContentAlg(IntEnum):
    """Content encryption algorithms (IANA COSE Algorithms)."""

    A256GCM = 3


class Header(IntEnum):
    """IANA COSE Header Parameters."""

    ALG = 1
    CRIT = 2
    CONTENT_TYPE = 3
    KID = 4
    TYP = 16  # RFC 9596


class Tag(IntEnum):
    """IANA CBOR Tags."""

    ENCRYPT0 = 16
    SIGN1 = 18


class Claim(IntEnum):
    """IANA CWT Claims; below -65536 private use, fixed by our own specifications."""

    SUB = 2
    AUD = 3
    EXP = 4
    NBF = 5
    IAT = 6
    CTI = 7
    CNF = 8
    STATUS_LIST = 65533  # Token Status List
    TTL = 65534  # Token Status List
    STATUS_INDEX = -65537  # specs/travel-pass.md
    COMMITMENT = -65538
    MODE = -65539
    VERSION = -65540  # specs/status-list.md, specs/trust-list.md
    KEYS = -65541
    PADDING = -65542


class CoseKey(IntEnum):
    """IANA COSE Key Common and Key Type Parameters (EC2 and OKP share -1 and -2)."""

    KTY = 1
    CRV = -1
    X = -2
    Y = -3


class KeyType(IntEnum):
    """IANA COSE Key Types."""

    OKP = 1
    EC2 = 2


class Curve(IntEnum):
    """IANA COSE Elliptic Curves."""

    P256 = 1
    ED25519 = 6


CNF_COSE_KEY = 1  # RFC 8747 3.1


class KeyUse(StrEnum):
    """What a key may sign. A key has one use, so a signature never means two things."""

    PASS = "pass"  # noqa: S105 - a travel pass, not a password
    STATUS = "status"
    ROOT = "root"
    CHECKPOINT = "checkpoint"
    RECEIPT = "receipt"
    ANSWER = "answer"
    GATE = "gate"
    STAFF = "staff"
