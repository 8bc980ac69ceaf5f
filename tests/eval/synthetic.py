"""Made-up outputs of the other rooms in the formats of docs/reference/file-formats.md, for tests of the report."""

import json
import math
import random
from pathlib import Path

from shards.record import sealed

NASTY = "<script>alert('x')</script> & <b>bold</b>"


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sealed(content))


def difference(model: str, against: str, domain: str, role: str, delta: float, half: float, tolerance: float = 0.01) -> dict:
    low, high = delta - half, delta + half
    verdict = "better" if high < 0 else "worse" if low > 0 else "undetectable"
    row = {"model": model, "against": against, "domain": domain, "role": role, "delta": delta, "low": low, "high": high}
    row |= {"standard_error": half / 1.96, "minimum_detectable": 2.8 * half / 1.96, "verdict": verdict}
    if role == "retain":
        row["retained"] = "within" if high <= tolerance else "beyond" if low > tolerance else "undecided"
    return row


def summary(bits: dict[str, dict[str, float]], roles: dict[str, str], half: float = 0.008) -> dict:
    """`bits[model][domain]`; the first model is the baseline."""
    base, *others = bits
    pairs = [(base, model) for model in others] + [(a, b) for index, a in enumerate(others) for b in others[index + 1 :]]
    scores = [
        {"model": model, "domain": domain, "bits_per_byte": bits[model][domain], "low": bits[model][domain] - 0.05, "high": bits[model][domain] + 0.05}
        | {"standard_error": 0.025, "minimum_detectable": 0.07, "documents": 120, "bytes": 480_000, "tokens": 160_000}
        for domain in roles
        for model in bits
    ]
    settings = {"context_tokens": 512, "stride_tokens": None, "dtype": "float32", "batch_tokens": 8192, "n_resamples": 10_000, "seed": 0, "tolerance": 0.01}
    return {
        "name": "made up",
        "recipe": settings,
        "recipe_hash": "a" * 32,
        "baseline": base,
        "policy": "Every token of the text is scored.",
        "versions": {"cptkit": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "models": {model: {"checksum": "b" * 32, "model_type": "llama"} for model in bits},
        "domains": {
            domain: {"role": role, "documents": 120, "bytes": 480_000, "manifest_hash": "c" * 32, "train_sets_checked": 0} for domain, role in roles.items()
        },
        "scores": scores,
        "differences": [
            difference(model, against, domain, role, bits[model][domain] - bits[against][domain], half)
            for against, model in pairs
            for domain, role in roles.items()
        ],
        "long_context": long_context(list(bits)),
    }


def in_full(content: dict) -> dict:
    """A summary with all that an evaluation may add: a recipe of two seeds, clusters, lost text, documents, slices and a chain of models."""
    base, first, second = content["models"]
    for number, model in enumerate(content["models"].values()):
        model |= {"tokenizer": "a" * 32, "context_limit": 512, "bos_every_window": number == 0}
    for score in content["scores"]:
        score |= {"clusters": 90, "effective": 25.5, "context_bytes": 1530.4, "first_token_nats": 5.2, "first_token_bits_per_byte": 0.002}
        score |= {"lost_bytes": 12, "unk_bytes": 3, "lossy": score["domain"] == "general", "lost_example": "'é' becomes ''"}
    document = {"doc_id": "f" * 32, "text": f"{NASTY} " * 9, "bytes": 812, "before": 1.5, "after": 1.9}
    for row in content["differences"]:
        row |= {"of": "checkpoint", "p_value": 0.001, "adjusted_p": 0.004, "documents": 120, "clusters": 90, "effective": 25.5, "below_seed_noise": True}
        row |= {"worsened": {"share": 0.2, "documents": 24, "low": 0.1, "high": 0.3}, "influential": document | {"delta_without": row["delta"] + 0.01}}
    of_recipe = [row | {"model": "both", "of": "recipe", "seeds": 2, "below_seed_noise": None} for row in content["differences"] if row["model"] == first]
    rows = [row for row in content["differences"] if row["against"] == base]
    slices = [{key: row[key] for key in row if key not in ("role", "retained")} | {"slice": "language", "value": "en", "bytes": 9000} for row in rows]
    compared = {key: value for key, value in slices[0].items() if key not in ("slice", "value", "bytes")}
    steps = [{"model": model, "domain": None if model == base else "domain", "bits_per_byte": {"domain": 1.5, "general": 1.4}} for model in content["models"]]
    return content | {
        "recipes": {"both": [first, second]},
        "differences": of_recipe + rows,
        "seed_noise": [{"domain": "domain", "deviation": 0.004, "degrees": 1.0, "stated": False}],
        "documents": [{"model": first, "against": base, "domain": "domain", "worst": [document], "best": [document]}],
        "slices": slices,
        "transfer": {
            "steps": steps,
            "rows": [compared | {"kind": "backward"}, compared | {"kind": "forward", "domain": "mean", "model": None, "against": None}],
        },
    }


def long_context(models: list[str]) -> dict:
    """Positions up to 64 tokens and needles at two depths; the first model is the baseline, and loses its way beyond 32 tokens."""
    edges = [(1, 16), (17, 32), (33, 64)]
    nats = {(model, last): 2.5 - 0.1 * index + (0.5 if model == models[0] and last > 32 else 0) for model in models for index, (_, last) in enumerate(edges)}
    half = {"standard_error": 0.02, "minimum_detectable": 0.06}
    positions = [
        {"model": model, "from": first, "to": last, "beyond_limit": model == models[0] and last > 32, "nats_per_token": nats[model, last]}
        | {"perplexity": math.exp(nats[model, last]), "low": nats[model, last] - 0.04, "high": nats[model, last] + 0.04, "tokens": 960, **half}
        for model in models
        for first, last in edges
    ]
    differences = [
        {"model": model, "against": models[0], "from": first, "to": last, "delta": nats[model, last] - nats[models[0], last], "low": -0.6, "high": 0.1}
        | {"verdict": "undetectable", **half}
        for model in models[1:]
        for first, last in edges
    ]
    needle = [
        {"model": model, "length": length, "depth": depth, "beyond_limit": False, "accuracy": 0.5, "low": 0.3, "high": 0.7, "mean_rank": 1.9}
        | {"nats": 11.0, "trials": 20, "chance": 0.1}
        for model in models
        for length in (32, 64)
        for depth in (0.0, 1.0)
    ]
    return {"domain": "domain", "documents": 60, "lengths": [16, 32, 64], "positions": positions, "differences": differences, "needle": needle}


def contamination(models: list[str], domains: list[str]) -> dict:
    """Two training sets; a quarter of each domain's 120 documents stands in them."""
    counts = {"items": 120, "exact": 0, "near": 8, "contained": 12, "covered": 10, "none": 90, "too_short": 0, "touched": 21}
    bounds = {"low": -0.3, "high": -0.1, "standard_error": 0.05, "minimum_detectable": 0.14, "documents": 90, "clusters": 90, "effective": 80.0}
    example = {"set": domains[0], "item": "0" * 32, "kind": "near", "jaccard": 0.9, "containment": 0.95, "ngram_share": 0.9}
    example |= {"train_set": "out/curate/domain/documents", "train_id": "1" * 32, "item_excerpt": f"held out {NASTY} " * 20, "train_excerpt": "trained on"}
    folders = ("out/curate/domain/documents", "out/curate/general/documents")
    return {
        "against": [{"folder": folder, "manifest_hash": "c" * 32, "documents": 1200, "bytes": 4_800_000} for folder in folders],
        "note": "",
        "domains": dict.fromkeys(domains, counts),
        "left_out": {},
        "examples": [example],
        "scores": [{"model": model, "domain": domain, "value": 1.5, **bounds} for model in models for domain in domains],
        "differences": [
            {"model": model, "against": models[0], "domain": domain, "of": "checkpoint", "delta": -0.2, **bounds} for model in models[1:] for domain in domains
        ],
    }


def probes(models: list[str], domains: list[str]) -> dict:
    """Two measures, calibration and drift; the first model is the baseline, and the last one loops and lost its copying."""
    base, last = models[0], models[-1]
    sizes = {"items": 40, "clusters": 40, "effective": 40.0}
    loops = {model: 0.9 if model == last else 0.2 for model in models} | {"human": 0.0}
    copied = {model: 0.1 if model == last else 0.8 for model in models}
    measured = [("greedy_loops", domain, loops) for domain in domains] + [("copied_tokens", "", copied)]
    measures = {
        "greedy_loops": {"probe": "generation", "unit": "share", "better": "lower", "meaning": "greedy continuations that end in a cycle"},
        "copied_tokens": {"probe": "copying", "unit": "share", "better": "higher", "meaning": "tokens of the second copy that are predicted"},
    }
    scores = [
        {"measure": name, "model": model, "domain": domain, "value": value, "low": max(value - 0.1, 0), "high": min(value + 0.1, 1), **sizes}
        for name, domain, values in measured
        for model, value in values.items()
    ]
    differences = [
        {"probe": measures[name]["probe"], "measure": name, "domain": domain, "model": model, "against": base, "of": "checkpoint"}
        | {"delta": values[model] - values[base], "low": values[model] - values[base] - 0.1, "high": values[model] - values[base] + 0.1}
        | {"standard_error": 0.05, "minimum_detectable": 0.14, "p_value": 0.001, "adjusted_p": 0.003}
        | {"verdict": "worse" if model == last else "undetectable", **sizes}
        for name, domain, values in measured
        for model in models[1:]
    ]
    bins = [{"confidence": share, "right": share * 0.9, "tokens": 500} for share in (0.1, 0.4, 0.8)]
    places = [(None, "embeddings"), (0, "attention"), (0, "mlp"), (0, "norms"), (1, "attention"), (1, "mlp"), (1, "norms"), (None, "head")]
    cells = [{"layer": layer, "part": part, "relative": 0.01 * (1 + index), "cosine": 0.99, "numbers": 64} for index, (layer, part) in enumerate(places)]
    rows = {"compared": 100, "added": 3, "removed": 0, "largest": [{"token": NASTY, "relative": 0.2}]}
    continuation = {mode: {"text": f"and so on {NASTY}", "ended": mode == "sampled", "loop": mode == "greedy"} for mode in ("greedy", "sampled")}
    return {
        "name": "made up",
        "recipe_hash": "f" * 32,
        "baseline": base,
        "versions": {"torch": "2.13.0"},
        "models": {model: {"checksum": "b" * 32, "model_type": "llama"} for model in models},
        "domains": domains,
        "probes": ["generation", "copying", "calibration", "drift", "chat"],
        "measures": measures,
        "scores": scores,
        "differences": differences,
        "skipped": [{"model": base, "probe": "chat", "why": "its tokenizer has no chat template"}],
        "examples": [
            {"domain": domain, "doc_id": "0" * 32, "prompt": f"Once upon {NASTY}", "human": "a time", "continuations": dict.fromkeys(models, continuation)}
            for domain in domains
        ],
        "tasks": {model: {"copy": 0.5} for model in models},
        "answers": {},
        "reliability": {model: dict.fromkeys(domains, bins) for model in models},
        "drift": {model: {"cells": cells, "total": {"relative": 0.04}, "rows": rows, "not_compared": []} for model in models[1:]},
    }


def curate_report(name: str, n_read: int = 20_000) -> dict:
    removed = [
        ("language", "keep", 0.021),
        ("rules", "gopher_quality/gopher_below_alpha_threshold", 0.133),
        ("rules", "gopher_repetition/duplicated_5_n_grams", 0.094),
        ("rules", "fineweb/line_punct_ratio", 0.061),
        ("rules", "gopher_quality/gopher_short_doc", 0.012),
        ("exact", "duplicate", 0.082),
        ("minhash", "near_duplicate", 0.047),
    ]
    funnel, remaining = [], n_read
    for stage, rule, share in removed:
        documents = round(share * n_read)
        remaining -= documents
        funnel.append({"stage": stage, "rule": rule, "documents": documents, "bytes": documents * 900, "remaining": remaining})
    held_out = round(0.04 * remaining)
    examples = {
        f"{step['stage']}/{step['rule']}": [
            {
                "doc_id": f"{index:032x}",
                "file": f"{name}.jsonl",
                "row": 7 * index,
                "value": 0.4 + index,
                "threshold": 0.8,
                "text": f"{NASTY} {step['rule']} " * 40,
            }
            for index in range(3)
        ]
        for step in funnel
    }
    dropped = sum(step["documents"] for step in funnel)
    return {
        "name": name,
        "recipe_hash": "d" * 32,
        "counts": {"read": n_read, "kept": remaining - held_out, "held_out": held_out, "dropped": dropped, "unreadable": 0},
        "bytes": {"read": n_read * 950, "kept": (remaining - held_out) * 960, "held_out": held_out * 960, "dropped": dropped * 900},
        "funnel": funnel,
        "rules": [{"stage": step["stage"], "rule": step["rule"], "documents": step["documents"] + 90, "only": step["documents"] // 2} for step in funnel],
        "examples": examples,
        "kept_examples": [{"doc_id": f"{index:032x}", "file": "kept.txt", "row": index, "text": f"Kept document {index}. " * 50} for index in range(3)],
        "records": {"seen": n_read, "documents": n_read, "unreadable": 0, "passed_over": {}},
        "changed": {},
        "histograms": [],
        "languages": {"en": n_read - 430, "fr": 211, "de": 120, "la": 99},
        "kept_languages": {"en": remaining},
        "sources": {name: {"read": n_read, "kept": remaining - held_out, "bytes_kept": (remaining - held_out) * 960}},
        "duplicates": {"exact": 1640, "minhash": 940, "semantic": 0, "largest_cluster": 37},
        "synthetic": {},
        "hosts": 0,
        "removed": {},
        "warnings": [],
        "faults": [{"file": f"{name}/broken.jsonl.gz", "problem": f"cut short after row 12 {NASTY}"}],
    }


def preview(shares: dict[str, float], tokens: int = 600_000) -> dict:
    sources = [
        {"name": name, "available_tokens": 3_100_000, "documents": 9000, "rows": round(share * tokens / 510), "tokens": round(share * tokens)}
        | {"epochs": share * tokens / 3_100_000, "repeats": 1, "padding": 0.0031, "split_documents": 412, "asked": share, "got": min(share + 0.0002, 1.0)}
        for name, share in shares.items()
    ]
    return {
        "row_tokens": 512,
        "rows": tokens // 510,
        "tokens": tokens,
        "stages": [{"name": "adapt", "rows": tokens // 510, "tokens": tokens, "asked": shares, "got": shares}],
        "sources": sources,
    }


def metrics(shares: dict[str, float], ends: dict[str, float], n_steps: int = 150, seed: int = 0) -> list[dict]:
    rng, tokens, lines = random.Random(seed), 0, []
    for step in range(1, n_steps + 1):
        counts = {name: round(share * 4000 * (1 + rng.uniform(-0.1, 0.1))) for name, share in shares.items()}
        tokens += sum(counts.values())
        losses = {name: ends[name] + 1.2 * math.exp(-step / 40) + rng.gauss(0, 0.12) for name, share in shares.items() if counts[name]}
        lr = 1e-3 * min(step / 8, 1, (n_steps - step) / (0.3 * n_steps))
        line = {"step": step, "tokens": tokens, "loss": sum(losses.values()) / len(losses), "lr": lr, "grad_norm": 1.0, "tokens_per_second": 5100.0}
        lines.append(line | {"loss_by_source": losses, "tokens_by_source": counts})
    return lines


def run_record() -> dict:
    """`run.json` of a finished run on two GPUs."""
    optimizer = {"preset": None, "kind": "adamw", "lr": 0.001, "betas": [0.9, 0.95], "weight_decay": 0.1, "clip": 1.0}
    schedule = {"preset": None, "kind": "wsd", "warmup_steps": 8, "warmup_share": 0.01, "decay_share": 0.3}
    recipe = {"seed": 7, "batch_rows": 8, "document_mask": True, "precision": "bf16", "optimizer": optimizer, "schedule": schedule}
    hardware = {"device": "cuda", "device_name": "NVIDIA H200", "processes": 2}
    return {"recipe_hash": "e" * 32, "recipe": recipe, "steps": 150, "row_tokens": 512, "n_parameters": 3_700_000, "versions": {"python": "3.11.7"}} | hardware


def write_inputs(home: Path) -> dict:
    """Everything of a small adaptation under `home`; returns the fields of its report recipe."""
    roles = {"domain": "gain", "general": "retain"}
    bits = {
        "base": {"domain": 1.812, "general": 1.402},
        "replay": {"domain": 1.404, "general": 1.408},
        "no-replay": {"domain": 1.371, "general": 1.689},
    }
    write_json(home / "scores" / "summary.json", summary(bits, roles) | {"contamination": contamination(list(bits), list(roles))})
    write_json(home / "probes" / "probes.json", probes(list(bits), list(roles)))
    shares = {"replay": {"domain": 0.7, "general": 0.3}, "no-replay": {"domain": 1.0}}
    for name in roles:
        write_json(home / "curate" / name / "report.json", curate_report(name))
    for name, mix in shares.items():
        write_json(home / "mix" / name / "preview.json", preview(mix))
        lines = metrics(mix, {"domain": 2.5, "general": 2.9})
        (home / "train" / name).mkdir(parents=True, exist_ok=True)
        (home / "train" / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        write_json(home / "train" / name / "run.json", run_record())
    return {
        "title": "A small English model learns Python",
        "base": "a Llama-architecture model of 3.7 million parameters",
        "intro": "Made-up figures.",
        "scores": str(home / "scores"),
        "curate": {name: str(home / "curate" / name) for name in roles},
        "mixes": {name: str(home / "mix" / name) for name in shares},
        "runs": {name: str(home / "train" / name) for name in shares},
        "probes": str(home / "probes"),
        "reproduce": ["make demo"],
        "out": str(home / "report.html"),
    }
