"""LitServe: batches by size and time in its inference workers."""

from typing import Any

import litserve as ls

from loadtests.bench.peers.model import Model, options


class Spam(ls.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.model = Model(options().model)

    def decode_request(self, request: dict[str, Any]) -> str:
        text: str = request["text"]
        return text

    def predict(self, x: Any) -> Any:
        """A text where nothing is batched, else a list of them."""
        return self.model.score([x])[0] if isinstance(x, str) else self.model.score(x)

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def unbatch(self, output: list[float]) -> list[float]:
        return output

    def encode_response(self, output: float) -> dict[str, float]:
        return {"spam_score": output}


if __name__ == "__main__":
    asked = options()
    api = Spam(max_batch_size=asked.batch, batch_timeout=asked.wait_ms / 1000 if asked.batch > 1 else 0.0)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=asked.workers, timeout=60)
    server.run(host="127.0.0.1", port=asked.port, num_api_servers=1, log_level="warning", generate_client_file=False)
