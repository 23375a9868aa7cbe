"""A schedule by which a new version gets more of the traffic, step by step, on evidence."""

from typing import Annotated

import msgspec

from pipeline.errors import InvalidField
from pipeline.guardrails import RAMP, Limits, Step


class Ramp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kept with the experiment; a change by hand ends it.

    Raises:
        InvalidField: there are no steps, or a share does not rise.
    """

    version: str  #: the treatment, "name/version"
    steps: tuple[Step, ...] = RAMP
    limits: Limits = Limits()
    step: Annotated[int, msgspec.Meta(ge=0)] = 0  #: index of the one in force
    since: float = 0.0  #: when it came into force, seconds since the epoch

    def __post_init__(self) -> None:
        shares = [step.share for step in self.steps]
        if not shares or shares != sorted(set(shares)):
            raise InvalidField("needs steps whose shares rise", field="$.steps")
        if self.step >= len(shares):
            raise InvalidField(f"must be less than {len(shares)}", field="$.step")

    @property
    def share(self) -> float:
        """Of the traffic, 0-1, that the version has now."""
        return self.steps[self.step].share

    @property
    def is_complete(self) -> bool:
        return self.step == len(self.steps) - 1
