"""From an assessment to what the gateway does.

A policy names the share of false alarms that it accepts; the manifest of a model turns that into thresholds.
"""

from collections.abc import Mapping
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


def resolve(
    policies: Policies, thresholds_by_ref: Mapping[str, Thresholds], common: Thresholds | None = None
) -> dict[tuple[PolicyName, str], Limits]:
    """Limits of every policy under every scorer.

    Args:
        policies: what the operator accepts.
        thresholds_by_ref: scorer ("distilbert/2") to the thresholds of its tasks.
        common: thresholds of tasks that a scorer has none of its own for (phishing and OTP are another model's).

    Raises:
        ConfigError: names the scorer, the task and the rate that has no threshold.
    """
    return {
        (name, ref): _limits(policies, policy, ref, {**(common or {}), **thresholds})
        for name, policy in _named(policies)
        for ref, thresholds in thresholds_by_ref.items()
    }


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


def _limits(policies: Policies, policy: Policy, ref: str, thresholds: Thresholds) -> Limits:
    def at(task: str, rate: float) -> float:
        for key, threshold in thresholds.get(task, {}).items():
            if float(key) == rate:
                return threshold
        raise ConfigError(f"{ref}: no threshold of task {task!r} for a false-positive rate of {rate}")

    block = policy.block_fpr
    return Limits(
        spam_flag=at("spam", policy.flag_fpr),
        spam_block=None if block is None else at("spam", block),
        phishing_flag=at("phishing", policy.flag_fpr),
        phishing_block=None if block is None else at("phishing", block),
        otp=at("otp", policies.otp_fpr),
    )
