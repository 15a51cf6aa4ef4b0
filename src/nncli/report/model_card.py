"""The model card of a report: what a model is for, what it was made from, and how to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nncli.config.ensemble_kind import ensemble_of, members_in_words
from nncli.config.usual_model import chosen_model
from nncli.data.sources import ARRAYS, STDIN, title
from nncli.errors import listing
from nncli.model.checkpoint import ModelFile, describe
from nncli.model.decision import say_threshold
from nncli.model.limits import limits_of
from nncli.model.model import Model
from nncli.report.document import Block, Command, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import in_quotes, shortened


def model_card(of: Evidence) -> Section:
    """Write the facts that `info` shows, the limits, and the command that makes the same file again."""
    subject = of.subject
    d = describe(of.model, subject.provenance)
    facts = {"what for": _what_for(d), "from": _columns(d)} | _facts(of, d)
    return card_section(of, facts, "It always answers with one of its classes, also for rows that belong to none.")


def card_section(of: Evidence, facts: Mapping[str, str], *limits: str) -> Section:
    """Lay out the facts of a model card, its limits (those of every model first), and the command that makes the model
    again."""
    blocks: list[Block] = [
        Listing(("", ""), tuple((name, text) for name, text in facts.items() if text)),
        Paragraph(f"Limits: {' '.join([*limits_of(of.model), *limits])}"),
    ]
    if of.subject.provenance.source in (ARRAYS, STDIN):
        blocks.append(Paragraph("Its data came from Python or stdin, so that no command makes it again."))
    elif (parent := of.subject.provenance.parent) is not None:
        said = (
            f"It went on from the model file with SHA-256 {parent.sha256}: nncli train --from makes it again from that."
        )
        blocks.append(Paragraph(said))
    else:
        said = "This makes the same file again, byte for byte, with the same version and kernels, from the same data:"
        blocks += [Paragraph(said), Command(remake(of))]
    return Section("Model card", tuple(blocks))


def remake(of: Evidence) -> str:
    """Return the command that trains the same model."""
    subject = of.subject
    words = [subject.model.config.options.command_line(brief=True)]
    if reference := of.figures["reference"]:
        words.append(f"--reference {reference['name']}")
    if subject.provenance.state is not None:
        words.append("--keep-state")
    words.append(f"-o {shlex.quote(Path(subject.file).name)}")
    return " ".join(["nncli train", *map(shlex.quote, subject.provenance.source), *filter(None, words)])


def _what_for(d: dict[str, Any]) -> str:
    """Say what the model predicts, and of which rows; more nobody has said."""
    classes, rows = listing([in_quotes(shortened(name)) for name in d["classes"]]), title(tuple(d["data"]["source"]))
    said = (
        f"to predict {in_quotes(shortened(d['target']))}, one of {len(d['classes']):,} classes ({classes}), for rows "
    )
    return f"{said}of the same kind as those of {shortened(rows)}; for any other use it is untested"


def _columns(d: dict[str, Any]) -> str:
    return f"{len(d['columns']):,} columns: {listing([shortened(one['name']) for one in d['columns']], 20)}"


def _facts(of: Evidence, d: dict[str, Any]) -> dict[str, str]:
    """Return what the model is and was made from."""
    figures, data = d["figures"], d["data"]
    decision = of.model.decision
    by = "the likeliest class"
    if decision is not None and decision.threshold is not None:
        by = say_threshold(decision.threshold, of.model.classes[decision.positive], decision.rule)
    elif decision is not None and decision.costs:
        by = "the class of the least expected cost"
    return {
        "model": f"{d['model']} {d['layers']}, {d['parameters']:,} parameters",
        "ensemble": members_in_words(of.model.config.model.ensemble, of_classes=True),
        "chosen": chosen_model(d["notes"]),
        "decides for": by,
        "data": f"{title(tuple(data['source']))}, {data['rows']:,} rows",
        "trained on": _rows(of.model, figures),
        "options": d["command_line"],
        "SHA-256 of the data": data["sha256"],
        "SHA-256 of the model": "" if of.subject.file == "-" else ModelFile.at(Path(of.subject.file)).sha256,
        "program": f"nncli {d['nncli']}",
        "kernels": d["kernels"],
    }


def _rows(model: Model, figures: dict[str, Any]) -> str:
    """Say how many rows it learned from, and what the others are for."""
    said = f"{figures['n_train']:,} of these rows"
    others = [("n_val", "to say when to stop (validation)"), ("n_test", "to judge it by (test)")]
    members = ensemble_of(model.config.model.ensemble)
    if members is not None and members.folds:
        said += f"; each of {members.number} members has left out a fold of them, to say when to stop (validation)"
        others = others[1:]
    kept = [f"{figures[key]:,} {what}" for key, what in others if figures[key]]
    return f"{said}; kept from it were {listing(kept)}" if kept else said
