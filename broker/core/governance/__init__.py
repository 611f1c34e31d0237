"""May this personal data cross this border now? Pure functions over frozen facts and dated, cited rules.

`decide(facts, policy) -> Decision` (decide.py) is the whole of it; specs/governance.md says what each rule means.
"""
