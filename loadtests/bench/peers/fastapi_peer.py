"""FastAPI and uvicorn with a take-all-when-free batcher; each worker process holds the model."""

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from loadtests.bench.peers.batcher import TakeAll
from loadtests.bench.peers.model import Model, options


class Message(BaseModel):
    text: str


class Verdict(BaseModel):
    spam_score: float


def build() -> FastAPI:
    """The application of one worker."""
    asked = options()
    batcher = TakeAll(Model(asked.model).score, asked.batch)
    app = FastAPI()

    @app.post("/classify")
    async def classify(message: Message) -> Verdict:
        return Verdict(spam_score=await batcher.ask(message.text))

    return app


if __name__ == "__main__":
    uvicorn.run(
        "loadtests.bench.peers.fastapi_peer:build",
        factory=True,
        port=options().port,
        workers=options().workers,
        access_log=False,
        log_level="warning",
    )
