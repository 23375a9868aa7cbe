"""Which versions answer a message: the defaults, unless an experiment of the task names an arm that is ready."""

from collections.abc import Callable, Container, Iterable, Mapping

import msgspec

from pipeline.routing import TASKS, Experiment, StickyBy, Task, choose, copies, sticky_key
from pipeline.types import Credit, Versions


class Route(msgspec.Struct, frozen=True):
    """How a message is answered. Equal routes are one object."""

    versions: Versions
    experiment: dict[str, Credit] | None  #: by task, as verdicts name it
    arms: dict[str, tuple[str, int]]  #: the same, as receipts name it
    tag: str  #: the versions as one text, for cache keys
    sticky_by: dict[str, StickyBy]  #: by task: what was assigned to the arm

    @property
    def sticks_to_recipient(self) -> bool:
        """Whether some experiment does."""
        return "recipient" in self.sticky_by.values()


class Copy(msgspec.Struct, frozen=True):
    """A shadow that sees a message."""

    task: Task
    arm: str
    versions: Versions


class Router:
    """
    Args:
        defaults: task to the version that answers where no experiment says otherwise.
        partner: the TF-IDF bundle that a transformer is calibrated with.
    """

    def __init__(self, defaults: Mapping[str, str], partner: Callable[[str], str]) -> None:
        self._defaults: dict[str, str] = {**defaults}
        self._partner = partner
        self._experiments: tuple[Experiment, ...] = ()
        self._ready: Container[str] = frozenset()
        self._routes: dict[tuple[str, ...], Route] = {}
        self._plain = self._build(())
        self._copies: tuple[Experiment, ...] = ()

    def adopt(self, experiments: Iterable[Experiment], ready: Container[str]) -> None:
        """Route by these from now on.

        Args:
            experiments: those in force.
            ready: versions that every replica can answer with.
        """
        self._experiments = tuple(each for each in experiments if each.arms)
        self._copies = tuple(each for each in self._experiments if each.shadow)
        self._ready = ready
        self._routes = {}

    def route(self, sender: str, recipient: str, message_id: str) -> Route:
        """The versions for a message; where no arm of an experiment is ready, the default answers, outside of it."""
        if not self._experiments:
            return self._plain
        arms = tuple(
            choose(
                each, sticky_key(each.sticky_by, sender=sender, recipient=recipient, message_id=message_id), self._ready
            )
            for each in self._experiments
        )
        route = self._routes.get(arms)
        if route is None:
            route = self._routes[arms] = self._build(arms)
        return route

    def copies(self, route: Route, sender: str, recipient: str, message_id: str) -> list[Copy]:
        """Shadows that see this message beside the versions that answer it."""
        found: list[Copy] = []
        for each in self._copies:
            key = sticky_key(each.sticky_by, sender=sender, recipient=recipient, message_id=message_id)
            live = getattr(route.versions, each.task)
            shadows = (arm for arm in copies(each, key) if arm in self._ready and arm != live)
            found += [Copy(each.task, arm, self._beside(route.versions, each.task, arm)) for arm in shadows]
        return found

    @property
    def has_copies(self) -> bool:
        return bool(self._copies)

    def _build(self, arms: tuple[str, ...]) -> Route:
        chosen: dict[str, Credit] = {
            each.task: Credit(arm, each.revision) for each, arm in zip(self._experiments, arms, strict=True) if arm
        }
        named = {task: credit.arm for task, credit in chosen.items()}
        versions = self._versions({**self._defaults, **named})
        return Route(
            versions=versions,
            experiment=chosen or None,
            arms={task: (credit.arm, credit.revision) for task, credit in chosen.items()},
            tag="|".join(msgspec.structs.astuple(versions)),
            sticky_by={each.task: each.sticky_by for each in self._experiments},
        )

    def _beside(self, versions: Versions, task: Task, arm: str) -> Versions:
        """The same with another version for one task."""
        named: dict[str, str] = {each: getattr(versions, each) for each in TASKS}
        return self._versions(named | {task: arm})

    def _versions(self, named: Mapping[str, str]) -> Versions:
        """Those of all tasks, with the gate that belongs to the transformer."""
        return Versions(gate=self._partner(named["spam"]), **named)
