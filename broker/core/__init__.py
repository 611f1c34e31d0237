"""Domain rules of the broker: pure values and decisions; no clock, no randomness, no input or output."""
