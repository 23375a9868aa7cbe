"""From an assessment to what the gateway does.

A policy names the share of false alarms that it accepts; the manifest of a model turns that into thresholds.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, get_args

import msgspec

from pipeline.errors import ConfigError
from pipeline.types import Action, Assessment, PolicyName
from pipeline.yamlfile import Document

Rate = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
#: Task to {target false-positive rate, written as a decimal: threshold}, as manifests keep them.
Thresholds = Mapping[str, Mapping[str, float]]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares 0-1 of legitimate messages that may be flagged and blocked; None: never blocked by score."""

    flag_fpr: Rate
    block_fpr: Rate | None


class PolicySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    strict: Policy
    moderate: Policy
    lenient: Policy


class Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policies: PolicySet
    default: PolicyName
    otp_fpr: Rate  #: share of other messages that may be called OTPs, whatever the policy


class Limits(msgspec.Struct, frozen=True):
    """Thresholds on calibrated probabilities; reaching one is enough. None: never."""

    spam_flag: float
    spam_block: float | None
    phishing_flag: float
    phishing_block: float | None
    otp: float


class Decision(msgspec.Struct, frozen=True, gc=False):
    """None: nobody could tell."""

    action: Action
    is_spam: bool | None
    is_phishing: bool | None
    is_otp: bool | None


def load_policies(text: str, name: str) -> Policies:
    """Policies of a YAML text.

    Raises:
        ConfigError: names the file, the line and the key that is wrong.
    """
    document = Document(text, name)
    policies = document.decode(Policies)
    for title, policy in _named(policies):
        if policy.block_fpr is not None and policy.block_fpr > policy.flag_fpr:
            raise document.error(f"$.policies.{title}.block_fpr", "blocks more than it flags")
    return policies


class LimitBook:
    """The limits of every policy, by the versions that score; more of them may join.

    Args:
        policies: what the operator accepts.
        scorers: scorer to the thresholds of its tasks.

    Raises:
        ConfigError: as `add`.
    """

    def __init__(self, policies: Policies, scorers: Mapping[str, Thresholds] | None = None) -> None:
        self._policies = policies
        self._thresholds: dict[str, Thresholds] = {}
        self._limits: dict[tuple[PolicyName, str, str, str], Limits] = {}
        for scorer, thresholds in (scorers or {}).items():
            self.add(scorer, thresholds)

    def add(self, scorer: str, thresholds: Thresholds, tasks: Collection[str] = ("spam",)) -> None:
        """Know a version, once every policy has its thresholds there.

        Args:
            scorer: "distilbert/4".
            thresholds: by task.
            tasks: that it scores.

        Raises:
            ConfigError: names the scorer, the task and the rate that has no threshold.
        """
        for _, policy in _named(self._policies):
            for task in tasks:
                rates = (self._policies.otp_fpr,) if task == "otp" else (policy.flag_fpr, policy.block_fpr)
                for rate in rates:
                    if rate is not None:
                        _at(thresholds, scorer, task, rate)
        self._thresholds[scorer] = thresholds

    def limits(self, policy: PolicyName, spam: str, phishing: str, otp: str) -> Limits:
        """The limits of a policy.

        Args:
            policy: its name.
            spam, phishing, otp: the version that scores each task; it was added.
        """
        key = (policy, spam, phishing, otp)
        found = self._limits.get(key)
        if found is None:
            found = self._limits[key] = self._resolve(*key)
        return found

    def _resolve(self, policy: PolicyName, spam: str, phishing: str, otp: str) -> Limits:
        accepted: Policy = getattr(self._policies.policies, policy)
        flag, block = accepted.flag_fpr, accepted.block_fpr

        def at(scorer: str, task: str, rate: float) -> float:
            return _at(self._thresholds[scorer], scorer, task, rate)

        return Limits(
            spam_flag=at(spam, "spam", flag),
            spam_block=None if block is None else at(spam, "spam", block),
            phishing_flag=at(phishing, "phishing", flag),
            phishing_block=None if block is None else at(phishing, "phishing", block),
            otp=at(otp, "otp", self._policies.otp_fpr),
        )


def decide(assessment: Assessment, limits: Limits) -> Decision:
    """What to do with a message. A list decides alone; a one-time password is never blocked by score alone."""
    is_spam = _reaches(assessment.spam, limits.spam_flag)
    is_phishing = _reaches(assessment.phishing, limits.phishing_flag)
    is_otp = _reaches(assessment.otp, limits.otp)
    decisions = {hit.decides for hit in assessment.hits}
    if "deny" in decisions:
        return Decision("block", True, is_phishing, is_otp)
    if "allow" in decisions:
        return Decision("deliver", False, False, is_otp)
    blocked = _reaches(assessment.spam, limits.spam_block) or _reaches(assessment.phishing, limits.phishing_block)
    if blocked and (is_phishing or not is_otp):
        return Decision("block", is_spam, is_phishing, is_otp)
    return Decision("flag" if is_spam or is_phishing else "deliver", is_spam, is_phishing, is_otp)


def _reaches(score: float | None, threshold: float | None) -> bool | None:
    if score is None:
        return None
    return threshold is not None and score >= threshold


def _named(policies: Policies) -> list[tuple[PolicyName, Policy]]:
    return [(name, getattr(policies.policies, name)) for name in get_args(PolicyName)]


def _at(thresholds: Thresholds, scorer: str, task: str, rate: float) -> float:
    for key, threshold in thresholds.get(task, {}).items():
        if float(key) == rate:
            return threshold
    raise ConfigError(f"{scorer}: no threshold of task {task!r} for a false-positive rate of {rate}")
