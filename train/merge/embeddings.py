"""Learned Embedding Propagation: moves the embeddings of a model adapted to a language into the instruct model of the same base.

Tikhomirov and Chernyshev 2024, arXiv 2412.21140. The result has the instruct model's body and the adapted model's input and output
embeddings, each multiplied by the linear map that instruction tuning applied to the embeddings (their equation 7). With one row per token,
the map M is the least-squares solution of `base_rows @ M = instruct_rows` over corresponding rows:

    swap         no rows: M is the identity (2.2.1)
    overlap      tokens that the old and the new vocabulary share (equations 8 to 11)
    conversion   every new token, as the mean of the old tokens that it is split into (equations 13 and 14)
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from train.errors import TrainError
from train.merge.recipe import MergeRecipe
from train.merge.tokens import FILE, read_tokenizer, refuse_other_tokens, token_ids
from train.model import UNLOADABLE
from train.save.files import OTHER_FILES, TOKENIZER_FILES, copy_files
from train.save.tensors import StoredWeights, TensorInfo, same_tensors

_CHUNK_ROWS = 8192
_RCOND = 1e-10
"""Eigenvalues of the rows' second moments below this share of the largest count as 0: in float64 they are only rounding errors."""

Propagation = tuple[dict[str, TensorInfo], Callable[[str], Tensor]]


def propagate(recipe: MergeRecipe, folders: Mapping[str, Path], parents: Mapping[str, StoredWeights], out: Path) -> Propagation:
    """The result's tensor infos, and a function that makes a tensor by name; writes config and tokenizer to `out`.

    Raises TrainError if the bodies differ in shape, or if base and instruct do not share a tokenizer.
    """
    adapted, instruct, base = parents["models.0"], parents["instruct"], parents["base"]
    names = embedding_names(folders["models.0"], adapted)
    same_tensors(parents, without=names)
    for role in ("base", "instruct"):
        if missing := [name for name in names if name not in parents[role]]:
            raise TrainError(
                f"{role} ({folders[role]}) has no {missing[0]}, but models.0 ({folders['models.0']}) has; merge models that all tie their heads, or none"
            )
    refuse_other_tokens({role: folders[role] for role in ("base", "instruct")})
    rows = _rows(recipe.alignment, folders)
    _write_settings(folders, out)
    infos = {name: TensorInfo(info.dtype, adapted.infos[name].shape) if name in names else info for name, info in instruct.infos.items()}

    def tensor_of(name: str) -> Tensor:
        if name not in names:
            return instruct[name]
        if rows is None:
            return adapted[name]
        return _times(adapted[name], linear_map(rows(base[name]), rows(instruct[name])))

    return infos, tensor_of


def embedding_names(folder: Path, weights: StoredWeights) -> list[str]:
    """Names of the input embedding and, if it is stored separately, of the output embedding of a model folder."""
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    except UNLOADABLE as error:
        raise TrainError(f"{folder}: transformers cannot use it: {' '.join(str(error).split())[:300]}") from None
    embeddings = {id(network.get_input_embeddings().weight), id(network.get_output_embeddings().weight)}
    return [name for name, parameter in network.named_parameters(remove_duplicate=False) if id(parameter) in embeddings and name in weights]


def linear_map(source: Tensor, target: Tensor) -> Tensor:
    """(D, D) float64: the minimum-norm M that minimises the squared error of `source @ M = target`; both (n, D)."""
    moments = torch.zeros(source.shape[1], source.shape[1], dtype=torch.float64)
    products = torch.zeros_like(moments)
    for start in range(0, len(source), _CHUNK_ROWS):
        chunk = source[start : start + _CHUNK_ROWS].double()
        moments.addmm_(chunk.T, chunk)
        products.addmm_(chunk.T, target[start : start + _CHUNK_ROWS].double())
    return torch.linalg.pinv(moments, rtol=_RCOND, hermitian=True) @ products


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    return torch.cat([(chunk.double() @ matrix).float() for chunk in rows.split(_CHUNK_ROWS)])


def _rows(alignment: str, folders: Mapping[str, Path]) -> Callable[[Tensor], Tensor] | None:
    """A function from an embedding of the old vocabulary (V, D) to the rows (n, D) that the map is fitted on; None: no map."""
    if alignment == "swap":
        return None
    old, new = read_tokenizer(folders["base"]), read_tokenizer(folders["models.0"])
    if alignment == "overlap":
        shared = token_ids(old).keys() & token_ids(new).keys()
        if not shared:
            raise TrainError(f"{folders['base']} and {folders['models.0']} share no token; use alignment: conversion or swap")
        ids = torch.tensor(sorted(token_ids(old)[token] for token in shared))
        return lambda embedding: embedding[ids].float()
    pieces, offsets = pieces_of(folders["base"], new)
    return lambda embedding: F.embedding_bag(pieces, embedding.float(), offsets, mode="mean")


def pieces_of(base: Path, new: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Each token of the vocabulary `new`, in order of ids, split by the tokenizer of `base`: ids of all pieces, and each token's offset in them.

    Tokens are split as they are spelled in the vocabulary, so that partial characters stay intact; this needs two vocabularies with the same
    spelling (both byte-level, or both with ▁ for spaces). Raises TrainError otherwise.
    """
    from tokenizers import Tokenizer

    old = read_tokenizer(base)
    if _spelling(old) != _spelling(new):
        raise TrainError(f"{base / FILE} writes tokens as {_spelling(old)}, the adapted model's as {_spelling(new)}; use alignment: overlap or swap")
    known, splitter = token_ids(old), Tokenizer.from_file(str(base / FILE)).model
    ids: list[int] = []
    offsets: list[int] = []
    for token in sorted(token_ids(new), key=token_ids(new).__getitem__):
        pieces = [known[token]] if token in known else [piece.id for piece in splitter.tokenize(token)]
        if pieces:
            offsets.append(len(ids))
            ids += pieces
    return torch.tensor(ids), torch.tensor(offsets)


def _spelling(tokenizer: dict[str, Any]) -> str:
    settings = json.dumps([tokenizer.get("pre_tokenizer"), tokenizer.get("normalizer"), tokenizer.get("decoder")], ensure_ascii=False)
    return "bytes" if "ByteLevel" in settings else "▁ for spaces" if "▁" in settings or "Metaspace" in settings else "plain text"


def _write_settings(folders: Mapping[str, Path], out: Path) -> None:
    """Write the adapted tokenizer with the instruct model's chat template, and the instruct model's configs with ids of the new vocabulary."""
    adapted, instruct = folders["models.0"], folders["instruct"]
    copy_files(instruct, out, OTHER_FILES)
    copy_files(adapted, out, TOKENIZER_FILES)
    for path in instruct.glob("chat_template*"):
        (out / path.name).write_bytes(path.read_bytes())
    inline = _read(instruct / "tokenizer_config.json").get("chat_template")
    if inline is not None:
        settings = _read(out / "tokenizer_config.json") | {"chat_template": inline}
        (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
    names = {number: token for token, number in token_ids(read_tokenizer(instruct)).items()}
    new = token_ids(read_tokenizer(adapted))
    for file in ("config.json", "generation_config.json"):
        if (instruct / file).exists():
            settings = {key: _renumbered(key, value, names, new) for key, value in _read(instruct / file).items()}
            if file == "config.json":
                settings["vocab_size"] = _read(adapted / file)["vocab_size"]
            (out / file).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _renumbered(key: str, value: Any, names: Mapping[int, str], new: Mapping[str, int]) -> Any:
    """Translate ids under `*_token_id` keys to the new vocabulary. Raises TrainError for a token that it lacks."""
    if not key.endswith("_token_id") or value is None:
        return value
    if isinstance(value, list):
        return [_renumbered(key, token_id, names, new) for token_id in value]
    if names.get(value) not in new:
        raise TrainError(
            f"{key}: the instruct model's token {names.get(value)!r} (id {value}) is missing from the adapted vocabulary; adapt a tokenizer that keeps it"
        )
    return new[names[value]]
