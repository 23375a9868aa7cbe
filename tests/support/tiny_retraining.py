"""A tiny version that serves, the settings that retrain it, and feedback about it."""

from pathlib import Path

import msgspec

from training.examples import Example
from training.nets import tuned_weights
from training.recipe import Recipe
from training.settings import read_settings
from training.synthetic import generate

_RECIPE = """
gate_version: "1"
data: {nus: 60, nus_validation: 30, synthetic: 2000, synthetic_validation: 500}
gate:
  words: 400
  bigrams: 100
  grams: 800
  linear: {iterations: 20}
  trees:
    spam: {rounds: 20, leaves: 7}
    phishing: {rounds: 20, leaves: 7}
    otp: {rounds: 20, leaves: 7}
    intent: {rounds: 4, leaves: 7}
vocab_size: 700
pretraining_corpora: [nus, dstc8]
pretraining_texts: 1500
finetuning: {synthetic: 600, nus: 40}
net: {layers: 2, dim: 32, heads: 2, hidden: 64, max_tokens: 48}
pretrain: {steps: 6, tokens: 1024, rate: 1.0e-3, warmup: 2, checkpoint_every: 3}
nets:
  - {version: "1", layers: [1], max_tokens: 48, description: tiny, finetune: {epochs: 3, rate: 3.0e-3, warmup: 10}}
"""
_RETRAIN = """
recipe: training.yaml
net: "1"
finetune: {epochs: 2, rate: 1.0e-3, warmup: 2}
weight: 4
least_news: 20
messages: 400
gates:
  - {name: accuracy, figure: uci_test.accuracy, better: higher, bound: 0.72, tolerance: 0.1}
  - {name: recall, figure: uci_test.recall_at_fpr_0.005, better: higher, bound: 0.2, tolerance: 0.3}
  - {name: calibration, figure: uci_test.ece, better: lower, bound: 0.25, tolerance: 0.15}
  - {name: notices, figure: notices.alarm_rate, better: lower, bound: 0.05, tolerance: 0.05}
  - {name: passwords, figure: seed_synthetic.otp_recall, better: higher, bound: 0.4, tolerance: 0.3}
"""


class Serving(msgspec.Struct, frozen=True):
    store: Path
    config: Path  #: settings of retraining
    checkpoint: Path  #: of distilbert/1


def train_serving(folder: Path) -> Serving:
    """Publish distilbert/1 and lightgbm/1, trained on the corpora that WINNOW_DATA names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.yaml").write_text(_RECIPE)
    (folder / "retrain.yaml").write_text(_RETRAIN)
    recipe = Recipe(read_settings(folder / "training.yaml"), folder / "made")
    recipe.run()
    weights = tuned_weights(recipe.work(recipe.settings.nets[0]))
    return Serving(folder / "made" / "store", folder / "retrain.yaml", weights)


def feedback(count: int, seed: int = 5, *, flipped: bool = False) -> list[Example]:
    """What customers might say of generated messages; flipped, each says the contrary of what is true."""
    made = [each for each in generate(2 * count, seed) if each.spam is not None][:count]
    return [
        Example(
            text=each.text, spam=each.spam != flipped, phishing=None if flipped else each.phishing, source="feedback"
        )
        for each in made
    ]
