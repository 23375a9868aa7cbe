"""Which versions are needed where, and whether every replica can answer with them."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.routing import Experiment

READY, LOADING = "ready", "loading"
TRANSFORMER_STAGES, TREE_STAGES = ("Tokenizer", "DistilBert"), ("LightGbm",)

#: Stage to what each of its replicas holds: version to `READY`, or to why it is not.
Holdings = Mapping[str, Sequence[Mapping[str, str]]]


def transformers(experiments: Iterable[Experiment]) -> list[str]:
    """Transformers that experiments name; also those without weight, so that a change back finds them warm."""
    return _named(each for each in experiments if each.task == "spam")


def bundles(experiments: Iterable[Experiment]) -> list[str]:
    """TF-IDF bundles that experiments name; those that their transformers are calibrated with come on top."""
    return _named(each for each in experiments if each.task != "spam")


def state(ref: str, stages: Iterable[str], holdings: Holdings) -> str:
    """`READY` where every replica of every stage holds the version, else what is missing, in words."""
    for stage in stages:
        replicas = holdings.get(stage, ())
        if not replicas:
            return f"{LOADING}: no replica of {stage} has been heard of"
        said = [held.get(ref, LOADING) for held in replicas]
        waiting = [each for each in said if each != READY]
        if failed := [each for each in waiting if each != LOADING]:
            return f"{stage}: {failed[0]}"
        if waiting:
            return f"{LOADING} on {len(waiting)} of {len(said)} replicas of {stage}"
    return READY


def lacking(ref: str, stages: Iterable[str], holdings: Holdings) -> int:
    """How many replicas that need the version do not hold it."""
    return sum(held.get(ref) != READY for stage in stages for held in holdings.get(stage, ()))


def _named(experiments: Iterable[Experiment]) -> list[str]:
    return list(dict.fromkeys(ref for each in experiments for ref in (*each.arms, *each.shadow)))
