"""An operator's statement for tests and the demo: invented filings, so that faces may cross inside the bay area."""

from importlib import resources

_PACKAGED = (resources.files("broker.core") / "data" / "transfers.toml").read_text(encoding="utf-8")

# Synthetic: no contract was filed and no assessment made anywhere for this project.
ASSESSED = _PACKAGED.replace("pia_done = false", "pia_done = true")
"""The packaged statement with every impact assessment made, and nothing filed."""
FILED = ASSESSED.replace("artefacts = []", 'artefacts = ["gba_sc_filed"]', 1)
"""The packaged statement with the Mainland's bay-area contract filed and every impact assessment made."""
