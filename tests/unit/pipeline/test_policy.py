from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.policy import LimitBook, Limits, decide, load_policies
from pipeline.types import Assessment, ListName, RuleHit

SHIPPED = Path(__file__).parents[3] / "configs" / "policies.yaml"
TEXT = SHIPPED.read_text()

LIMITS = Limits(spam_flag=0.6, spam_block=0.9, phishing_flag=0.5, phishing_block=0.8, otp=0.5)
THRESHOLDS = {"0.0002": 0.97, "0.001": 0.8, "0.005": 0.5}


def assessed(
    spam: float | None, phishing: float | None = 0.0, otp: float | None = 0.0, lists: tuple[ListName, ...] = ()
) -> Assessment:
    hits = tuple(RuleHit("LIST", 0.0, "an entry", decides=name) for name in lists)
    return Assessment(spam, phishing, otp, "NOT_OTP", 0.0, hits, "ensemble", "distilbert/1", {})


@pytest.mark.parametrize(
    ("assessment", "action", "is_spam", "is_phishing", "is_otp"),
    [
        (assessed(0.59), "deliver", False, False, False),
        (assessed(0.6), "flag", True, False, False),
        (assessed(0.9), "block", True, False, False),
        (assessed(0.1, 0.5), "flag", False, True, False),
        (assessed(0.1, 0.8), "block", False, True, False),
        (assessed(0.95, 0.1, 0.9), "flag", True, False, True),
        (assessed(0.95, 0.6, 0.9), "block", True, True, True),
        (assessed(0.95, None, 0.9), "flag", True, None, True),
        (assessed(None, None, None), "deliver", None, None, None),
        (assessed(None, 0.9, None), "block", None, True, None),
        (assessed(0.95, None, None), "block", True, None, None),
        (assessed(0.99, 0.99, 0.0, ("allow",)), "deliver", False, False, False),
        (assessed(0.01, 0.01, 0.99, ("deny",)), "block", True, False, True),
        (assessed(None, None, None, ("deny",)), "block", True, None, None),
        (assessed(0.01, 0.01, 0.0, ("allow", "deny")), "block", True, False, False),
    ],
)
def test_decisions(
    assessment: Assessment, action: str, is_spam: bool | None, is_phishing: bool | None, is_otp: bool | None
) -> None:
    decision = decide(assessment, LIMITS)
    assert (decision.action, decision.is_spam, decision.is_phishing, decision.is_otp) == (
        action,
        is_spam,
        is_phishing,
        is_otp,
    )


probabilities = st.one_of(st.none(), st.floats(0, 1))


@given(probabilities, probabilities, probabilities)
def test_a_policy_without_block_thresholds_never_blocks_by_score(
    spam: float | None, phishing: float | None, otp: float | None
) -> None:
    lenient = msgspec.structs.replace(LIMITS, spam_block=None, phishing_block=None)
    assert decide(assessed(spam, phishing, otp), lenient).action != "block"


@given(st.floats(0, 1), st.floats(0, 0.49), st.floats(0.5, 1))
def test_an_otp_that_is_not_phishing_is_never_blocked_by_score(spam: float, phishing: float, otp: float) -> None:
    assert decide(assessed(spam, phishing, otp), LIMITS).action != "block"


def test_the_limits_of_each_task_are_those_of_the_version_that_scores_it() -> None:
    policies = load_policies(TEXT, "policies.yaml")
    book = LimitBook(policies, {"rules": {"spam": THRESHOLDS}})
    book.add("distilbert/1", {"spam": {"0.0002": 0.99, "0.001": 0.9, "0.005": 0.7}})
    for ref, otp in (("lightgbm/1", 0.5), ("lightgbm/2", 0.25)):
        book.add(ref, {"spam": THRESHOLDS, "phishing": THRESHOLDS, "otp": {"0.005": otp}}, ("spam", "phishing", "otp"))
    assert policies.default == "moderate"
    assert book.limits("strict", "distilbert/1", "lightgbm/1", "lightgbm/2") == Limits(0.7, 0.9, 0.5, 0.8, 0.25)
    assert book.limits("moderate", "rules", "lightgbm/1", "lightgbm/1") == Limits(0.8, 0.97, 0.8, 0.97, 0.5)
    assert book.limits("lenient", "distilbert/1", "lightgbm/2", "lightgbm/1") == Limits(0.99, None, 0.97, None, 0.5)


@pytest.mark.parametrize("phishing", [{}, {"0.001": 0.5}])
def test_a_rate_without_threshold_is_refused_by_name(phishing: dict[str, float]) -> None:
    book = LimitBook(load_policies(TEXT, "policies.yaml"))
    with pytest.raises(ConfigError, match=r"lightgbm/1: .*'phishing'.*0\.00"):
        book.add("lightgbm/1", {"spam": THRESHOLDS, "phishing": phishing}, ("spam", "phishing"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("flag_fpr: 0.005", "flag_fpr: 2", r"p\.yaml:4: policies\.strict\.flag_fpr: Expected `float` < 1"),
        ("flag_fpr: 0.005", "flag_rate: 0.005", r"p\.yaml:4: policies\.strict\.flag_rate: .*unknown"),
        ("block_fpr: 0.001}", "block_fpr: 0.01}", r"p\.yaml:4: policies\.strict\.block_fpr: blocks more"),
        ("  lenient:", "  lax:", r"p\.yaml:6: policies\.lax: .*unknown"),
        ("  lenient:", "  strict:", r"p\.yaml:6: key 'strict' stands here twice"),
        ("default: moderate", "default: medium", r"p\.yaml:7: default: Invalid enum"),
        ("default: moderate", "default: [", r"p\.yaml:\d+: "),
        ("otp_fpr: 0.005", "", r"p\.yaml:1: .*missing required field `otp_fpr`"),
        ("default: moderate", "default: !!python/object:os.x {}", r"p\.yaml:7: could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_refused_with_file_line_and_key(old: str, new: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_policies(TEXT.replace(old, new), "p.yaml")


@pytest.mark.parametrize("text", ["", "\x00", "- a", "policies: {"])
def test_a_text_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml"):
        load_policies(text, "p.yaml")
