from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from training.dataset import to_rows
from training.early import EarlyStop
from training.examples import Example
from training.net import SpamNet


class Net(torch.nn.Module):
    """A net that is one number: the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))


class Scripted(EarlyStop):
    """Finds the losses that a test wrote down."""

    def __init__(self, folder: Path, losses: Sequence[float], patience: int) -> None:
        rows = to_rows([Example(text="a", spam=True, source="uci")])
        super().__init__(None, rows, 8, folder, patience)  # type: ignore[arg-type]
        self._losses = losses
        self.asked: list[int] = []

    def loss(self, net: SpamNet) -> float:
        epoch = int(net.weight.item())
        self.asked.append(epoch)
        return self._losses[epoch]


def train(stop: Scripted, net: Net, epochs: range) -> int:
    """As fine-tuning does; the epochs that were run."""
    for epoch in epochs:
        if stop(net, epoch):
            return epoch
        with torch.no_grad():
            net.weight += 1
    stop(net, epochs.stop)
    return epochs.stop


@pytest.mark.parametrize(
    ("losses", "patience", "run", "best"),
    [
        ([0.7, 0.5, 0.4, 0.3], 1, 3, 3),  # better to the end
        ([0.7, 0.5, 0.6, 0.1], 1, 2, 1),
        ([0.7, 0.5, 0.6, 0.1], 2, 3, 3),
        ([0.2, 0.3, 0.3, 0.3], 1, 1, 0),  # what it began with was best
        ([0.5, 0.5, 0.5, 0.5], 2, 2, 0),  # as good is no gain
    ],
)
def test_it_ends_without_gain_and_keeps_the_best(
    tmp_path: Path, losses: list[float], patience: int, run: int, best: int
) -> None:
    net = Net()
    stop = Scripted(tmp_path, losses, patience)
    assert train(stop, net, range(3)) == run
    stop.restore(net)
    assert net.weight.item() == best


def test_a_resumed_run_judges_no_epoch_twice_and_ends_where_it_would_have(tmp_path: Path) -> None:
    losses, net = [0.7, 0.5, 0.6, 0.6], Net()
    first = Scripted(tmp_path, losses, 2)
    assert not first(net, 0)
    with torch.no_grad():
        net.weight += 1
    assert not first(net, 1)
    again = Scripted(tmp_path, losses, 2)
    assert train(again, net, range(1, 3)) == 3
    assert again.asked == [2, 3]
    again.restore(net)
    assert net.weight.item() == 1
