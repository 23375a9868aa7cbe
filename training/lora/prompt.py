"""Messages and answers as token ids: what is taught is what serving sends, letter by letter.

System prompt, redaction and the form of the user's message are those of the client. How a server writes the two down
for the model is its chat template: the form of the reference document (Appendix A.3), which is saved beside the
adapter and which the server must be told of, or the one that the base came with.
"""

import json
from typing import Any

from pipeline.clients.groq_prompt import request_body
from pipeline.types import INTENTS

#: "{instruction}\n\nInput:\n{input}\n\nJSON:" as a chat template, of a system prompt and one message of the user.
APPENDIX = "{{ messages[0]['content'] }}\n\nInput:\n{{ messages[1]['content'] }}\n\nJSON:"

Messages = list[dict[str, str]]


def messages(text: str, sender: str) -> Messages:
    """System prompt and redacted message, as `GroqIntent` sends them."""
    sent: Messages = request_body("", text, sender, "json_object")["messages"]
    return sent


def user_message(text: str, sender: str) -> str:
    """What the model sees of a message. Messages that it cannot tell apart are one."""
    return messages(text, sender)[-1]["content"]


def answer(label: str) -> str:
    """The answer that the system prompt asks for."""
    return json.dumps({"intent": label})


class Prompts:
    """Encodes for one model.

    Args:
        tokenizer: a tokenizer of transformers with a chat template.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        #: ids of each answer of INTENTS, with the mark of its end
        self.answers: list[list[int]] = [self._ids(answer(label) + tokenizer.eos_token) for label in INTENTS]

    def encode(self, text: str, sender: str) -> list[int]:
        """Ids of all that stands before the answer."""
        return self._ids(written(self._tokenizer, messages(text, sender)))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids


def written(tokenizer: Any, chat: Messages) -> str:
    """The chat as its model reads it, up to where the answer begins."""
    text: str = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return text
