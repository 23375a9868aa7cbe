"""What is taught is what serving sends, in the form of the reference document."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.clients.groq_prompt import SYSTEM_PROMPT, read_label, request_body
from pipeline.types import INTENTS
from training.lora.model import load_base
from training.lora.prompt import Prompts, answer, messages, user_message, written

TEXT = "482913 is your OTP for login. Do not share it."


def test_the_prompt_has_the_form_of_the_reference_document(tiny_base: Path) -> None:
    tokenizer = load_base(str(tiny_base), "appendix").tokenizer
    user = user_message(TEXT, "VM-HDFCBK")
    assert written(tokenizer, messages(TEXT, "VM-HDFCBK")) == f"{SYSTEM_PROMPT}\n\nInput:\n{user}\n\nJSON:"
    assert user.startswith("[VM-HDFCBK]") and "482913" not in user


def test_the_form_of_the_base_is_its_own(tiny_base: Path) -> None:
    text = written(load_base(str(tiny_base)).tokenizer, messages(TEXT, ""))
    assert text.startswith("<|im_start|>system\n") and text.endswith("<|im_end|>\n<|im_start|>assistant\n")


@given(st.text(max_size=80), st.sampled_from(["", "VM-HDFCBK", "+919876543210"]))
def test_messages_are_those_that_the_client_sends(text: str, sender: str) -> None:
    assert messages(text, sender) == request_body("any", text, sender, "json_schema")["messages"]


def test_the_client_reads_every_answer() -> None:
    assert [read_label(answer(label)) for label in INTENTS] == list(INTENTS)


def test_answers_end_and_encode_to_what_the_client_reads(tiny_base: Path) -> None:
    tokenizer = load_base(str(tiny_base)).tokenizer
    for label, ids in zip(INTENTS, Prompts(tokenizer).answers, strict=True):
        assert ids[-1] == tokenizer.eos_token_id
        assert read_label(tokenizer.decode(ids, skip_special_tokens=True)) == label


def test_prompts_survive_encoding(tiny_base: Path) -> None:
    tokenizer = load_base(str(tiny_base), "appendix").tokenizer
    ids = Prompts(tokenizer).encode("รหัส OTP คือ 482913 ✅", "KBank")
    assert tokenizer.decode(ids) == written(tokenizer, messages("รหัส OTP คือ 482913 ✅", "KBank"))
