"""The authorization server: one step per file, each citing the clause it enforces (specs/wallet-oauth.md)."""
