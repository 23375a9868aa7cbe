import pytest

from pipeline.evidence import Bucket, Count
from pipeline.judgement import Judgement, Label, heard, judge, span
from pipeline.types import INTENTS, NOT_OTP

RIGHT, ALARM = Judgement("negative", False), Judgement("negative", True)
CAUGHT, MISSED = Judgement("positive", False), Judgement("positive", True)


@pytest.mark.parametrize(
    ("task", "label", "said", "expected"),
    [
        ("spam", "ham", "spam", ALARM),
        ("spam", "ham", "ham", RIGHT),
        ("spam", "spam", "ham", MISSED),
        ("spam", "spam", "spam", CAUGHT),
        ("spam", "phishing", "ham", MISSED),
        ("spam", "otp", "spam", None),
        ("phishing", "ham", "phishing", ALARM),
        ("phishing", "phishing", "not_phishing", MISSED),
        ("phishing", "phishing", "phishing", CAUGHT),
        ("phishing", "spam", "not_phishing", None),  # spam may be phishing, or not
        ("otp", "not_otp", "otp", ALARM),
        ("otp", NOT_OTP, "otp", ALARM),
        ("otp", NOT_OTP, "not_otp", RIGHT),
        ("otp", "otp", "not_otp", MISSED),
        ("otp", "APP_LOGIN_OTP", "not_otp", MISSED),
        ("otp", "ham", "otp", None),
        ("intent", "APP_LOGIN_OTP", "APP_LOGIN_OTP", CAUGHT),
        ("intent", "APP_LOGIN_OTP", "KYC_OR_ESIGN_OTP", MISSED),
        ("intent", "APP_LOGIN_OTP", NOT_OTP, MISSED),
        ("intent", NOT_OTP, "APP_LOGIN_OTP", None),
        ("intent", "otp", "APP_LOGIN_OTP", None),
    ],
)
def test_a_label_judges_a_verdict(task: str, label: str, said: str, expected: Judgement | None) -> None:
    assert judge(task, label, {task: said}) == expected


@pytest.mark.parametrize("task", ["spam", "phishing", "otp", "intent"])
def test_only_labels_that_are_heard_judge_and_only_where_something_was_decided(task: str) -> None:
    for label in ("spam", "ham", "phishing", "otp", "not_otp", *INTENTS):
        assert (judge(task, label, {task: "spam"}) is not None) == (label in heard(task))
        assert judge(task, label, {}) is None


def label(arm: str, said: str, what: str = "ham") -> Label:
    return Label("unit", arm, 1, what, {"spam": said})


def test_labels_of_a_bucket_are_counted_by_arm_and_kind() -> None:
    labels = [
        label("net/3", "ham"),
        label("net/3", "spam"),
        label("net/4", "spam"),
        label("net/4", "ham", "phishing"),
        label("net/4", "spam", "not_otp"),
    ]
    found = span("spam", labels, "net/4")
    assert found.false_alarms == Bucket(Count(1, 2), Count(1, 1))
    assert found.misses == Bucket(Count(0, 0), Count(1, 1))
    assert found.failures == Bucket()
