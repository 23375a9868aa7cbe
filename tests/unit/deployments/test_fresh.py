from itertools import islice

from deployments.fresh import distinct, fresh
from training.examples import Example


def test_no_text_twice_and_as_many_as_asked_for():
    messages = fresh(3_000, 7)
    assert len({message.text for message in messages}) == len(messages) == 3_000


def test_a_few_are_enough_where_a_round_repeats_itself():
    assert len(fresh(1, 1)) == 1


def test_one_seed_gives_the_same_messages_and_no_seed_gives_others():
    assert fresh(50, 3) == fresh(50, 3)
    known = {message.text for message in fresh(50)}
    assert not known & {message.text for message in fresh(50)}


def test_distinct_keeps_the_order_and_the_first_of_each_text():
    messages = [Example(text=text, sender=str(i), source="test") for i, text in enumerate("abacab")]
    assert [(each.text, each.sender) for each in distinct(messages)] == [("a", "0"), ("b", "1"), ("c", "3")]


def test_distinct_reads_no_further_than_needed():
    def endless():
        for i in range(10):
            assert i < 3
            yield Example(text=str(i), source="test")

    assert len(list(islice(distinct(endless()), 3))) == 3
