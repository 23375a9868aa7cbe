"""What an operator may ask of an experiment over HTTP, and how experiments are listed."""

from typing import Annotated

import msgspec

from pipeline.guardrails import RAMP, Limits, Step
from pipeline.routing import Experiment, StickyBy

Version = Annotated[str, msgspec.Meta(min_length=3, max_length=128, description='"name/version"')]
Weights = Annotated[dict[Version, float], msgspec.Meta(max_length=16)]
Revision = Annotated[
    int | None, msgspec.Meta(description="Refuse unless this is the current one; 0: there is no experiment.")
]
Why = Annotated[str, msgspec.Meta(max_length=500, description="For the trail of changes.")]


class ExperimentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An experiment as it shall be; what is left out is as by default, whatever it was before."""

    arms: Annotated[Weights, msgspec.Meta(description='"name/version" to weight; relative.', min_length=1)]
    sticky_by: StickyBy = "sender"
    revision: Revision = None
    why: Why = ""
    shadow: Annotated[Weights, msgspec.Meta(description='"name/version" to the share 0-1 that it sees a copy of.')] = {}
    control: str | None = None  #: the arm that the others are compared with; null: the one before, or the default


class PromoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of the traffic for one version."""

    version: Version
    revision: Revision = None
    why: Why = ""


class RollbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of the traffic back to the control, or to the control before it. The body may be empty."""

    revision: Revision = None
    why: Why = ""


class RampRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """More and more of the traffic for one version, as long as no guardrail is hit."""

    version: Version
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=32)] = RAMP
    limits: Limits = Limits()
    sticky_by: StickyBy | None = None  #: null: as it is
    revision: Revision = None
    why: Why = ""


class Listed(Experiment, frozen=True):
    """An experiment in force, as it is listed."""

    states: dict[str, str] = {}  #: each arm and shadow to "ready", "loading on 1 of 2 replicas …", or why it is not
