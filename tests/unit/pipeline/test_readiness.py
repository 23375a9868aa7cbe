"""A version is ready when every replica of every stage that needs it says so."""

import pytest

from pipeline.readiness import bundles, state, transformers
from pipeline.routing import Experiment

REF = "distilbert/5"
STAGES = ("Tokenizer", "DistilBert")


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        ({"Tokenizer": [{REF: "ready"}], "DistilBert": [{REF: "ready"}, {REF: "ready", "x/1": "bad"}]}, "ready"),
        (
            {"Tokenizer": [{REF: "ready"}], "DistilBert": [{REF: "ready"}, {}]},
            "loading on 1 of 2 replicas of DistilBert",
        ),
        ({"Tokenizer": [{REF: "ready"}], "DistilBert": [{REF: "loading"}, {REF: "no room"}]}, "DistilBert: no room"),
        ({"DistilBert": [{REF: "ready"}]}, "loading: no replica of Tokenizer has been heard of"),
        ({}, "loading: no replica of Tokenizer has been heard of"),
    ],
)
def test_states(holdings: dict[str, list[dict[str, str]]], expected: str):
    assert state(REF, STAGES, holdings) == expected


def test_what_experiments_name_is_needed_though_it_has_no_weight():
    experiments = [
        Experiment("spam", {"distilbert/4": 1.0, "distilbert/5": 0.0}, "sender", "s", 1, {"distilbert/6": 0.1}),
        Experiment("otp", {"lightgbm/2": 1.0, "lightgbm/3": 1.0}, "sender", "s", 1),
        Experiment("phishing", {}, "sender", "s", 4),
    ]
    assert transformers(experiments) == ["distilbert/4", "distilbert/5", "distilbert/6"]
    assert bundles(experiments) == ["lightgbm/2", "lightgbm/3"]
