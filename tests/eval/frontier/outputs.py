"""Made-up outputs of `evaluate run` and `train` with scores by document, for tests of frontiers."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa

from eval.frontier.runs import OTHER_FILES
from eval.statistics.differences import ratio_interval
from eval.summary.rows import bounds
from shards.record import json_hash
from shards.schemas import SCORES
from shards.write import write_set
from tests.eval.synthetic import difference, write_json

ROLES = {"law": "gain", "web": "retain"}
N_DOCS = 60
N_BYTES = np.random.default_rng(5).integers(400, 4000, N_DOCS).astype(np.float64)
BASE = {"law": 1.8, "web": 1.2}


def checksum_of(name: str) -> str:
    """What evaluations call the checksum of the made-up model `name`; that of a run's model follows from its files."""
    return json_hash(model_files(name))


def model_files(name: str) -> dict[str, str]:
    return {"model.safetensors": json_hash(name), OTHER_FILES[0]: json_hash("config")}


def nats(domain: str, delta: float, seed: int, spread: float = 0.01) -> np.ndarray:
    """Nats of documents with `delta` bits per byte over the base, which itself is the same for all, and some noise of the model's own."""
    base = BASE[domain] + np.random.default_rng(len(domain)).normal(0, 0.2, N_DOCS)
    own = np.random.default_rng([seed, len(domain)]).normal(0, spread, N_DOCS)
    return (base + delta + own) * N_BYTES * math.log(2)


def write_evaluation(
    folder: Path, models: dict[str, dict[str, float]], *, baseline: str = "base", first_id: int = 0, paths=None, recipes=None, **settings
) -> Path:
    """`models[name][domain]` is the change over the base, whose name is `baseline`. `first_id` shifts the documents' ids."""
    values = {(name, domain): nats(domain, delta, sum(name.encode())) for name, deltas in models.items() for domain, delta in deltas.items()}
    domains = list(next(iter(models.values())))
    ids = [(first_id + number).to_bytes(16, "big") for number in range(N_DOCS)]
    tables = [
        pa.table(
            [[name] * N_DOCS, [domain] * N_DOCS, pa.array(ids, pa.binary(16)), nats_, N_BYTES.astype(np.int64), N_BYTES.astype(np.int64) // 3],
            names=SCORES.names[:6],
        )
        for (name, domain), nats_ in values.items()
    ]
    table = pa.concat_tables(tables)
    numbers = {"first_nats": np.ones(N_DOCS), "lost_bytes": np.zeros(N_DOCS), "unk_bytes": np.zeros(N_DOCS), "cluster": np.arange(N_DOCS)}
    for name, column in numbers.items():
        table = table.append_column(name, pa.array(np.tile(column, len(tables))))
    write_set(folder, "scores", SCORES, table.cast(SCORES).to_batches())
    scores = []
    for domain in domains:
        for name in models:
            interval = ratio_interval(np.column_stack([values[name, domain], N_BYTES]), n_resamples=100)
            sizes = {"documents": N_DOCS, "bytes": int(N_BYTES.sum()), "tokens": int(N_BYTES.sum()) // 3}
            scores.append({"model": name, "domain": domain, "bits_per_byte": interval.estimate, **bounds(interval), **sizes})
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in scores}
    others = [name for name in models if name != baseline]
    write_json(
        folder / "summary.json",
        {
            "name": "made up",
            "recipe": {"context_tokens": 512, "stride_tokens": None, "dtype": "float32", "tolerance": 0.01, "models": paths or {}, "recipes": recipes or {}}
            | settings,
            "baseline": baseline,
            "policy": "all tokens",
            "models": {name: {"checksum": checksum_of(name)} for name in models},
            "domains": {
                domain: {"role": ROLES[domain], "documents": N_DOCS, "bytes": int(N_BYTES.sum()), "manifest_hash": f"{first_id:032x}"} for domain in domains
            },
            "scores": scores,
            "differences": [
                difference(name, baseline, domain, ROLES[domain], bits[name, domain] - bits[baseline, domain], 0.004) for name in others for domain in domains
            ],
        },
    )
    return folder


def write_run(
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    model: str | None = None,
    lr: float = 1e-3,
    shares=None,
    deltas=None,
    base=BASE,
    device: str = "cuda",
    n_steps: int = 10,
) -> Path:
    """A finished run of 10 steps of 1,000 tokens at 500 tokens a second on two devices, scored in training every 5 steps."""
    shares = shares or {"law": 0.7, "web": 0.3}
    lines = []
    for step in range(1, n_steps + 1):
        counts = {source: round(share * 1000) for source, share in shares.items()}
        line = {"step": step, "tokens": 1000 * step, "loss": 2.0, "lr": lr, "grad_norm": 1.0, "tokens_per_second": 500.0}
        line |= {"loss_by_source": dict.fromkeys(shares, 2.0), "tokens_by_source": counts}
        if deltas and step == 1 and base:
            line["base_bits_per_byte"] = base
        if deltas and step % 5 == 0:
            line["bits_per_byte"] = {domain: BASE[domain] + delta * step / n_steps for domain, delta in deltas.items()}
        lines.append(json.dumps(line) + "\n")
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(lines))
    files = {f"model/{file}": checksum for file, checksum in model_files(model or name).items()}
    record = {
        "name": name,
        "recipe": {"seed": seed, "name": name, "optimizer": {"lr": lr}},
        "model_hash": "a" * 32,
        "plan_hash": json_hash([seed]),
        "finished": True,
    }
    write_json(folder / "run.json", record | {"device": device, "processes": 2, "files": files, "recipe_hash": json_hash([name, seed])})
    return folder


def write_suggestion(folder: Path, law: float, web: float, base=BASE) -> Path:
    domains = [
        {
            "name": name,
            "unit": "bits per byte",
            "base": base[name],
            "predicted": {"value": base[name] + d, "low": base[name] + d - 0.01, "high": base[name] + d + 0.01},
        }
        for name, d in (("law", law), ("web", web))
    ]
    write_json(folder / "suggestion.json", {"format": 1, "status": "provisional", "shares": {"law": 0.6, "web": 0.4}, "domains": domains})
    return folder
