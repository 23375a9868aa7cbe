"""The loss counts the answer alone, padding changes nothing, and a run that is cut off goes on as if it never was."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from training.lora import tuning
from training.lora.model import load_base, with_adapter
from training.lora.settings import AdapterSettings, TuningSettings
from training.lora.tuning import Lesson, answer_loss, tune

LESSONS = [
    Lesson([5, 6, 7, 8, 9, 10, 11], [20, 21, 2]),
    Lesson([5, 6], [22, 23, 24, 25, 2]),
    Lesson([7, 8, 9], [20, 2]),
    Lesson([30, 31, 32, 33], [26, 27, 2]),
]
SETTINGS = TuningSettings(epochs=3, rate=1e-2, rows=2, at_once=1, warmup=2, checkpoint_every=1)


def fresh(base: Path) -> Any:
    return with_adapter(load_base(str(base)), AdapterSettings(), seed=1).model


def test_the_loss_is_that_of_the_answer_s_tokens(tiny_base: Path) -> None:
    model = fresh(tiny_base).eval()
    lesson = LESSONS[0]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([lesson.prompt + lesson.answer])).logits[0].log_softmax(-1)
        places = range(len(lesson.prompt) - 1, len(lesson) - 1)
        expected = -sum(logits[place, token] for place, token in zip(places, lesson.answer, strict=True))
        assert answer_loss(model, [lesson]).item() == pytest.approx(float(expected), rel=1e-5)


def test_padding_changes_nothing(tiny_base: Path) -> None:
    model = fresh(tiny_base).eval()
    with torch.no_grad():
        together = answer_loss(model, LESSONS).item()
        assert together == pytest.approx(sum(answer_loss(model, [each]).item() for each in LESSONS), rel=1e-5)


def test_the_base_is_frozen_and_its_answers_are_untouched_at_first(tiny_base: Path) -> None:
    base, model = load_base(str(tiny_base)).model.eval(), fresh(tiny_base).eval()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all("lora_" in name for name in trained)
    assert {name.split(".")[-4] for name in trained} == set(AdapterSettings().modules)
    with torch.no_grad():
        assert answer_loss(model, LESSONS).item() == answer_loss(base, LESSONS).item()


def test_a_run_that_is_cut_off_ends_as_one_that_is_not(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = fresh(tiny_base), fresh(tiny_base)
    losses = tune(whole, LESSONS, SETTINGS, tmp_path / "whole")
    step = tuning._step

    def failing(*arguments: Any) -> float:
        if arguments[2] == 4:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(tuning, "_step", failing)
    every_third = msgspec.structs.replace(SETTINGS, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        tune(cut, LESSONS, every_third, tmp_path / "cut")
    monkeypatch.undo()
    resumed = fresh(tiny_base)
    assert tune(resumed, LESSONS, every_third, tmp_path / "cut") == losses
    expected = whole.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.state_dict().items())


def test_every_epoch_holds_every_row_once_in_a_new_order() -> None:
    epochs = [[i for step in range(2) for i in tuning._chosen(4, 2 * epoch + step, 2, SETTINGS)] for epoch in range(6)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in epochs)
    assert len(set(map(tuple, epochs))) > 1
