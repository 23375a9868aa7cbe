"""A server of the OpenAI protocol that answers by a real language model: a base and an adapter in peft's format."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import torch
from aiohttp import web
from peft import PeftConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


class LanguageServer:
    """Listens on a free port of 127.0.0.1; an async context manager.

    It knows no more than the adapter's folder: the base that `adapter_config.json` names, and the tokenizer and chat
    template beside it. Answers are the likeliest tokens, whatever they say: nothing holds the model to JSON or labels.
    """

    def __init__(self, adapter: Path, name: str) -> None:
        base = AutoModelForCausalLM.from_pretrained(PeftConfig.from_pretrained(adapter).base_model_name_or_path)
        self._model = PeftModel.from_pretrained(base, adapter).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(adapter)
        self._name = name
        self._one_at_a_time = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self.requests: list[dict[str, Any]] = []  #: bodies received
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/openai/v1/chat/completions", self._complete)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _complete(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read())
        self.requests.append(asked)
        if asked["model"] != self._name:
            error = {"message": f"The model `{asked['model']}` does not exist.", "type": "NotFoundError", "code": 404}
            return web.json_response({"error": error}, status=404)
        async with self._one_at_a_time:
            prompt, written = await asyncio.to_thread(self._generate, asked["messages"], asked["max_tokens"])
        return web.json_response(self._completion(prompt, written))

    def _generate(self, messages: list[dict[str, str]], most: int) -> tuple[list[int], list[int]]:
        """Ids of the prompt and of what the model wrote."""
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompt = self._tokenizer.encode(text, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            whole = self._model.generate(
                input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=most, do_sample=False
            )
        return prompt[0].tolist(), whole[0, prompt.shape[1] :].tolist()

    def _completion(self, prompt: list[int], written: list[int]) -> dict[str, Any]:
        ended = written[-1:] == [self._tokenizer.eos_token_id]
        content = self._tokenizer.decode(written, skip_special_tokens=True)
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(written)}
        return {
            "id": f"chatcmpl-{len(self.requests)}",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": self._name,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content},
                    "logprobs": None,
                    "finish_reason": "stop" if ended else "length",
                }
            ],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }
