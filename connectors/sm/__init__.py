"""The Chinese commercial cryptography that CTID speaks: SM2 keys, certificates, signatures and envelopes (GM/T 0003,
0009, 0010, 0015). SM3 and SM4 are those of `cryptography`. Format: specs/ctid.md 6; library: specs/decisions/sm2.md.
"""
