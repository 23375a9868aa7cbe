"""`winnow serve --demo-llm`: a stand-in for Groq on this machine, so that the lane to it can be seen at work.

It speaks Groq's protocol, but there is no language model in it: the local intent model answers, from what was sent.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from configs.resources import open_store
from configs.settings import Settings
from deployments.chat_server import ChatServer, in_thread
from deployments.groq_wire import Refused, estimated_usage
from pipeline.models.lightgbm import TreeModels
from pipeline.normalise import normalise
from pipeline.types import INTENTS

_PROMPT = re.compile(r"\[(?P<sender>.*)\] <sms>\n(?P<text>.*)\n</sms>", re.DOTALL)
_PLACEHOLDER = re.compile(r"<(?P<kind>[A-Z]+)(?: (?P<host>[^<>]*))?>")
#: The model was taught messages as people get them: of those with placeholders it takes every other one for no OTP.
_EXAMPLES = {
    "CODE": "482913",
    "CARD": "4000 0000 0000 0002",
    "ACCOUNT": "XX1234",
    "PHONE": "+15550100",
    "EMAIL": "name@example.com",
    "UPI": "name@upi",
    "ID": "AB123456",
    "NAME": "Customer",
    "AMOUNT": "500.00",
    "DATE": "1 Jan",
    "TIME": "10:00",
    "NUMBER": "10",
}

Label = Callable[[str, str], str]  #: the intent of a text from a sender


class DemoLlm(ChatServer):
    """A `ChatServer` whose answers are a local model's."""

    def __init__(self, label: Label, key: str | None = None) -> None:
        super().__init__(key)
        self._label = label

    async def answer(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        prompt = _PROMPT.fullmatch(str(asked["messages"][-1].get("content"))) if asked["messages"] else None
        if prompt is None:
            raise Refused(400, "this stand-in answers Winnow's question for an intent and nothing else")
        label = self._label(legible(prompt["text"]), prompt["sender"])
        content = msgspec.json.encode({"intent": label}).decode()
        return self.complete(asked, content, estimated_usage(asked, content))


def legible(text: str) -> str:
    """A redacted text with an example of each thing that was taken out."""
    return _PLACEHOLDER.sub(_example, text)


def local_label(settings: Settings) -> Label:
    """The intent model that the server starts with.

    Raises:
        ModelError: it is missing, tampered with or incompatible.
    """
    bundle = open_store(settings).open(settings.models.trees)
    models = TreeModels(bundle.path, bundle.manifest.calibration)

    def label(text: str, sender: str) -> str:
        scores = models.score([normalise(text).text], [sender])
        return INTENTS[int(scores.intent[0].argmax())]

    return label


@contextmanager
def standing_in(settings: Settings) -> Iterator[str]:
    """Run the stand-in, and let the environment name it as Groq: GROQ_BASE_URL and a GROQ_API_KEY of its own.

    Yields:
        Its URL.

    Raises:
        ModelError: the intent model is missing, tampered with or incompatible.
    """
    key = f"demo_{secrets.token_hex(16)}"
    with in_thread(DemoLlm(local_label(settings), key)) as server:
        before = {name: os.environ.get(name) for name in ("GROQ_BASE_URL", "GROQ_API_KEY")}
        os.environ.update(GROQ_BASE_URL=server.url, GROQ_API_KEY=key)
        try:
            yield server.url
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                os.environ.update({} if value is None else {name: value})


def _example(found: re.Match[str]) -> str:
    if found["kind"] == "URL":
        return f"https://{found['host'] or 'example.com'}/"
    return _EXAMPLES.get(found["kind"], found[0])
