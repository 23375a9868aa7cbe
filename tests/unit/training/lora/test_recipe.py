"""The whole recipe on a tiny random base: it learns, saves what other servers read, and is the same when loaded."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.clients.groq_prompt import read_label
from pipeline.errors import ConfigError
from pipeline.types import INTENTS
from tests.unit.training.lora.conftest import Run
from training.lora.__main__ import main
from training.lora.card import CARD, METRICS, Metrics
from training.lora.data import GRAMMAR
from training.lora.judging import Choice, choose, judge
from training.lora.model import Language, load_adapter, load_base, with_adapter
from training.lora.prompt import Prompts, messages, written
from training.lora.recipe import MERGED, run
from training.lora.settings import AdapterSettings

TOLERANCE = 1e-3  #: of log-probabilities


def loaded(trial: Run) -> Language:
    return load_adapter(load_base(trial.settings.base), trial.adapter)


def choices(language: Language, trial: Run) -> list[Choice]:
    rows = trial.data.taught
    return choose(language, [example.text for example in rows], [example.sender for example in rows])


def figures(trial: Run) -> Metrics:
    return msgspec.json.decode((trial.adapter / METRICS).read_bytes(), type=Metrics)


def test_the_loss_falls(tiny_run: Run) -> None:
    metrics = figures(tiny_run)
    assert metrics.last_loss < metrics.first_loss / 10


def test_it_has_learned_what_it_was_taught(tiny_run: Run) -> None:
    base = judge(load_base(tiny_run.settings.base, "appendix"), "taught", tiny_run.data.taught)
    taught = judge(loaded(tiny_run), "taught", tiny_run.data.taught)
    assert base.readable == 0.0 and base.intents.macro_f1 < 0.5
    assert taught.readable > 0.9 and taught.intents.macro_f1 > 0.9


def test_the_adapter_is_in_peft_s_format(tiny_run: Run) -> None:
    config = json.loads((tiny_run.adapter / "adapter_config.json").read_text())
    assert (config["peft_type"], config["task_type"], config["bias"]) == ("LORA", "CAUSAL_LM", "none")
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (8, 16, 0.05)
    assert set(config["target_modules"]) == set(AdapterSettings().modules)
    assert config["base_model_name_or_path"] == tiny_run.settings.base
    tensors = load_file(tiny_run.adapter / "adapter_model.safetensors")
    assert len(tensors) == 2 * 7 * 2  # A and B of seven modules in two layers
    assert all(min(tensor.shape) == 8 for tensor in tensors.values())


def test_what_is_loaded_again_gives_the_same_answers(tiny_run: Run) -> None:
    trained = with_adapter(load_base(tiny_run.settings.base, "appendix"), tiny_run.settings.adapter, 0)
    state = load_file(tiny_run.out / "state" / "adapter.safetensors")
    weights = [parameter for parameter in trained.model.parameters() if parameter.requires_grad]
    for place, parameter in enumerate(weights):
        parameter.data.copy_(state[f"model.{place}"])
    trained.model.eval()
    before, after = choices(trained, tiny_run), choices(loaded(tiny_run), tiny_run)
    assert all(np.array_equal(one.scores, two.scores) for one, two in zip(before, after, strict=True))
    assert [choice.written for choice in before] == [choice.written for choice in after]


def test_base_and_adapter_merged_give_the_same_answers(tiny_run: Run) -> None:
    apart, merged = choices(loaded(tiny_run), tiny_run), choices(load_base(str(tiny_run.out / MERGED)), tiny_run)
    assert [choice.label for choice in apart] == [choice.label for choice in merged]
    assert all(np.allclose(a.scores, m.scores, atol=TOLERANCE) for a, m in zip(apart, merged, strict=True))


def test_scores_are_those_of_whole_sequences(tiny_run: Run) -> None:
    language, example = loaded(tiny_run), tiny_run.data.judged[GRAMMAR][0]
    prompts = Prompts(language.tokenizer)
    prompt = prompts.encode(example.text, example.sender)
    (choice,) = choose(language, [example.text], [example.sender])
    for ids, score in zip(prompts.answers, choice.scores, strict=True):
        with torch.no_grad():
            likely = language.model(input_ids=torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
        expected = sum(float(likely[len(prompt) - 1 + i, token]) for i, token in enumerate(ids))
        assert score == pytest.approx(expected, abs=TOLERANCE)


def test_what_is_written_unbidden_is_what_the_model_generates(tiny_run: Run) -> None:
    language = loaded(tiny_run)
    tokenizer, some = language.tokenizer, [*tiny_run.data.judged[GRAMMAR][::5], *tiny_run.data.taught[::9]]
    for example in some:
        prompt = tokenizer(written(tokenizer, messages(example.text, example.sender)), return_tensors="pt")
        whole = language.model.generate(**prompt, max_new_tokens=40, do_sample=False)
        text = tokenizer.decode(whole[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        (choice,) = choose(language, [example.text], [example.sender])
        assert choice.written == read_label(text)


def test_figures_and_card_lie_beside_the_adapter(tiny_run: Run) -> None:
    metrics, card = figures(tiny_run), (tiny_run.adapter / CARD).read_text()
    assert metrics.rows == len(tiny_run.data.taught) and metrics.too_long == 0
    assert metrics.after[GRAMMAR].intents.rows == len(tiny_run.data.judged[GRAMMAR])
    assert len(metrics.after[GRAMMAR].intents.confusion) == len(INTENTS)
    assert f"{metrics.parameters:,} weights" in card and GRAMMAR in card
    assert not any(example.text in card for example in tiny_run.data.judged[GRAMMAR])


def test_a_second_run_changes_nothing(tiny_run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_run.out.rglob("*") if path.is_file()}
    run(tiny_run.settings, tiny_run.out)
    assert before == {path: path.stat().st_mtime_ns for path in tiny_run.out.rglob("*") if path.is_file()}


def test_a_folder_of_other_settings_is_refused(tiny_run: Run) -> None:
    other = msgspec.structs.replace(tiny_run.settings, adapter=AdapterSettings(rank=4))
    with pytest.raises(ConfigError, match="other settings or data"):
        run(other, tiny_run.out)


def test_what_is_no_base_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    with pytest.raises(ConfigError, match="no causal language model there"):
        load_base(str(tmp_path))
    with pytest.raises(ConfigError, match="no module called c_attn"):
        with_adapter(load_base(str(tiny_base)), AdapterSettings(modules=("q_proj", "c_attn")), 0)
    with pytest.raises(ConfigError, match="no adapter of this base"):
        load_adapter(load_base(str(tiny_base)), tmp_path)


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.yaml"):
        main(["--config", str(tmp_path / "nowhere.yaml"), "--out", str(tmp_path)])
