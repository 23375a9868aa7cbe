"""One ONNX graph for each question of a phone: regression, trees, calibration and link, from features to probabilities.

The features are [words, heuristics, extras, letter n-grams]. Trees read columns by number and the first blocks are
theirs, so their node is taken over as it stands. Operators are of opset 13 and ai.onnx.ml 1: old runtimes have them.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import ModelError
from pipeline.models.linear import Linear
from pipeline.scoring import Platt
from pipeline.types import Floats
from training.mobile.files import INPUT, LABEL, PROBABILITIES, SPAM

_OPSETS = (("", 13), ("ai.onnx.ml", 1))
_IR = 8  #: version of the file format, of the year of opset 13
_TREES = "TreeEnsembleClassifier"
_UNREAD = "nodes_hitrates"  #: statistics of the training that no runtime needs


class Part(msgspec.Struct, frozen=True):
    """The two models of a task and their calibration."""

    task: str
    linear: Linear
    trees: onnx.NodeProto
    platt: Platt


def read_trees(path: Path) -> onnx.NodeProto:
    """The one node of an exported model that holds the trees.

    Raises:
        ModelError: there is none.
    """
    found = [node for node in onnx.load(str(path)).graph.node if node.op_type == _TREES]
    if len(found) != 1:
        raise ModelError(f"{path.name} of {path.parent.name} holds no ensemble of trees")
    return found[0]


def otp_model(part: Part) -> onnx.ModelProto:
    """`probabilities` float32[n, 2]: no OTP, OTP."""
    graph = _Graph()
    graph.answer_two(graph.sigmoid(graph.logits(part)), PROBABILITIES)
    return graph.finish({PROBABILITIES: 2})


def phishing_model(part: Part, spam: Part) -> onnx.ModelProto:
    """`probabilities` float32[n, 2]: legitimate, phishing; `spam_probabilities` float32[n, 2]: ham, spam.

    Phishing is the geometric mean with spam, as in `pipeline.models.lightgbm.as_spam`.
    """
    graph = _Graph()
    alone, as_spam = graph.sigmoid(graph.logits(part)), graph.sigmoid(graph.logits(spam))
    graph.answer_two(graph.add("Sqrt", [graph.add("Mul", [alone, as_spam])]), PROBABILITIES)
    graph.answer_two(as_spam, SPAM)
    return graph.finish({PROBABILITIES: 2, SPAM: 2})


def intent_model(part: Part) -> onnx.ModelProto:
    """`probabilities` float32[n, 9], in the order of `pipeline.types.INTENTS`."""
    graph = _Graph()
    graph.add("Softmax", [graph.logits(part)], PROBABILITIES, axis=1)
    return graph.finish({PROBABILITIES: len(part.linear.bias)})


class _Graph:
    """Nodes and constants of a graph in the making; methods return the name of what they add."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._width = 0

    def add(self, operator: str, inputs: Sequence[str], name: str = "", **attributes: int) -> str:
        output = name or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def logits(self, part: Part) -> str:
        """float32[n, K] calibrated logits: a * (mix * regression + (1 - mix) * trees) + b."""
        linear, platt = part.linear, part.platt
        regression = self.add("MatMul", [INPUT, self._weights(linear)])
        both = [
            self.add("Mul", [regression, self.constant(_scalar(platt.a * linear.mix))]),
            self.add("Mul", [self._trees(part), self.constant(_scalar(platt.a * (1 - linear.mix)))]),
            self.constant((platt.a * linear.mix * linear.bias + platt.b).astype(np.float32)),
        ]
        return self.add("Sum", both)

    def sigmoid(self, logits: str) -> str:
        return self.add("Sigmoid", [logits])

    def answer_two(self, positive: str, name: str) -> None:
        """An output of the probabilities of both classes, from float32[n, 1] of the positive one."""
        negative = self.add("Sub", [self.constant(_scalar(1.0)), positive])
        self.add("Concat", [negative, positive], name, axis=1)

    def finish(self, answers: dict[str, int]) -> onnx.ModelProto:
        """The model, with the label of the most probable class before its `answers`."""
        self.add("ArgMax", [PROBABILITIES], LABEL, axis=1, keepdims=0)
        outputs = [helper.make_tensor_value_info(LABEL, TensorProto.INT64, ["n"])]
        outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", k]) for name, k in answers.items()]
        features = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", self._width])
        graph = helper.make_graph(self._nodes, "winnow", [features], outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*each) for each in _OPSETS], ir_version=_IR)
        onnx.checker.check_model(model)
        return model

    def _weights(self, linear: Linear) -> str:
        """float32[width, K]; words and n-grams lie in half precision, as in `linear.npz`, and runtimes unfold them."""
        halves = [self.constant(block.astype(np.float16)) for block in (linear.words, linear.grams)]
        words, grams = (self.add("Cast", [half], to=TensorProto.FLOAT) for half in halves)
        self._width = len(linear.words) + len(linear.shape) + len(linear.grams)
        return self.add("Concat", [words, self.constant(linear.shape), grams], axis=0)

    def _trees(self, part: Part) -> str:
        """float32[n, K] raw scores; of two classes, the second is the positive one."""
        node = onnx.NodeProto()
        node.CopyFrom(part.trees)
        kept = [attribute for attribute in node.attribute if attribute.name != _UNREAD]
        del node.attribute[:], node.input[:], node.output[:]
        node.attribute.extend(kept)
        node.name = scores = f"{part.task}_trees"
        node.input.append(INPUT)
        node.output.extend([f"{part.task}_label", scores])
        self._nodes.append(node)
        if len(part.linear.bias) > 1:
            return scores
        return self.add("Gather", [scores, self.constant(np.ones(1, dtype=np.int64))], axis=1)


def _scalar(value: float) -> Floats:
    return np.full(1, value, dtype=np.float32)
