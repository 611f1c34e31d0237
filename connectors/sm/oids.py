"""Object identifiers of GM/T 0006 and GM/T 0010."""

from typing import Final

from cryptography.x509 import ObjectIdentifier

DATA: Final = ObjectIdentifier("1.2.156.10197.6.1.4.2.1")
SIGNED_DATA: Final = ObjectIdentifier("1.2.156.10197.6.1.4.2.2")
ENVELOPED_DATA: Final = ObjectIdentifier("1.2.156.10197.6.1.4.2.3")

SM3: Final = ObjectIdentifier("1.2.156.10197.1.401")
SM2_CURVE: Final = ObjectIdentifier("1.2.156.10197.1.301")
SM2_SIGN: Final = ObjectIdentifier("1.2.156.10197.1.301.1")
SM2_ENCRYPT: Final = ObjectIdentifier("1.2.156.10197.1.301.3")
SM2_WITH_SM3: Final = ObjectIdentifier("1.2.156.10197.1.501")
SM4: Final = ObjectIdentifier("1.2.156.10197.1.104")  # no parameters: taken to be ECB
SM4_CBC: Final = ObjectIdentifier("1.2.156.10197.1.104.2")  # parameters: the IV

EC_PUBLIC_KEY: Final = ObjectIdentifier("1.2.840.10045.2.1")
KEY_USAGE: Final = ObjectIdentifier("2.5.29.15")
