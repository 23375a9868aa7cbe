from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.hash_seed import outputs
from training.neardup import T, bigrams, cluster, mask, twins

TEXTS = st.lists(st.text(alphabet="ab 1", max_size=12), max_size=25)


def similarity(left: str, right: str) -> float:
    a, b = set(bigrams(left)), set(bigrams(right))
    return len(a & b) / len(a | b)


def brute_force_clusters(texts: list[str]) -> list[int]:
    ids = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if similarity(texts[i], texts[j]) >= 0.5 and ids[i] != ids[j]:
                low, high = sorted((ids[i], ids[j]))
                ids = [low if identity == high else identity for identity in ids]
    return ids


@given(TEXTS)
def test_cluster_equals_comparing_every_pair(texts: list[str]) -> None:
    assert cluster(texts) == brute_force_clusters(texts)


@given(TEXTS, TEXTS)
def test_twins_equal_comparing_every_pair(texts: list[str], held: list[str]) -> None:
    assert twins(texts, held) == [any(similarity(text, other) >= 0.5 for other in held) for text in texts]


def test_texts_that_differ_in_digits_and_case_share_a_cluster_named_by_the_smallest_index() -> None:
    texts = ["see you at five then", "Your code is 1234 ok", "YOUR code is 9876 ok"]
    assert cluster(texts) == [0, 1, 1]


def test_chains_join_one_cluster() -> None:
    assert cluster(["a b c d", "b c d e", "c d e f"]) == [0, 0, 0]


def test_mask_forgets_numbers_and_white_space() -> None:
    assert mask("Pay  £25.10\nNOW") == "pay £00.00 now"


def test_clusters_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "from training.neardup import cluster;"
        "print(cluster([f'{a} {b} {c}' for a in 'pqr' for b in 'stu' for c in 'vwx'] + ['p s', 's v', 'x']))"
    )
    assert len(outputs(program)) == 1


def test_a_watch_sees_the_work_and_changes_nothing() -> None:
    seen: list[object] = []

    def watch(items: Sequence[T]) -> Iterator[T]:
        for item in items:
            seen.append(item)
            yield item

    texts = ["your code is 1234 ok", "see you at five then", "YOUR code is 9876 ok"]
    assert cluster(texts, watch) == cluster(texts) == [0, 1, 0]
    assert len(seen) == 2
    assert twins(texts, texts[:1], watch) == [True, False, True]
    assert len(seen) == 5
