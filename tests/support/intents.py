"""How tests ask the intent client, in one place."""

from pipeline.types import IntentStage


async def ask(stage: IntentStage, *texts: str, sender: str = "VM-HDFCBK", budget_s: float = 5.0) -> list[str | None]:
    """The intent of each text, all asked for at once."""
    return await stage.classify(list(texts), [sender] * len(texts), [budget_s] * len(texts))
