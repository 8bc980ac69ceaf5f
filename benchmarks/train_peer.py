"""The same training steps by Hugging Face's Trainer, with transformers' sdpa attention: plain causal over each packed row."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, SequentialSampler

from benchmarks.harness import device_clock
from benchmarks.train_rows import Steps
from train.batch import make_batch
from train.optimize.recipe import OptimizerRecipe


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


def peer_run(folder: Path, steps: Steps, micro_rows: int, settings: OptimizerRecipe, scratch: Path) -> tuple[list[float], list[float]]:
    """Loss of each step, and the clock before the first and after each."""
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)  # type: ignore[arg-type]

    class Watch(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []
            self.losses: list[float] = []

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.ends.append(device_clock())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.ends.append(device_clock())

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            self.losses += [logs["loss"]] if "loss" in logs else []

    cuda = torch.cuda.is_available()
    arguments = TrainingArguments(
        str(scratch / "trainer"), per_device_train_batch_size=micro_rows, gradient_accumulation_steps=-(-len(steps[0].n_tokens) // micro_rows),
        max_steps=len(steps), learning_rate=settings.lr, lr_scheduler_type="constant", weight_decay=settings.weight_decay, adam_beta1=settings.betas[0],
        adam_beta2=settings.betas[1], adam_epsilon=settings.eps, max_grad_norm=settings.clip or 0.0, optim="adamw_torch_fused", bf16=cuda, use_cpu=not cuda,
        logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=cuda,
    )  # fmt: skip
    watch = Watch()
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa", use_cache=False)
    InOrder(network, arguments, train_dataset=LabelledRows(steps), callbacks=[watch]).train()
    return watch.losses, watch.ends
