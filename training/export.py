"""Export of the nets to ONNX and to INT8."""

import logging
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.net import SpamNet

OPSET = 17


def export_onnx(net: SpamNet, path: Path) -> None:
    """Write `net` as ONNX: int64[n, tokens] `input_ids` and `attention_mask` to float32[n] `logits`."""
    ids = torch.randint(5, 100, (2, 16))
    ids[1, 9:] = 0  # an example without padding would let the tracer drop the mask
    axes = {0: "n", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracer warnings about shapes that the parity check covers
        torch.onnx.export(
            net.eval(),
            (ids, (ids != 0).long()),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )


def quantise(source: Path, target: Path) -> None:
    """Dynamic INT8 of the weights, unfused: the fused graph was slower."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # the library advises on the root logger
    try:
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)
