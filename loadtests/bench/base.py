"""One connection with a transformer of DistilBERT-base's size (66M parameters) in place of the shipped one.

Its weights are random: what a model says does not change what it costs. Needs the environment of training (torch).
"""

import shutil
from pathlib import Path

import msgspec

from configs.settings import ROOT, Settings
from loadtests.bench.phases import checked, generate
from loadtests.bench.servers import Server, serving
from model_store.manifest import Manifest
from model_store.store import SHIPPED, LocalStore, describe_files

REF = "distilbert/base"
WARM = 50


def measure(texts: list[str], folder: Path) -> str:
    """A sentence with the latencies of every message through every stage, one at a time.

    Args:
        texts: distinct ones.
        folder: for the model and the config file.
    """
    store = folder / "store"
    shutil.copytree(SHIPPED / "lightgbm", store / "lightgbm")
    _publish(LocalStore(store), folder / "net")
    profile = msgspec.yaml.decode((ROOT / "configs" / "serve.compact.yaml").read_bytes())
    profile["applications"][0]["args"] |= {
        "models": {"root": str(store), "transformers": [REF]},
        "cascade": {"enabled": False},
        "assess_lane": {"memory_items": 0, "ttl_s": 0},
    }
    config = folder / "serve.yaml"
    config.write_bytes(msgspec.yaml.encode(profile))
    with serving(Server(name="Winnow", setting="66M parameters", kind="winnow", config=config)) as target:
        checked(target, "warm-up", generate(target.plan(texts[:WARM], 1)))
        found = checked(target, "one", generate(target.plan(texts[WARM:], 1))).accepted
    return (
        f"66M parameters on every message, one connection, {len(texts) - WARM} messages: "
        f"p50 {found.p50:.1f} ms, p95 {found.p95:.1f} ms, p99 {found.p99:.1f} ms"
    )


def _publish(store: LocalStore, folder: Path) -> None:
    """A net of the base's size under the manifest of the shipped one."""
    from tokenizers import Tokenizer
    from transformers import DistilBertModel

    from training.net import NetSize, SpamNet, config
    from training.transformer import export_net

    shipped = LocalStore(SHIPPED).open(Settings().models.transformers[0])
    size = NetSize(layers=6, dim=768, heads=12, hidden=3072, max_tokens=512)
    net = SpamNet(DistilBertModel(config(size, 30_522)), size.dim, 0.0)
    export_net(net, Tokenizer.from_file(str(shipped.path / "tokenizer.json")), folder)
    manifest: Manifest = msgspec.structs.replace(
        shipped.manifest, version="base", files=describe_files(folder, ["model.onnx", "tokenizer.json"])
    )
    store.publish(folder, manifest)
