"""Mock of CTID's platform and of the national network identity app: specs/ctid.md 8."""
