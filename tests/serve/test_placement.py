"""Cheap stages inside the ingress: fewer processes, the same answers."""

from pathlib import Path

import psutil
import pytest

from tests.serve.conftest import UNAUDITED
from tests.support.server import Server

TEXTS = [
    "Hey, are we still on for lunch?",
    "Congratulations! You have won a prize of 1,000 pounds. Call 09061701461 now to claim.",
    "Your OTP for HDFC Bank login is 482913. Do not share.",
    "USPS: your parcel is held, pay the $1.99 fee at http://usps-redelivery.top/a8x",
    "perhaps we might see each other tomorrow or not",
]


def test_the_same_answers_from_half_the_processes(server: Server, tmp_path: Path) -> None:
    apart = [server.classify(text, sender="+447911123456", intent="local") for text in TEXTS]
    with Server(tmp_path / "home", UNAUDITED, profile="serve.compact.yaml") as compact:
        together = [compact.classify(text, sender="+447911123456", intent="local") for text in TEXTS]
        assert replicas(compact) == ["DistilBert", "GroqIntent", "Ingress"]
    assert {verdict["status"] for verdict in together} == {"complete"}
    for one, other in zip(apart, together, strict=True):
        for name in ("action", "is_spam", "is_phishing", "is_otp", "otp_intent", "decided_by", "models"):
            assert one[name] == other[name], name
        assert one["spam_score"] == pytest.approx(other["spam_score"], abs=1e-3)


def replicas(server: Server) -> list[str]:
    """Deployments of the server's processes."""
    lines = [" ".join(p.cmdline()) for p in psutil.Process(server.process_id).children(recursive=True)]
    return sorted(line.rsplit(":", 1)[1].strip() for line in lines if "ServeReplica:winnow:" in line)
