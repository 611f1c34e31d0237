"""What one transfer decision costs by itself: no database, no journal, one thread."""

from time import perf_counter_ns

import yaml

from broker.core.governance.case import DateQuestion, read_case
from broker.core.governance.decide import decide
from broker.core.governance.explain import Catalogue
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Policy
from tests.bench.figures import Figures
from tests.vectors.loader import DIRECTORY

ROUNDS = 400
TARGET_P99 = 1.0  # milliseconds


def _milliseconds(since: int) -> float:
    return (perf_counter_ns() - since) / 1e6


def main() -> None:
    figures = Figures("governance")
    vectors = yaml.safe_load((DIRECTORY / "transfer-cases.yaml").read_text(encoding="utf-8"))["cases"]
    cases = [facts for facts in (read_case(v["given"]) for v in vectors) if not isinstance(facts, DateQuestion)]
    start = perf_counter_ns()
    policy = Policy.load()
    loading = _milliseconds(start)
    catalogue = Catalogue.load()
    for facts in cases:
        policy.at(facts.at).hash  # noqa: B018 - worked out once per law, when a process starts
    deciding, answering, reading = [], [], []
    for _ in range(ROUNDS):
        for facts in cases:
            start = perf_counter_ns()
            decision = decide(facts, policy)
            deciding.append(_milliseconds(start))
    for facts in cases * (ROUNDS // 40):
        decision = decide(facts, policy)
        start = perf_counter_ns()
        decision.as_json()
        catalogue.explain(decision, "zh-Hant")
        answering.append(_milliseconds(start))
        raw = facts.model_dump()
        start = perf_counter_ns()
        Facts.model_validate(raw)
        reading.append(_milliseconds(start))
    figures.add_latencies("decision", deciding, targets={99: TARGET_P99})
    figures.add("decisions, one thread", len(deciding) / (sum(deciding) / 1e3), "/s")
    figures.add_latencies("answer as JSON, with explanation", answering)
    figures.add_latencies("facts checked", reading)
    figures.add("policy loaded, checked and compiled", loading, "ms", note="once a process")
    figures.write()


if __name__ == "__main__":
    main()
