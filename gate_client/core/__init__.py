"""The gate's rules: pure functions over frozen values; no clock, no randomness, no I/O."""
