"""A training step: ours, with documents masked, against Hugging Face's Trainer on the same rows.

    python -m benchmarks.train_step [--model FOLDER] [--mix FOLDER] [--steps N] [--batch-rows N] [--micro-batch-rows N]

Same weights, rows, precision, AdamW and accumulation. The peer is Trainer with transformers' sdpa attention, plain causal over each packed
row, because that is what its pre-training recipes do; so it computes more attention than ours and lets documents see each other. Our losses
with the masks off are compared with its, step by step. Without arguments a Llama with random weights and random rows are used: 3.6 million
parameters in float32 on one core of a CPU, the shape of Llama 3.2 1B in bfloat16 with rows of 4,096 tokens on CUDA.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, SequentialSampler

from benchmarks.harness import print_result, use_one_core
from mix.stream import RowBatch, open_mix
from train.batch import PackedRows, make_batch
from train.loop import RunState, StepReport, StepRows, train
from train.model import load_model, quiet_transformers
from train.optimize.recipe import Optimizer
from train.optimize.weights import TrainedWeights
from train.world import World

N_WARM_UP = 2  # steps that are not timed: allocation, and choice of kernels
CPU_SHAPE = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 6, "num_attention_heads": 3, "num_key_value_heads": 3, "vocab_size": 6144}
CUDA_SHAPE = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8}
CUDA_SHAPE |= {"head_dim": 64, "vocab_size": 128_256}
SETTINGS = Optimizer(lr=3e-4)


class Steps(list[RowBatch | PackedRows]):
    """Rows of each optimizer step."""

    @property
    def n_tokens(self) -> int:
        """Real tokens of the timed steps."""
        return sum(int(rows.n_tokens.sum()) for rows in self[N_WARM_UP:])


def main() -> None:
    """Print tokens per second of each; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--mix", type=Path)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch-rows", type=int, default=4)
    parser.add_argument("--micro-batch-rows", type=int, default=2)
    options = parser.parse_args()
    quiet_transformers()
    cuda = torch.cuda.is_available()
    if not cuda:
        use_one_core()
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or random_model(Path(folder) / "model", CUDA_SHAPE if cuda else CPU_SHAPE)
        steps = read_steps(options.mix, options.steps, options.batch_rows, 4096 if cuda else 512)
        peer_losses, peer_seconds = peer_run(model, steps, options.micro_batch_rows, Path(folder))
        _, seconds = our_run(model, steps, options.micro_batch_rows, document_mask=True)
        losses, unmasked_seconds = our_run(model, steps, options.micro_batch_rows, document_mask=False)
    n_tokens = steps.n_tokens / (len(steps) - N_WARM_UP)
    ours = {"tokens_per_second": n_tokens / seconds, "tokens_per_second_without_mask": n_tokens / unmasked_seconds}
    peer = {"tokens_per_second": n_tokens / peer_seconds}
    difference = max(abs(one - other) for one, other in zip(losses, peer_losses, strict=True))
    print(
        f"ours {ours['tokens_per_second']:,.0f} tokens/s ({ours['tokens_per_second_without_mask']:,.0f} without mask), Trainer {peer['tokens_per_second']:,.0f}"
    )
    agreement = {"largest_loss_difference_nats": difference, "steps": len(losses)}
    print_result({"ours": ours, "peer": peer, "ratio": peer_seconds / seconds, "agreement": agreement, "device": device_name()})


def device_name() -> str:
    """What the figures were measured on."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, one core"


def random_model(folder: Path, shape: dict[str, int]) -> Path:
    """A Llama of this shape with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True, max_position_embeddings=8192)).save_pretrained(folder)
    return folder


def read_steps(mix: Path | None, n_steps: int, batch_rows: int, row_tokens: int) -> Steps:
    """Rows of `n_steps` steps from a mix, or random ones."""
    if mix is not None:
        opened = open_mix(mix)
        return Steps(opened.rows(step * batch_rows, (step + 1) * batch_rows) for step in range(n_steps))
    rng = np.random.default_rng(0)
    return Steps(random_rows(rng, batch_rows, row_tokens) for _ in range(n_steps))


def random_rows(rng: np.random.Generator, n_rows: int, row_tokens: int) -> PackedRows:
    """Full rows of documents whose lengths are log-normal around 300 tokens, cut where a row ends."""
    lengths: list[int] = []
    offsets = [0]
    for _ in range(n_rows):
        left = row_tokens
        while left:
            lengths.append(min(left, max(2, int(rng.lognormal(5.7, 1.0)))))
            left -= lengths[-1]
        offsets.append(len(lengths))
    input_ids = rng.zipf(1.2, (n_rows, row_tokens)) % CPU_SHAPE["vocab_size"]
    return PackedRows(input_ids, np.array(offsets), np.array(lengths), np.zeros(len(lengths), dtype=np.int16), np.full(n_rows, row_tokens))


def our_run(folder: Path, steps: Steps, micro_rows: int, *, document_mask: bool) -> tuple[list[float], float]:
    """Losses of all steps, and the median seconds of those after warm-up."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(folder, device)
    weights = TrainedWeights(model.network, torch.bfloat16 if device.type == "cuda" else torch.float32, SETTINGS)
    losses: list[float] = []
    ends = [clock()]

    def after_step(report: StepReport) -> bool:
        losses.append(report.loss)
        ends.append(clock())
        return True

    def batches() -> Any:
        for rows in steps:
            n_rows = len(rows.n_tokens)
            pieces = [_slice(rows, first, min(first + micro_rows, n_rows)) for first in range(0, n_rows, micro_rows)]
            yield StepRows(0, n_rows, [make_batch(piece, int(rows.seg_sources.max()) + 1, document_mask=document_mask) for piece in pieces])

    train(model, weights, batches(), lambda step: SETTINGS.lr, RunState(), after_step, World(device))
    return losses, step_seconds(ends)


def clock() -> float:
    """Seconds: of this process on a CPU, where other processes would be measured too, of the wall on CUDA, once it is idle."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def step_seconds(ends: list[float]) -> float:
    """Median seconds of a step after warm-up, from the clock at the start and after each step."""
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(ends[N_WARM_UP:]))


def _slice(rows: RowBatch | PackedRows, start: int, stop: int) -> PackedRows:
    offsets = rows.seg_offsets[start : stop + 1]
    segments = slice(int(offsets[0]), int(offsets[-1]))
    return PackedRows(rows.input_ids[start:stop], offsets - offsets[0], rows.seg_lengths[segments], rows.seg_sources[segments], rows.n_tokens[start:stop])


class LabelledRows(Dataset[dict[str, torch.Tensor]]):
    """All rows with labels as transformers wants them: the token itself, -100 where it is the first of a document, or padding."""

    def __init__(self, steps: Steps) -> None:
        self._items = []
        for rows in steps:
            targets = make_batch(rows, int(rows.seg_sources.max()) + 1).targets
            labels = torch.cat([torch.full_like(targets[:, :1], -100), targets[:, :-1]], dim=1)
            input_ids = torch.from_numpy(rows.input_ids.astype(np.int64))
            self._items += [{"input_ids": ids, "labels": label} for ids, label in zip(input_ids, labels, strict=True)]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self._items[index]


def peer_run(folder: Path, steps: Steps, micro_rows: int, scratch: Path) -> tuple[list[float], float]:
    """The same with transformers' Trainer."""
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)  # type: ignore[arg-type]

    class Watch(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []
            self.losses: list[float] = []

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.ends.append(clock())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.ends.append(clock())

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            self.losses += [logs["loss"]] if "loss" in logs else []

    cuda = torch.cuda.is_available()
    arguments = TrainingArguments(
        str(scratch / "trainer"), per_device_train_batch_size=micro_rows, gradient_accumulation_steps=-(-len(steps[0].n_tokens) // micro_rows),
        max_steps=len(steps), learning_rate=SETTINGS.lr, lr_scheduler_type="constant", weight_decay=SETTINGS.weight_decay, adam_beta1=SETTINGS.betas[0],
        adam_beta2=SETTINGS.betas[1], adam_epsilon=SETTINGS.eps, max_grad_norm=SETTINGS.clip or 0.0, optim="adamw_torch_fused", bf16=cuda, use_cpu=not cuda,
        logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=cuda,
    )  # fmt: skip
    watch = Watch()
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa", use_cache=False)
    InOrder(network, arguments, train_dataset=LabelledRows(steps), callbacks=[watch]).train()
    return watch.losses, step_seconds(watch.ends)


if __name__ == "__main__":
    main()
