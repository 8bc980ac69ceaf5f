"""The parts of `benchmarks/gpu.sh` that are programs of their own; each prints one JSON object on its last line.

    python -m benchmarks.gpu_parts train|rope|heads [--device cuda|cpu]

- `train`: two runs of 20 steps by the `train` command, whose losses are compared bit for bit.
- `rope`: the largest error of rotary embeddings at 4,096 positions, by setting of float32 matrix products, with and without our full precision.
- `heads`: attention with fewer heads of keys and values than of queries, with and without copies of them: difference and time.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.harness import device_clock
from tests.train.parts import N_VOCAB, write_mix, write_tokenizer
from train import attention, varlen
from train.model import load_network, prepare, quiet_transformers

N_STEPS = 20


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parts = parser.add_subparsers(required=True)
    for name, function in {"train": train_twice, "rope": rope_errors, "heads": grouped_heads}.items():
        part = parts.add_parser(name)
        part.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
        part.set_defaults(run=lambda options, function=function: print(json.dumps(function(options.device))))
    options = parser.parse_args()
    options.run(options)


def train_twice(device: str) -> dict[str, Any]:
    """Train a small Llama on a made-up mix, twice, in bfloat16 with checkpoints; on a CPU in float32."""
    with tempfile.TemporaryDirectory() as name:
        recipe, folder = _recipe(Path(name), device), Path(name)
        curves = []
        for run in ("one", "two"):
            subprocess.run([sys.executable, "-m", "train", str(recipe), "--out", str(folder / run)], check=True)
            records = [json.loads(line) for line in (folder / run / "metrics.jsonl").read_text().splitlines()]
            curves.append([(record["loss"], record["grad_norm"]) for record in records])
        outcome = json.loads((folder / "one" / "run.json").read_text())
    spread = max(abs(one[0] - two[0]) for one, two in zip(*curves, strict=True))
    return {
        "steps": len(curves[0]), "first_loss": curves[0][0][0], "last_loss": curves[0][-1][0], "learned": curves[0][-1][0] < curves[0][0][0],
        "exact": outcome["exact"], "largest_loss_difference": spread, "repeats_bit_for_bit": curves[0] == curves[1], "device": outcome["device"],
    }  # fmt: skip


def _recipe(folder: Path, device: str) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    quiet_transformers()
    torch.manual_seed(0)
    width = {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2}
    if device == "cpu":
        width = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    base = folder / "base"
    LlamaForCausalLM(LlamaConfig(**width, vocab_size=N_VOCAB, max_position_embeddings=64)).save_pretrained(base)
    write_tokenizer(base)
    mix = write_mix(folder / "mix", hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest())
    recipe = {
        "name": "gpu", "model": str(base), "mix": str(mix), "device": "auto" if device == "cuda" else "cpu", "batch_rows": 16, "micro_batch_rows": 8,
        "steps": N_STEPS, "precision": "bf16" if device == "cuda" else "fp32", "optimizer": {"lr": 1e-3}, "schedule": {"warmup_steps": 2},
        "checkpoint": {"every_steps": 8}, "log": {"tensorboard": False},
    }  # fmt: skip
    (folder / "train.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "train.yaml"


@torch.no_grad()
def rope_errors(device: str) -> dict[str, Any]:
    """Largest error of a cosine or sine against float64, for the rotary module of transformers as it is, and as the trainer uses it."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {"hidden_size": 128, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 64}
    positions = torch.arange(4096, device=device)[None]
    errors: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        LlamaForCausalLM(LlamaConfig(**shape, vocab_size=64, rope_theta=500_000.0)).save_pretrained(name)
        for who in ("transformers", "ours"):
            network = load_network(Path(name)).to(device)
            if who == "ours":
                prepare(network)
            rotary = network.model.rotary_emb
            angles = positions[..., None].double() * torch.cat([rotary.inv_freq, rotary.inv_freq]).double()
            for precision in ("highest", "high"):
                torch.set_float32_matmul_precision(precision)
                found = rotary(torch.zeros(1, 1, 1, device=device), positions)
                errors[f"{who}_{precision}"] = max(
                    float((one.double() - other).abs().max()) for one, other in zip(found, (angles.cos(), angles.sin()), strict=True)
                )
    return {"positions": 4096, "largest_error": errors}


def grouped_heads(device: str) -> dict[str, Any]:
    """Varlen attention of 4 rows of 4,096 tokens with 32 heads of queries and 8 of keys and values; on a CPU the reference, at a small size."""
    cuda = device == "cuda"
    n_rows, n_tokens, n_heads, n_kv_heads, size = (4, 4096, 32, 8, 64) if cuda else (1, 256, 4, 2, 16)
    dtype, backend = (torch.bfloat16, "varlen") if cuda else (torch.float32, "sdpa")
    torch.manual_seed(0)
    tensors = [torch.randn(n_rows, heads, n_tokens, size, device=device, dtype=dtype, requires_grad=True) for heads in (n_heads, n_kv_heads, n_kv_heads)]
    boundaries = torch.arange(0, n_rows * n_tokens + 1, n_tokens // 8, dtype=torch.int32, device=device)
    outcomes, milliseconds = {}, {}
    for name, grouped in (("grouped", True), ("copied", False)):
        options = {"cu_seq_lens_q": boundaries, "max_length_q": n_tokens // 8, "attention_backend": backend, "group_heads": grouped}

        def step(options: dict[str, Any] = options) -> list[torch.Tensor]:
            out, _ = attention.document_attention(torch.nn.Module(), *tensors, None, **options)
            return [out.detach(), *torch.autograd.grad(out.float().square().sum(), tensors)]

        outcomes[name] = step()
        started = device_clock()
        for _ in range(10):
            step()
        milliseconds[name] = (device_clock() - started) * 100
    difference = max(float((one.float() - other.float()).abs().max()) for one, other in zip(*outcomes.values(), strict=True))
    supported = varlen.takes_fewer_kv_heads(torch.device(device)) if cuda else None
    return {"supported": supported, "largest_difference": difference, "milliseconds": milliseconds, "ratio": milliseconds["copied"] / milliseconds["grouped"]}


if __name__ == "__main__":
    main()
