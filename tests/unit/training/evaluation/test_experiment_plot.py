import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.evidence import Bucket, Count
from pipeline.findings import Compared, Point, Report, Series, report
from pipeline.trial import Arm, Question, Span, Trial
from training.evaluation.experiment_plot import draw

OLD, NEW = "distilbert/3", "distilbert/4"
PNG = b"\x89PNG\r\n\x1a\n"


def height(path: Path) -> int:
    """Of a PNG, in pixels."""
    data = path.read_bytes()
    assert data.startswith(PNG)
    return int.from_bytes(data[20:24])


def reported(hours: int) -> Report:
    """A treatment that flags two points more; its p99 and failures are alike."""
    rng = np.random.default_rng(1)
    trial = Trial(Arm(OLD, Count()), Arm(NEW, Count()))
    points: dict[Question, list[Point]] = {"false alarms": [], "recall": [], "failures": []}
    for hour in range(hours):
        alarms, misses, failures = (
            Bucket(Count(int(rng.binomial(rows, p)), rows), Count(int(rng.binomial(rows, q)), rows))
            for rows, p, q in ((120, 0.01, 0.03), (60 * (hour % 3), 0.05, 0.05), (9000, 0.0005, 0.0005))
        )
        trial = trial.add(Span(alarms, misses, failures))
        for question, known in points.items():
            found = trial.evidence(question)
            known.append(Point(1.7e9 + 3600 * hour, found.control, found.treatment, found.either))
    plain = report("spam", trial.control, [trial])
    (compared,) = plain.compared
    series = [Series(question, known) for question, known in points.items()]
    told = [Compared(compared.treatment, compared.findings, series)]
    return Report(plain.task, plain.alpha, plain.control, told, revision=7)


def test_every_question_has_a_row(tmp_path: Path) -> None:
    many, one = reported(48), reported(48)
    del one.compared[0].series[1:]
    draw(many, tmp_path / "many.png")
    draw(one, tmp_path / "one.png")
    assert height(tmp_path / "many.png") > 2 * height(tmp_path / "one.png")


@pytest.mark.parametrize("hours", [0, 1])
def test_little_can_be_drawn_as_well(tmp_path: Path, hours: int) -> None:
    draw(reported(hours), tmp_path / "little.png")
    assert height(tmp_path / "little.png") > 0


def test_an_experiment_of_one_arm_can_be_drawn(tmp_path: Path) -> None:
    draw(report("spam", Arm(OLD, Count(0, 10)), []), tmp_path / "alone.png")
    assert height(tmp_path / "alone.png") > 0


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="matplotlib"):
        draw(reported(1), tmp_path / "none.png")
