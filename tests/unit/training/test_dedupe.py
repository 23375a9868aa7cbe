from collections import defaultdict
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.support.hash_seed import outputs
from training.dedupe import drop_conflicts, drop_duplicates, exact_key, folds, grouped, uci_split, without_twins
from training.examples import Example
from training.leakage import Leakage, leakage


def example(text: str, spam: bool | None = False) -> Example:
    return Example(text=text, spam=spam, source="made")


def test_exact_key_ignores_case_white_space_and_disguise() -> None:
    assert exact_key("Free  PRIZE") == exact_key("fr\u200bee рrize".replace("р", "p")) == exact_key("ＦＲＥＥ prize")


def test_drop_duplicates_keeps_the_first() -> None:
    kept = drop_duplicates([example("Hello there"), example("hello  there", True), example("bye")])
    assert [item.text for item in kept] == ["Hello there", "bye"]


def test_drop_conflicts_drops_every_copy_of_a_text_with_two_labels() -> None:
    kept = drop_conflicts([example("Win now", True), example("win now", False), example("lunch?"), example("lunch?")])
    assert [item.text for item in kept] == ["lunch?", "lunch?"]


def test_without_twins_drops_what_resembles_the_held_out_rows() -> None:
    rows = [example("your parcel 123 is waiting for you"), example("dinner at eight tonight mate")]
    kept = without_twins(rows, [example("YOUR parcel 777 is waiting for you")])
    assert kept == [rows[1]]


def test_leakage_counts_exact_and_near_copies() -> None:
    train = [example("please call me back soon"), example("your order 12 has shipped today")]
    test = [
        example("Please call me back soon"),
        example("your order 99 has shipped today ok"),
        example("something else"),
    ]
    found = leakage(train, test)
    assert found == Leakage(rows=3, exact=1, near=2)
    assert found.share == 2 / 3


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=120), st.integers(2, 5), st.integers(0, 9))
def test_folds_keep_groups_whole_and_are_the_same_each_time(rows: list[tuple[int, bool]], k: int, seed: int) -> None:
    groups, labels = [group for group, _ in rows], [label for _, label in rows]
    parts = folds(groups, k, seed, labels)
    homes = defaultdict(set)
    for group, part in zip(groups, parts, strict=True):
        homes[group].add(part)
    assert all(len(home) == 1 for home in homes.values())
    assert set(parts) <= set(range(k))
    assert parts == folds(groups, k, seed, labels)


def test_folds_share_rows_and_positives_evenly() -> None:
    groups = list(range(1000))
    labels = [group % 8 == 0 for group in groups]
    parts = folds(groups, 5, 3, labels)
    for fold in range(5):
        assert abs(parts.count(fold) - 200) <= 5
        assert abs(sum(label for part, label in zip(parts, labels, strict=True) if part == fold) - 25) <= 1
    assert parts != folds(groups, 5, 4, labels)


def test_split_keeps_near_twins_together_and_leaks_nothing() -> None:
    names = ["".join(letters) for letters in product("abcde", repeat=3)][:100]
    rows = [example(f"{name}x {name}y {name}z {n}", n == 0) for name in names for n in range(3)]
    split = uci_split(rows)
    assert len(split.train) + len(split.test) == len(rows)
    assert 50 <= len(split.test) <= 70
    assert leakage(split.train, split.test).near == 0


def test_grouped_names_the_cluster() -> None:
    first, second, third = grouped([example("call me at 5 please"), example("call me at 9 please"), example("no")])
    assert first.group == second.group != third.group


def test_folds_and_splits_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "from training.dedupe import drop_conflicts, folds, grouped, uci_split, without_twins;"
        "from training.examples import Example;"
        "rows = [Example(text=f'{a}x {b}y {c}z {n}', spam=b == 's', source='made')"
        " for a in 'pqrk' for b in 'stul' for c in 'vwxm' for n in range(3)];"
        "split = uci_split(rows);"
        "print(folds([row.group for row in grouped(rows)], 4, 7, [row.spam for row in rows]));"
        "print(split.train, split.test, drop_conflicts(rows), without_twins(rows, split.test))"
    )
    assert len(outputs(program)) == 1


def test_leakage_and_twins_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "from training.leakage import leakage; from training.examples import Example;"
        "from training.feedback import settle;"
        "from pipeline.clients.feedback_log import LabelledText; from datetime import datetime;"
        "rows = [Example(text=f'{a} {b} {c}', source='made') for a in 'pqr' for b in 'stu' for c in 'vwx'];"
        "print(leakage(rows[:9], rows[9:]));"
        "print(settle([LabelledText(n, t, 'm', 'spam', f'text {n}', datetime(2026, 1, 1))"
        " for n, t in enumerate('cabed')]))"
    )
    assert len(outputs(program)) == 1
