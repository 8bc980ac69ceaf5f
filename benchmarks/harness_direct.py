"""lm-evaluation-harness through its own public interface: a YAML task, a model by its path, `simple_evaluate`."""

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


class Direct(NamedTuple):
    """What the harness answered, in the order of its items."""

    acc: list[float]
    acc_norm: list[float | None]
    nats: list[float]
    """Minus the log-likelihood of every choice of every item."""


def ask_directly(path: Path, task: Path, *, context: int, batch: int, add_bos: bool) -> Direct:
    """The answers of the model at `path` to the YAML file `task`, which lies in a folder of such files."""
    import datasets
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    logging.disable(logging.WARNING)
    datasets.config.HF_DATASETS_CACHE = task.parent / "datasets"
    arguments = {"pretrained": str(path), "dtype": "float32", "max_length": context, "add_bos_token": add_bos}
    manager = TaskManager(include_path=str(task.parent), include_defaults=False)
    options: dict[str, Any] = {"batch_size": batch, "device": "cpu", "bootstrap_iters": 0, "log_samples": True, "task_manager": manager}
    samples = simple_evaluate(model="hf", model_args=arguments, tasks=[task.stem], **options)["samples"][task.stem]
    nats = [-float(responses[0][0]) for sample in samples for responses in sample["resps"]]
    return Direct([float(sample["acc"]) for sample in samples], [sample.get("acc_norm") for sample in samples], nats)


def rolling(path: Path, texts: list[str], *, context: int, batch: int) -> float:
    """The harness's bits per byte of running texts: minus all log-likelihoods over all bytes and ln 2."""
    import math

    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=str(path), dtype="float32", max_length=context, batch_size=batch, device="cpu")
    requests = [Instance("loglikelihood_rolling", {}, (text,), 0) for text in texts]
    return -sum(model.loglikelihood_rolling(requests, disable_tqdm=True)) / sum(len(text.encode()) for text in texts) / math.log(2)
