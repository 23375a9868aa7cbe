import pytest

from training.progress import Progress, bars, no_bars


def test_watched_items_come_through_unchanged_and_in_order() -> None:
    with bars() as bar:
        assert list(bar("first")([3, 1, 2])) == [3, 1, 2]
        assert list(bar("second")("abc")) == ["a", "b", "c"]
    assert list(no_bars("step")([1, 2])) == [1, 2]


def test_the_end_of_a_step_is_told_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("epoch 1/3", 2)
    progress.advance(1, loss=0.7)
    progress.advance(2, loss=0.25)
    progress.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["epoch 1/3 2/2 loss 0.2500 0s"]
