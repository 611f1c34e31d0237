"""A retry budget: retries may be a small share of calls, so that a provider in trouble is not asked twice as often."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Every call earns `share` of a retry, up to `most`; a retry costs one. Starts full."""

    share: float = 0.1
    most: float = 5.0
    left: float = 5.0

    def called(self) -> "RetryBudget":
        return replace(self, left=min(self.left + self.share, self.most))

    def retry(self) -> "RetryBudget | None":
        """The budget after one retry; None when there is none left."""
        return replace(self, left=self.left - 1) if self.left >= 1 else None
