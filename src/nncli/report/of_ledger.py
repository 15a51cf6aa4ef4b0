"""The report of a sweep, from its ledger."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nncli.data.sources import title
from nncli.errors import DataError, listing
from nncli.figures.all_kinds import FIGURES, OfLedger
from nncli.figures.best_so_far import best_so_far
from nncli.figures.kinds import Trials
from nncli.metrics.definitions import METRICS
from nncli.report.document import Block, Command, Drawing, Finding, Listing, Paragraph, Report, Section
from nncli.report.findings import sorted_findings
from nncli.sweep import ledger
from nncli.sweep.ranking import RankedConfig, importance, p_values, ranking_of, varied, written_score
from nncli.sweep.trial import CHOSEN_BY
from nncli.system.output import counted, percent

NOISE = 0.05  # a difference from the best with at least this p-value may be chance
MOST = 30  # configurations that are listed


def report_of_ledger(file: str) -> Report:
    """Write down what a sweep has found, finished or not. Raises DataError for a file that is no ledger, or without a
    finished trial."""
    header, records = ledger.read(Path(file))
    if not records:
        raise DataError(file, "no trial is finished yet")
    metric = records[0]["config"].metric or CHOSEN_BY
    ranking = ranking_of(records, metric)
    done = [one for one in ranking if one.values]
    if not done:
        raise DataError(file, "all trials have failed: there is nothing to report")
    names, source = varied([one.config for one in ranking]), tuple(header["data"])
    sections = [_leaderboard(ranking, names), *_pictures(file, ranking, records), _winner(done[0], source)]
    findings = sorted_findings([_clear(ranking), *_at_an_end(done, names), _failed(ranking), _repeated(done[0])])
    return Report(f"Report on the sweep {file}", _verdict(done, ranking, names, source), findings, tuple(sections))


def _verdict(
    done: Sequence[RankedConfig], ranking: Sequence[RankedConfig], names: Sequence[str], source: tuple[str, ...]
) -> tuple[str, str, str]:
    best, metric = done[0], METRICS.create(done[0].metric)
    made = listing([f"{name.replace('_', ' ')} {best.written(name)}" for name in names]) if names else "its defaults"
    good = f"Of {counted(len(ranking), 'combination')} of options tried on {title(source)}, the best has "
    good += f"{written_score(best)} ({metric.label(None)}) on rows it was not trained on, with {made}."
    close = sum(p >= NOISE for p in p_values(ranking).values())
    if close:
        sure = f"{counted(close, 'other')} may be as good: these rows cannot tell them from the best."
    else:
        sure = f"The last has {written_score(done[-1])}."
    use = "The figure flatters, as the best was chosen by it: judge the model on its test rows before it is used, with "
    return good, sure, f"{use}nncli eval."


def _clear(ranking: Sequence[RankedConfig]) -> Finding:
    """Say whether the best is better than the others by more than chance."""
    name, found = "Which is best", p_values(ranking)
    if not found:
        return Finding(name, "unknown", "It was not tested: the trials do not have what a test needs.")
    close = sum(p >= NOISE for p in found.values())
    if not close:
        return Finding(name, "passed", "The best differs from every other by more than chance.")
    evidence = f"{close:,} of {counted(len(found), 'other')} differ from the best by no more than chance."
    return Finding(name, "look", evidence, "Take the cheapest of them, or try more --seeds, --folds or rows.")


def _at_an_end(done: Sequence[RankedConfig], names: Sequence[str]) -> list[Finding]:
    """Tell of options of numbers whose best value is the least or the greatest that was tried."""
    found = []
    for name in names:
        values = {getattr(one.config, name) for one in done}
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        own = getattr(done[0].config, name)
        if len(numbers) < len(values) or len(values) < 3:
            continue
        title = f"Range of {name.replace('_', ' ')}"
        evidence = f"The best has {own:g}; {min(numbers):g} to {max(numbers):g} were tried."
        if own in (min(numbers), max(numbers)):
            found.append(Finding(title, "look", evidence, "Try values beyond that end."))
        else:
            found.append(Finding(title, "passed", evidence))
    return found


def _failed(ranking: Sequence[RankedConfig]) -> Finding:
    """Count the trials that have failed, and say why."""
    name = "Trials that failed"
    n = sum(len(one.records) for one in ranking)
    reasons = Counter(record["reason"] for one in ranking for record in one.records if record["reason"])
    if not reasons:
        return Finding(name, "passed", f"None of {counted(n, 'trial')} has failed.")
    why = "; ".join(f"{count:,}: {reason}" for reason, count in reasons.most_common(3))
    return Finding(name, "look", f"{reasons.total():,} of {counted(n, 'trial')} have failed ({why}).")


def _repeated(best: RankedConfig) -> Finding:
    """Say how many trials each combination has had."""
    name, n = "Luck of one trial", len(best.values)
    if n > 1:
        return Finding(name, "passed", f"Each combination was tried {n} times, with other seeds or rows.")
    remedy = "Sweep with --seeds 5 or --folds 5."
    return Finding(name, "unknown", "Each combination was tried once: how much is luck is not known.", remedy)


def _leaderboard(ranking: Sequence[RankedConfig], names: Sequence[str]) -> Section:
    """List the combinations, the best first."""
    p_value_of, metric = p_values(ranking), METRICS.create(ranking[0].metric)
    figures = metric.label(None), "p-value", "parameters", "epochs", "seconds"
    rows = []
    for one in ranking[:MOST]:
        p, spent = p_value_of.get(one.config), sum(record["seconds"] for record in one.records)
        cells = [""] * 4
        if one.values:
            chance = "" if p is None else f"{p:.2g}"
            cells = [written_score(one), chance, f"{one.done[0]['parameters']:,}", f"{one.epochs:.0f}"]
        elif one.records:
            cells[0] = "failed"
        rows.append((*(one.written(name) for name in names), *cells, f"{spent:.1f}"))
    header = (*(name.replace("_", " ") for name in names), *figures)
    more = f" The first {MOST} of {len(ranking):,} are listed." if len(ranking) > MOST else ""
    text = "Combinations of options, the best first, on validation rows. A p-value is the probability of such a "
    text += f"difference from the best, or a larger one, by chance.{more}"
    blocks: list[Block] = [Paragraph(text), Listing(header, tuple(rows), frozenset(header))]
    shares = sorted(importance(ranking).items(), key=lambda item: -item[1])
    if shares:
        table = tuple((name.replace("_", " "), percent(share)) for name, share in shares)
        header = "option", "share of the differences that it explains alone"
        blocks.append(Listing(header, table, frozenset(header[1:]), "Options that matter"))
    return Section("Leaderboard", tuple(blocks))


def _pictures(file: str, ranking: list[RankedConfig], records: Sequence[dict[str, Any]]) -> list[Section]:
    """Draw the metric by option, if any varies, and the best so far."""
    name = ranking[0].metric
    values = [one["val"][name] for one in records if one["outcome"] == "done"]
    soon = best_so_far(values, name, f"{len(values):,} trials, {file}")
    drawn = [Drawing(soon, "How soon the best was found, trial by trial.")]
    kind = FIGURES.create("sweep")
    assert isinstance(kind, OfLedger)
    try:
        made = kind.build(Trials(file, ranking))
        drawn.insert(0, Drawing(made, "How good each value of each option is; a mark is a combination."))
        lines = FIGURES.create("parallel")
        assert isinstance(lines, OfLedger)
        across = lines.build(Trials(file, ranking))
        drawn.insert(1, Drawing(across, "A line is a combination: which options go together?"))
    except DataError:  # they differ in no option
        pass
    return [Section("Pictures", tuple(drawn))]


def _winner(best: RankedConfig, source: tuple[str, ...]) -> Section:
    """Write the command that trains the best."""
    options = best.config.command_line(brief=True)
    words = ["nncli train", *map(shlex.quote, source), *([options] if options else []), "-o best.npz"]
    said = "This trains the best combination, of which nncli report best.npz then tells more:"
    return Section("The winner", (Paragraph(said), Command(" ".join(words))))
