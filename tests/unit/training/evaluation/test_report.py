"""The report and its plots on a tiny set."""

import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.errors import ConfigError
from training.evaluation import plots
from training.evaluation.figures import intent_figures, policy_figures, qualities, task_figures
from training.evaluation.groups import groups
from training.evaluation.judged import Judged
from training.evaluation.markdown import figure, table
from training.evaluation.report import render
from training.evaluation.results import Disguised, Results, SetResult, Traffic
from training.intervals import UNDEFINED, Figure

ROWS = [
    Judged(
        set="tiny|set", index=i, spam=spam, phishing=spam, otp=not spam, intent="NOT_OTP" if spam else "APP_LOGIN_OTP",
        kind="phishing_bank" if spam else "otp", country="IN", script="Latin", action="block" if called else "deliver",
        is_spam=called, is_phishing=called, is_otp=not called, spam_score=score, phishing_score=score,
        otp_score=1 - score, otp_intent=None if called else "APP_LOGIN_OTP", decided_by="gate",
    )
    for i, (spam, called, score) in enumerate(
        [(True, True, 0.99), (True, True, 0.9), (True, False, 0.3), (False, True, 0.8), *[(False, False, 0.05)] * 6]
    )
]  # fmt: skip


def traffic(p95: float, *, per_message: bool) -> Traffic:
    latencies = {"p50": 9.0, "p95": p95, "p99": 99.0}
    return Traffic("sent so", 10, 10, {}, 100.0, latencies, {"miss": 9, "memory": 1}, {}, {}, {}, per_message)


def result(p95: float = 12.0) -> SetResult:
    return SetResult(
        name="tiny|set",
        digest="d",
        rows=10,
        positives=3,
        quality=qualities(ROWS),
        traffic=[traffic(99.0, per_message=False), traffic(p95, per_message=True)],
        differing=0,
        tasks=task_figures(ROWS),
        intents=intent_figures(ROWS),
        groups=groups(ROWS),
        robustness=[Disguised("leet", 3, 0.75, 0.5, 3, 1.0, 0.25, 7, 1, 2)],
        policies=policy_figures({"strict": ROWS}),
    )


def report(**changes: float) -> str:
    return render(Results("a server", {"spam": "distilbert/9"}, [result(**changes)]))


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_the_report_holds_our_figures_beside_the_published_ones():
    text = report()
    assert "distilbert/9" in text
    assert lines(text, "| LightGBM, then Groq")[0].endswith("| 92 % | 0.91 |")
    assert lines(text, "| **Winnow** | phishing")[0] == "| **Winnow** | phishing | tiny\\|set | 80.00 % | 0.667 |"
    assert "| otp | 7 | 7 | 1 | 14.3 | 1 | 0 | – | 1 | 1 | 6 | 1 |" in text
    assert "| leet | 3 | 75.0 | 50.0 | 3 | 100.0 | 25.0 | 7 | 1 | 2 |" in text
    assert lines(text, "| strict |")[0].startswith("| strict | 7 | 0 | 3 |")


def test_targets_are_met_or_missed():
    met = lines(report(), "| tiny\\|set | **missed**: 80.00")[0]
    assert "**missed**: 14.29" in met and "| met: 9.0 / 12.0 (sent so) |" in met
    assert "**missed**: 9.0 / 80.0" in report(p95=80.0)


def test_plots_are_drawn_and_linked(tmp_path: Path):
    drawn = plots.draw(result(), ROWS, tmp_path)
    tasks = [f"{plot} {task}" for task in ("spam", "phishing", "otp") for plot in ("roc", "reliability")]
    assert list(drawn) == [*tasks, "kinds", "intents", "robustness"]
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in drawn.values())
    text = render(Results("a server", {}, [result()]), {"tiny|set": drawn})
    assert all(f"]({file})" in text for file in drawn.values())


def test_a_set_of_one_side_has_no_curve(tmp_path: Path):
    ham = [row for row in ROWS if not row.spam]
    bare = SetResult(name="ham", rows=7, positives=0, quality=[], traffic=[], differing=0, tasks=task_figures(ham))
    assert plots.draw(bare, ham, tmp_path) == {}
    text = render(Results("a server", {}, [bare]))
    assert "| ham | – | **missed**: 14.29 |" in text


def test_without_matplotlib_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="pip install matplotlib"):
        plots.require()


def test_results_survive_json():
    results = Results("a server", {}, [result()])
    assert msgspec.json.decode(msgspec.json.encode(results), type=Results) == results


def test_markdown():
    assert table(("a", "b"), [("x\ny", "1|2")]) == "| a | b |\n|---|---:|\n| x y | 1\\|2 |"
    assert figure(Figure(0.5, (0.25, 0.75))) == "50.00 [25.00, 75.00]"
    assert figure(UNDEFINED) == "–"
