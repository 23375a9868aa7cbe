"""Which versions answer, and which see a copy."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.router import Router
from pipeline.routing import TASKS, Experiment
from pipeline.types import Credit, Versions

PARTNERS = {"distilbert/1": "lightgbm/1", "distilbert/2": "lightgbm/1", "distilbert/3": "lightgbm/3"}
DEFAULTS = {"spam": "distilbert/1"} | dict.fromkeys(("phishing", "otp", "intent"), "lightgbm/1")
DEFAULT = Versions("distilbert/1", *("lightgbm/1",) * 4)
ALL = {*PARTNERS, "lightgbm/1", "lightgbm/2", "lightgbm/3"}


def routed(*experiments: Experiment, ready: set[str] = ALL) -> Router:
    router = Router(DEFAULTS, PARTNERS.__getitem__)
    router.adopt(experiments, ready)
    return router


def spam(revision: int = 1, shadow: dict[str, float] | None = None, **arms: float) -> Experiment:
    refs = {name.replace("_", "/"): weight for name, weight in arms.items()}
    return Experiment("spam", refs, "sender", "salt", revision, shadow or {})


def test_without_experiments_the_defaults_answer():
    route = routed().route("+1", "+2", "m")
    assert (route.versions, route.experiment, route.arms) == (DEFAULT, None, {})


def test_a_transformer_brings_the_bundle_that_it_is_calibrated_with():
    route = routed(spam(distilbert_3=1.0)).route("+1", "+2", "m")
    assert route.versions == Versions("distilbert/3", "lightgbm/3", *("lightgbm/1",) * 3)


def test_each_task_has_an_experiment_of_its_own():
    otp = Experiment("otp", {"lightgbm/2": 1.0}, "recipient", "pepper", 4)
    route = routed(spam(7, distilbert_2=1.0), otp).route("+1", "+2", "m")
    assert route.versions == Versions("distilbert/2", "lightgbm/1", "lightgbm/1", "lightgbm/2", "lightgbm/1")
    assert route.experiment == {"spam": Credit("distilbert/2", 7), "otp": Credit("lightgbm/2", 4)}
    assert route.arms == {"spam": ("distilbert/2", 7), "otp": ("lightgbm/2", 4)}
    assert route.sticks_to_recipient


def test_an_ended_experiment_routes_nobody():
    assert routed(Experiment("spam", {}, "sender", "salt", 9)).route("+1", "", "m").experiment is None


@given(st.floats(0.01, 100.0), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20))
def test_arms_that_are_not_ready_wait_and_nobody_else_moves(weight: float, senders: list[str]):
    """Their keys go to the others; whoever was on a ready arm before stays there when the last one becomes ready."""
    experiment = spam(distilbert_1=1.0, distilbert_2=1.0, distilbert_3=weight)
    before = routed(experiment, ready={"distilbert/1", "distilbert/2"})
    after = routed(experiment)
    for sender in senders:
        first = before.route(sender, "", "m").versions.spam
        second = after.route(sender, "", "m").versions.spam
        assert first != "distilbert/3"
        assert second in {first, "distilbert/3"}


def test_the_answer_names_the_default_where_no_arm_is_ready():
    route = routed(spam(distilbert_3=1.0), ready={"distilbert/1"}).route("+1", "", "m")
    assert (route.versions, route.experiment) == (DEFAULT, None)


def test_different_versions_have_different_tags():
    routes = [
        routed(*each).route("+1", "", "m")
        for each in (
            (),
            (spam(distilbert_2=1.0),),
            *((Experiment(task, {"lightgbm/2": 1.0}, "sender", "s", 1),) for task in TASKS if task != "spam"),
        )
    ]
    assert len({route.tag for route in routes}) == len(routes)


def test_shadows_see_their_share_of_copies_and_never_what_answers_anyway():
    router = routed(spam(shadow={"distilbert/2": 0.25, "distilbert/1": 1.0, "distilbert/9": 1.0}, distilbert_1=1.0))
    assert router.has_copies
    seen: Counter[str] = Counter()
    for i in range(2000):
        route = router.route(f"+{i}", "", "m")
        for copy in router.copies(route, f"+{i}", "", "m"):
            seen[copy.arm] += 1
            assert copy.versions == Versions("distilbert/2", *("lightgbm/1",) * 4)
    assert set(seen) == {"distilbert/2"}
    assert abs(seen["distilbert/2"] - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5
    assert not routed(spam(distilbert_1=1.0)).has_copies
