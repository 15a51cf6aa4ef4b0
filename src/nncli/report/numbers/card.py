"""The data and the model card of a report on a model of numbers."""

from __future__ import annotations

from pathlib import Path

from nncli.config.ensemble_kind import ensemble_of, members_in_words
from nncli.data.sources import title
from nncli.errors import listing
from nncli.model.checkpoint import ModelFile, describe
from nncli.report.data_section import columns_listing
from nncli.report.document import Block, Listing, Paragraph, Section
from nncli.report.model_card import card_section
from nncli.report.numbers.evidence import EvidenceOfNumbers
from nncli.system.output import counted, in_quotes, quantity, shortened


def data_of_numbers(of: EvidenceOfNumbers) -> Section:
    """List the columns of the data that the model was trained on, the target, and what one should look at."""
    name, found = "The data", of.data
    if found is None or found.target is None:
        return Section(name, (Paragraph(f"The data of the training run were not looked at: {of.not_prepared}."),))
    said = f"{found.source}: {counted(found.rows, 'row')}, {counted(len(found.columns), 'column')}."
    target = tuple((key, f"{value:.6g}") for key, value in found.target.items())
    of_target = Listing(("target", "its value"), target, frozenset({"its value"}), of.model.schema.target)
    blocks: list[Block] = [Paragraph(said), *([] if of.image_shape else [columns_listing(found)]), of_target]
    lines = [line.removeprefix("warning: ") for line in (*found.notes, *found.findings)]
    if lines:
        blocks.append(Listing(("what nncli check says",), tuple((line,) for line in lines)))
    return Section(name, tuple(blocks))


def card_of_numbers(of: EvidenceOfNumbers) -> Section:
    """Write what the model is for, what it was made from, its limits, and the command that makes it again."""
    subject = of.subject
    d = describe(of.model, subject.provenance)
    scale, figures, data = d["target_scale"], d["figures"], d["data"]
    low, high = (quantity(scale["mean"] + k * scale["sd"]) for k in (-1, 1))
    rows, target = shortened(title(tuple(data["source"]))), in_quotes(shortened(d["target"]))
    columns = listing([shortened(one["name"]) for one in d["columns"]], 20)
    members = ensemble_of(of.model.config.model.ensemble)
    by = " (each by the member that leaves it out)" if members is not None and members.folds else ""
    parts = [("training", "n_train"), (f"validation{by}", "n_val"), ("test", "n_test")]
    facts = {
        "what for": f"to predict the number {target} (mostly {low} to {high}), for rows of the same kind as those of "
        f"{rows}; for any other use it is untested",
        "from": f"{counted(len(d['columns']), 'column')}: {columns}",
        "model": f"{d['model']} {d['layers']}, {d['parameters']:,} parameters, loss {of.model.config.model.loss}",
        "ensemble": members_in_words(of.model.config.model.ensemble, of_classes=False),
        "trained on": f"{title(tuple(data['source']))}, {data['rows']:,} rows",
        "rows": ", ".join(f"{figures[key]:,} {name}" for name, key in parts),
        "options": d["command_line"],
        "SHA-256 of the data": data["sha256"],
        "SHA-256 of the model": "" if subject.file == "-" else ModelFile.at(Path(subject.file)).sha256,
        "program": f"nncli {d['nncli']}",
        "kernels": d["kernels"],
    }
    return card_section(of, facts)
