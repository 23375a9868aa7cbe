from training.bars import bars, no_bars


def test_watched_items_come_through_unchanged_and_in_order() -> None:
    with bars() as bar:
        assert list(bar("first")([3, 1, 2])) == [3, 1, 2]
        assert list(bar("second")("abc")) == ["a", "b", "c"]
    assert list(no_bars("step")([1, 2])) == [1, 2]
