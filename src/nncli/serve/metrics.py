"""Count what the server does, and write that as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from nncli.guards.lines import new_missing
from nncli.serve.answerer import Answer
from nncli.serve.models import Models

MEDIA = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one server. Those of columns and classes begin with the first cell or row."""

    def __init__(self, models: Models) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels, own = ["model", "column"], self.registry
        self.requests = Counter("nncli_requests", "Requests, by status of HTTP.", ["route", "status"], registry=own)
        self.seconds = Histogram("nncli_request_seconds", "Time to answer.", ["route"], buckets=SECONDS, registry=own)
        self.rows = Counter("nncli_rows", "Rows that were predicted.", ["model"], registry=own)
        self.predicted = Counter("nncli_predictions", "Rows, by predicted class.", ["model", "class"], registry=own)
        self.oddities = {
            "unseen": Counter("nncli_unseen_cells", "Cells with an unseen category.", labels, registry=own),
            "missing": Counter("nncli_missing_cells", "Cells without a value.", labels, registry=own),
            "outside": Counter(
                "nncli_outside_cells", "Numbers and dates outside of the training range.", labels, registry=own
            ),
        }
        self.loads = Counter("nncli_model_loads", "Model files read, or refused.", ["model", "result"], registry=own)
        self.loaded = Gauge("nncli_model_loaded_timestamp_seconds", "When the model was read.", ["model"], registry=own)
        own.register(GuardMetrics(models))
        for name, one in models.served.items():
            self.rows.labels(name)
            self.loads.labels(name, "read").inc()
            self.loaded.labels(name).set(one.loaded)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request of one of the routes, and how long it took."""
        self.requests.labels(route, status).inc()
        self.seconds.labels(route).observe(seconds)

    def count_answer(self, model: str, answer: Answer) -> None:
        """Count the rows of an answer."""
        self.rows.labels(model).inc(answer.rows)
        for name, n in answer.classes.items():
            self.predicted.labels(model, name).inc(n)
        for kind, counts in vars(answer.oddities).items():
            for column, n in counts.items():
                self.oddities[kind].labels(model, column).inc(n)

    def text(self) -> bytes:
        """Write all counters."""
        return generate_latest(self.registry)


class GuardMetrics(Collector):
    """Tell what the guards have found in the rows since their models were read, worked out when somebody asks."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the figures of all models that have a guard: of drift, there are none before 500 rows."""
        of_model, of_column = ["model"], ["model", "column"]
        rows = GaugeMetricFamily("nncli_guard_rows", "Rows counted since the model was read.", labels=of_model)
        psi = GaugeMetricFamily("nncli_psi", "Population stability index of a column.", labels=of_column)
        predicted = GaugeMetricFamily("nncli_predictions_psi", "That of the predictions.", labels=of_model)
        about = "Columns that a guard warns of, by kind; predictions are 1 where they have drifted."
        alarms = GaugeMetricFamily("nncli_guard_alarms", about, labels=["model", "kind"])
        for name, one in [*self.models.served.items()]:
            report = one.rows.report()
            if report is None:
                continue
            rows.add_metric([name], report.rows)
            for column in report.columns:
                if column["drift"] is not None:
                    psi.add_metric([name, column["name"]], column["drift"]["psi"])
            found = report.predictions
            if found is not None and found["drift"] is not None:
                predicted.add_metric([name], found["drift"]["psi"])
            alarms.add_metric([name, "outside"], len(report.outside))
            alarms.add_metric([name, "drift"], len(report.drifted))
            alarms.add_metric([name, "missing"], len(new_missing(report.columns)))
            alarms.add_metric([name, "predictions"], int(bool(found and found["drifted"])))
        yield from (rows, psi, predicted, alarms)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing: names are known without work."""
        return iter(())
