"""What an experiment becomes: pure functions from the one in force and a request to the next one.

Where there is none, the one in force is `nothing`: no arms, revision 0. One that has ended has no arms either, and
keeps its salt and revision. Every function gives the next revision; storing and writing down are others' business.
"""

from collections.abc import Collection, Mapping

import msgspec

from pipeline.errors import InvalidField, NotFound
from pipeline.ramps import Ramp
from pipeline.routing import Experiment, StickyBy, Task
from pipeline.trail import Setup


def nothing(task: Task, salt: str) -> Experiment:
    """A task that never had an experiment."""
    return Experiment(task, {}, "sender", salt, 0)


def put(old: Experiment, setup: Setup, default: str = "") -> Experiment:
    """Weights set by hand, which ends a ramp unless the setup brings one.

    Args:
        old: the one in force.
        setup: checked already with `pipeline.routing.check_arms`.
        default: the version that answers where there is no experiment.

    Raises:
        InvalidField: the control is not among the arms.
    """
    control = setup.control or _control(old, setup.arms, default)
    if control not in setup.arms:
        raise InvalidField("must be one of the arms", field="$.control")
    return _next(old, msgspec.structs.replace(setup, control=control))


def end(old: Experiment) -> Experiment:
    """No experiment: the default version answers everything, and no shadow sees a copy.

    Raises:
        NotFound: there is none.
    """
    _in_force(old)
    return _next(old, Setup({}, old.sticky_by))


def promote(old: Experiment, version: str) -> Experiment:
    """All of the traffic for one version, which others are compared with from now on. The other arms are gone."""
    shadow = {ref: share for ref, share in old.shadow.items() if ref != version}
    return _next(old, Setup({version: 1.0}, old.sticky_by, shadow, version))


def is_settled(experiment: Experiment) -> bool:
    """Whether the control has all of the traffic, so that a rollback goes to an earlier control."""
    return not any(weight for arm, weight in experiment.arms.items() if arm != experiment.control)


def rollback(old: Experiment, earlier: str) -> Experiment:
    """All of the traffic back to the control. Where it has that already, back to the control before it.

    In the first case the other arms stay, without weight: their versions stay loaded, and labels that come late still
    count. The second one is the promotion of the earlier control.

    Args:
        earlier: see `pipeline.trail.earlier_control`.

    Raises:
        NotFound: there is no experiment, or nothing to go back to.
    """
    _in_force(old)
    if not is_settled(old):
        arms = _shared(old.arms, {old.control: 1.0})
        return _next(old, Setup(arms, old.sticky_by, old.shadow, old.control))
    if not earlier:
        raise NotFound(f"{old.control} has all of the traffic of {old.task}, and no promotion before it is known")
    return promote(old, earlier)


def start_ramp(old: Experiment, ramp: Ramp, *, default: str = "", sticky_by: StickyBy | None = None) -> Experiment:
    """The first step for a treatment, whose comparison begins anew; the control has the rest, other arms nothing.

    Args:
        ramp: at its first step.
        default: the control where there is no experiment.
        sticky_by: None: as it is.

    Raises:
        InvalidField: the version is the control, or the steps do not lead to all of the traffic.
    """
    control = old.control if old.arms else default
    if not control:
        raise InvalidField("there is no version to compare it with", field="$.version")
    if ramp.version == control:
        raise InvalidField("has the traffic already: it is the control", field="$.version")
    if ramp.steps[-1].share != 1.0:
        raise InvalidField("must lead to a share of 1", field="$.steps")
    arms = _shared(old.arms, _split(control, ramp))
    setup = Setup(arms, sticky_by or old.sticky_by, old.shadow, control, ramp)
    return _next(old, setup, anew=(ramp.version,))


def advance(old: Experiment, step: int, since: float) -> Experiment:
    """Another step of the ramp under way.

    Args:
        step: index.
        since: now, seconds since the epoch.

    Raises:
        NotFound: there is no ramp.
        InvalidField: there is no such step.
    """
    if old.ramp is None:
        raise NotFound(f"there is no ramp for {old.task}")
    ramp = msgspec.structs.replace(old.ramp, step=step, since=since)
    arms = _shared(old.arms, _split(old.control, ramp))
    return _next(old, Setup(arms, old.sticky_by, old.shadow, old.control, ramp))


def stop(old: Experiment, treatment: str) -> Experiment:
    """No traffic for a treatment, which stays as an arm; a ramp of it ends.

    After a ramp the control has all of the traffic. Else the other arms share it as their weights say, and the control
    has it where none of those has any.

    Raises:
        NotFound: it is not compared with the control.
    """
    if treatment not in old.began:
        raise NotFound(f"{treatment} is not compared with another version in {old.task}")
    arms = old.arms | {treatment: 0.0}
    ramp = old.ramp
    if ramp and ramp.version == treatment:
        arms, ramp = _shared(old.arms, {old.control: 1.0}), None
    if not any(arms.values()):
        arms[old.control] = 1.0
    return _next(old, Setup(arms, old.sticky_by, old.shadow, old.control, ramp))


def _next(old: Experiment, setup: Setup, anew: Collection[str] = ()) -> Experiment:
    revision = old.revision + 1
    comparable = setup.control == old.control and setup.sticky_by == old.sticky_by
    kept = {arm: since for arm, since in old.began.items() if comparable and arm not in anew}
    return Experiment(
        task=old.task,
        arms=setup.arms,
        sticky_by=setup.sticky_by,
        salt=old.salt,
        revision=revision,
        shadow=setup.shadow,
        control=setup.control,
        began={arm: kept.get(arm, revision) for arm in setup.arms if arm != setup.control},
        ramp=setup.ramp,
    )


def _control(old: Experiment, arms: Mapping[str, float], default: str) -> str:
    """The previous control, else the default version, else the arm with the most weight (of equals, the first name)."""
    likely = (each for each in (old.control, default) if each in arms)
    return next(likely, "") or min(arms, key=lambda arm: (-arms[arm], arm), default="")


def _split(control: str, ramp: Ramp) -> dict[str, float]:
    return {control: round(1.0 - ramp.share, 9), ramp.version: ramp.share}


def _shared(arms: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """The arms, without weight but for those that are given one."""
    return dict.fromkeys(arms, 0.0) | dict(weights)


def _in_force(experiment: Experiment) -> None:
    if not experiment.arms:
        raise NotFound(f"there is no experiment for {experiment.task}")
