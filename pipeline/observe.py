"""What the pipeline reports about itself. Logic calls these hooks and never knows who listens."""

#: In place of a failure: the stage was not asked, as it failed too often.
LEFT_ALONE = "open"


class Observer:
    """Receives events; the methods do nothing. `deployments.metrics` counts them for Prometheus."""

    def batch(self, lane: str, size: int, waited_s: float) -> None:
        """A lane started a batch of `size` items, the oldest of which waited for `waited_s` seconds."""

    def cache(self, lane: str, source: str, count: int = 1) -> None:
        """Items were answered from `source` (miss, memory, redis or coalesced)."""

    def dropped(self, lane: str, why: str) -> None:
        """An item left the queue unanswered (expired, abandoned or refused)."""

    def stage(self, name: str, items: int, seconds: float, failure: str | None) -> None:
        """A stage answered a batch, or failed with an error of that kind."""

    def cascade(self, skipped: int, total: int) -> None:
        """Of `total` messages, `skipped` did not need the transformer."""

    def audit(self, disagreed: bool) -> None:
        """A skipped message was sent through all the same; the decision was another one, or not."""
