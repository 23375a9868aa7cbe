"""`winnow evaluate`: how right and how fast the running server is, or the same models in this process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import msgspec
import typer
from rich.progress import Progress

from deployments import probes, report_folder
from deployments.cli import evaluate_intent
from deployments.cli.connection import HOME, HomeOption, KeyOption, UrlOption, connect
from deployments.cli.evaluation_tables import show_result
from deployments.cli.labelled import SYNTHETIC_ROWS, from_corpus, from_file
from deployments.cli.output import err, progress
from deployments.client import Client
from deployments.evaluation import Pass, in_bulk, one_by_one
from deployments.figures import judge_all, report, versions
from deployments.offline import Offline, settings_for
from pipeline.errors import ConfigError
from training.evaluation.judged import Judged
from training.evaluation.results import Results, SetResult
from training.examples import Example

Way = Literal["both", "single", "bulk"]
Task = Literal["all", "intent"]

_OFFLINE = "Offline"
_INTENT = "Intent"


class _Plan(msgspec.Struct, frozen=True):
    """How each set is sent."""

    way: Way
    concurrency: int
    bulk: int
    thorough: bool  #: also under every policy, and in disguise


class _Found(msgspec.Struct, frozen=True):
    """What one set came to."""

    result: SetResult
    judged: list[Judged]
    passes: list[Pass]


def evaluate(
    path: Annotated[
        typer.FileBinaryRead | None, typer.Argument(metavar="FILE", help="The same as --file.", show_default=False)
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="uci (the default; for --task intent seed_synthetic), an evaluation-only corpus, or synthetic; give "
            "it again for more.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--file", "-f", help="CSV or .jsonl: text; label, spam, phishing, otp, intent; sender …"),
    ] = None,
    synthetic: Annotated[int, typer.Option(min=1, help="Messages that --corpus synthetic makes.")] = SYNTHETIC_ROWS,
    limit: Annotated[int | None, typer.Option(min=1, help="The first messages of each set alone.")] = None,
    way: Annotated[
        Way | None,
        typer.Option(
            "--send", help="Messages one by one, in bulk, or (at a server) first so and then so.", show_default=False
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            help="Requests at once, of one message each: 64, to a language model 4.",
            show_default=False,
        ),
    ] = None,
    bulk: Annotated[int, typer.Option(min=1, max=1000, help="Messages in one bulk request.")] = 500,
    as_json: Annotated[
        bool, typer.Option("--json", help="All figures as JSON; a list where there are many sets.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--report", help="Write report.md, plots, figures.json and verdicts.jsonl there.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no server: the same flow here.", rich_help_panel=_OFFLINE)
    ] = False,
    models: Annotated[
        Path | None, typer.Option(help="Folder of a model store, else the project's.", rich_help_panel=_OFFLINE)
    ] = None,
    transformer: Annotated[
        str | None, typer.Option(help="Version, distilbert/4; else the default one.", rich_help_panel=_OFFLINE)
    ] = None,
    trees: Annotated[
        str | None,
        typer.Option(help="Version, lightgbm/2; else the transformer's partner.", rich_help_panel=_OFFLINE),
    ] = None,
    rules: Annotated[
        bool, typer.Option("--rules/--no-rules", help="Whether rules have a say.", rich_help_panel=_OFFLINE)
    ] = True,
    cascade: Annotated[
        bool,
        typer.Option("--cascade/--no-cascade", help="Whether the gate may decide alone.", rich_help_panel=_OFFLINE),
    ] = True,
    task: Annotated[
        Task, typer.Option(help="all, or intent: how right intents are, by source.", rich_help_panel=_INTENT)
    ] = "all",
    source: Annotated[
        evaluate_intent.Source,
        typer.Option(
            help="groq: the language model of GROQ_API_KEY and GROQ_BASE_URL; local: the models here.",
            rich_help_panel=_INTENT,
        ),
    ] = "both",
    language_model: Annotated[
        str | None,
        typer.Option(help="Its name; else the settings'.", show_default=False, rich_help_panel=_INTENT),
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    home: HomeOption = HOME,
) -> None:
    """Classify labelled messages and print how right the answers are, whom they harm, and how fast they come.

    UCI is judged on the test part of its one split, grouped by near-duplicates, which no shipped model was trained on.
    A server's caches stay on: the output says how many answers came from them.
    """
    if path and file:
        raise typer.BadParameter("name the file once")
    file = path or file
    if task == "intent":
        if folder or way:
            raise typer.BadParameter("--report and --send are of the other tasks")
        settings = settings_for(models, transformer, trees, cascade=cascade)
        chosen = _sets(corpus, file, synthetic, limit, evaluate_intent.DEFAULT_CORPUS)
        plan = evaluate_intent.Plan(source, settings, language_model, rules, concurrency or 4)
        raise typer.Exit(not evaluate_intent.run(chosen, plan, as_json=as_json))
    concurrency = concurrency or 64
    if not offline and (models or transformer or trees or not rules or not cascade):
        raise typer.BadParameter("a server has its own models, rules and cascade; these options need --offline")
    if folder:
        report_folder.prepare(folder)
    client: Offline | Client
    if offline:
        client = Offline(settings_for(models, transformer, trees, cascade=cascade), rules=rules)
    else:
        client = connect(url, key, home, connections=concurrency)
    sets = _sets(corpus, file, synthetic, limit)
    how = _Plan(way or ("bulk" if offline else "both"), concurrency, bulk, thorough=folder is not None)
    found = asyncio.run(_all(client, sets, how))
    if folder:
        _save(folder, _answered_by(offline, rules, cascade), found)
    _print([each.result for each in found], as_json)
    raise typer.Exit(any(each.result.failed for each in found))


def _sets(
    corpora: list[str] | None, file: BinaryIO | None, synthetic: int, limit: int | None, default: str = "uci"
) -> dict[str, list[Example]]:
    """Name to messages of each set.

    Raises:
        ConfigError: one of them is empty.
    """
    names = corpora or ([] if file else [default])
    sets = {name: from_corpus(name, synthetic)[:limit] for name in names}
    if file:
        sets[file.name] = from_file(file)[:limit]
    for name, messages in sets.items():
        if not messages:
            raise ConfigError(f"{name}: there are no labelled messages to send")
    return sets


async def _all(client: Client | Offline, sets: dict[str, list[Example]], plan: _Plan) -> list[_Found]:
    with progress() as bar:
        async with client:
            return [await _one(client, name, messages, plan, bar) for name, messages in sets.items()]


async def _one(client: Client | Offline, name: str, messages: Sequence[Example], plan: _Plan, bar: Progress) -> _Found:
    passes = await _send(client, name, messages, plan, bar)
    judged = judge_all(name, messages, passes[0].outcomes)
    result = report(name, messages, judged, passes)
    if plan.thorough:
        result = await _probe(client, result, messages, judged, plan, bar)
    return _Found(result, judged, passes)


async def _send(
    client: Client | Offline, name: str, messages: Sequence[Example], plan: _Plan, bar: Progress
) -> list[Pass]:
    passes = []
    if plan.way != "bulk":
        task = bar.add_task(f"{name}, one by one", total=len(messages))
        passes.append(await one_by_one(client, messages, plan.concurrency, lambda n: bar.advance(task, n)))
    if plan.way != "single":
        other = bar.add_task(f"{name}, in bulk", total=len(messages))
        passes.append(await in_bulk(client, messages, plan.bulk, lambda n: bar.advance(other, n)))
    return passes


async def _probe(
    client: Client | Offline,
    result: SetResult,
    messages: Sequence[Example],
    judged: Sequence[Judged],
    plan: _Plan,
    bar: Progress,
) -> SetResult:
    """The result with what policies and disguises do."""
    task = bar.add_task(f"{result.name}, by policy", total=len(messages) * len(probes.POLICIES))
    policies = await probes.under_each_policy(client, result.name, messages, plan.bulk, lambda n: bar.advance(task, n))
    other = bar.add_task(f"{result.name}, disguised", total=probes.disguised_count(messages, judged))
    disguised = await probes.in_disguise(client, messages, judged, plan.bulk, lambda n: bar.advance(other, n))
    return msgspec.structs.replace(result, policies=policies, robustness=disguised)


def _answered_by(offline: bool, rules: bool, cascade: bool) -> str:
    left_out = [name for name, there in (("rules", rules), ("cascade", cascade)) if not there]
    if not offline:
        return "a server"
    return "the models in one process" + (f" without {' and '.join(left_out)}" if left_out else "")


def _save(folder: Path, answered_by: str, found: Sequence[_Found]) -> None:
    used = versions(sent for each in found for sent in each.passes)
    results = Results(answered_by, used, [each.result for each in found])
    report_folder.write(folder, results, {each.result.name: each.judged for each in found})
    err.print(f"the report is {folder / report_folder.REPORT}")


def _print(results: Sequence[SetResult], as_json: bool) -> None:
    if as_json:
        shown = results[0] if len(results) == 1 else results
        print(msgspec.json.format(msgspec.json.encode(shown)).decode())
        return
    for result in results:
        show_result(result)
