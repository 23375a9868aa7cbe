import msgspec
import pytest

from pipeline.evidence import Bucket, Count, Evidence
from pipeline.findings import NOT_ENOUGH, Report, finding, report
from pipeline.trial import Arm, Span, Trial
from pipeline.wording import e_value, figures, percent

OLD, NEW = "distilbert/3", "distilbert/4"
CLEAR = Bucket(Count(55, 5_000), Count(10, 5_000))


def trial(**questions: Bucket) -> Trial:
    return Trial(Arm(OLD, Count(2, 9_000), 41.0), Arm(NEW, Count(1, 1_000), 44.0)).add(Span(**questions))


def turned(bucket: Bucket) -> Bucket:
    return Bucket(bucket.treatment, bucket.control)


@pytest.mark.parametrize(
    ("question", "kept_as", "bucket", "side", "words"),
    [
        ("false alarms", "false_alarms", CLEAR, "better",
         f"{NEW} flags fewer legitimate messages than {OLD} (0.2 % against 1.1 %)"),
        ("false alarms", "false_alarms", turned(CLEAR), "worse",
         f"{NEW} flags more legitimate messages than {OLD} (1.1 % against 0.2 %)"),
        ("recall", "misses", CLEAR, "better", f"{NEW} catches more spam than {OLD} (99.8 % against 98.9 %)"),
        ("recall", "misses", turned(CLEAR), "worse", f"{NEW} catches less spam than {OLD} (98.9 % against 99.8 %)"),
    ],
)  # fmt: skip
def test_evidence_is_told_in_words(question, kept_as: str, bucket: Bucket, side: str, words: str) -> None:
    found = finding(trial(**{kept_as: bucket}), question)
    assert found.side == side
    assert found.e_value > 1e6
    assert found.verdict == f"{words}, e-value over a million"


@pytest.mark.parametrize(
    ("bucket", "side", "words"),
    [
        (CLEAR, "better", f"{NEW} fails less often than {OLD} (0.2 % against 1.1 %)"),
        (turned(CLEAR), "worse", f"{NEW} fails more often than {OLD} (1.1 % against 0.2 %)"),
    ],
)
def test_failures_are_told_once_they_lasted_and_without_an_interval(bucket: Bucket, side: str, words: str) -> None:
    told = trial(failures=bucket)
    assert finding(told, "failures").verdict == NOT_ENOUGH  # a clump
    for _ in range(1_500):
        told = told.add(Span(failures=bucket))
    found = finding(told, "failures")
    assert (found.side, found.gap) == (side, None)
    assert found.verdict.startswith(f"{words}, e-value")
    assert report("spam", told.control, [told]).control.failures.interval is None


def test_a_report_says_where_one_tenant_is_all_there_is() -> None:
    others = Bucket(Count(1, 100), Count(1, 100))
    without = {"loud": Span(others), **{name: Span(CLEAR) for name in ("acme", "bank")}}
    told = trial().add(Span(CLEAR), without)
    assert finding(told, "false alarms").verdict.endswith(
        "e-value over a million; without the labels of one tenant there is not enough evidence"
    )
    quiet = trial().add(Span(CLEAR), {"loud": Span(others)})
    assert finding(quiet, "false alarms").verdict.endswith("e-value over a million")  # it is the only one


@pytest.mark.parametrize(
    ("task", "question", "words"),
    [
        ("phishing", "false alarms", "calls fewer legitimate messages phishing than"),
        ("phishing", "recall", "recognises more phishing than"),
        ("otp", "false alarms", "calls fewer other messages one-time passwords than"),
        ("otp", "recall", "recognises more one-time passwords than"),
        ("intent", "recall", "names the purpose rightly more often than"),
        ("intent", "failures", "fails less often than"),
    ],
)
def test_every_task_has_words_of_its_own(task: str, question, words: str) -> None:
    failing = Evidence(CLEAR.control, CLEAR.treatment, 30.0, (20.0,) * 15 + (0.0,) * 15)
    told = msgspec.structs.replace(trial(false_alarms=CLEAR, misses=CLEAR), task=task, failures=failing)
    assert words in finding(told, question).verdict


def test_intents_have_no_false_alarms_to_report() -> None:
    told = msgspec.structs.replace(trial(), task="intent")
    (compared,) = report("intent", told.control, [told]).compared
    assert [each.question for each in compared.findings] == ["recall", "failures"]


def test_no_labels_and_few_labels_are_not_enough() -> None:
    for bucket in (Bucket(), Bucket(Count(2, 300), Count(5, 300))):
        found = finding(trial(false_alarms=bucket), "false alarms")
        assert (found.side, found.verdict) == ("unknown", NOT_ENOUGH)
        assert found.gap[0] < 0 < found.gap[1]


def test_the_e_value_must_reach_one_in_alpha() -> None:
    evidence = Evidence()
    while evidence.either < 20:
        evidence = evidence.add(Bucket(Count(1, 100), Count(0, 100)))
    known = msgspec.structs.replace(trial(), false_alarms=evidence)
    told = f"{NEW} flags fewer legitimate messages than {OLD} (0 % against 1.0 %), e-value {evidence.either:.0f}"
    assert finding(known, "false alarms").verdict == told
    assert finding(known, "false alarms", alpha=0.01).verdict == NOT_ENOUGH


def test_the_gap_has_the_sign_of_the_question() -> None:
    """Fewer alarms are less, fewer misses are more recall."""
    found = trial(false_alarms=CLEAR, misses=CLEAR)
    assert finding(found, "false alarms").gap[1] < 0
    assert finding(found, "recall").gap[0] > 0


def test_totals_that_contradict_the_evidence_are_not_shown() -> None:
    """The treatment was better on calm days and on bad ones, but had its traffic on the bad ones."""
    calm, bad = Bucket(Count(90, 9_000), Count(0, 1_000)), Bucket(Count(150, 1_000), Count(800, 9_000))
    found = finding(trial(false_alarms=calm).add(Span(false_alarms=bad)), "false alarms")
    assert found.side == "better"
    assert f"than {OLD} (800 where {found.expected:.1f} were to be expected), e-value" in found.verdict
    assert found.expected == pytest.approx(864.0)


def test_a_report_tells_every_arm() -> None:
    first = trial(false_alarms=CLEAR, misses=Bucket(Count(10, 200), Count(12, 200)))
    second = msgspec.structs.replace(trial(), treatment=Arm("lightgbm/2", Count()))
    found = report("spam", first.control, [first, second])
    assert (found.control.arm, found.control.exposures, found.control.p99_ms) == (OLD, 9_000, 41.0)
    assert (found.control.fpr.hits, found.control.recall.hits, found.control.failures.hits) == (55, 190, 2)
    assert [each.treatment.arm for each in found.compared] == [NEW, "lightgbm/2"]
    new, other = found.compared
    assert new.treatment.recall.value == pytest.approx(0.94)
    assert new.treatment.recall.interval is not None and new.treatment.recall.interval[0] < 0.94
    assert [each.side for each in new.findings] == ["better", "unknown", "unknown"]
    assert (other.treatment.fpr.value, other.treatment.fpr.interval) == (None, None)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Report) == found


def test_a_report_of_one_arm_has_nothing_to_compare() -> None:
    found = report("spam", Arm(OLD, Count(0, 10)), [])
    assert found.compared == []
    assert found.control.exposures == 10


@pytest.mark.parametrize(
    ("share", "words"), [(0.002, "0.2 %"), (0.011, "1.1 %"), (0.992, "99.2 %"), (0.00034, "0.034 %"), (0.0, "0 %")]
)
def test_shares_in_words(share: float, words: str) -> None:
    assert percent(share) == words


def test_e_values_in_words() -> None:
    assert [e_value(value) for value in (31.4, 999_999.0, 1e9)] == ["31", "999999", "over a million"]


def test_an_arm_without_labels_has_no_rate_to_tell() -> None:
    assert figures(Evidence()) == "0 where 0.0 were to be expected"
