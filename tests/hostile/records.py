"""Hostile folders: a small tokens set, a mix of it and an export, and a seeded stream of what can be wrong with them."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mix.build import build
from mix.preview import read_preview
from mix.recipe import MixRecipe
from mix.stream import open_mix
from shards.manifest import read_manifest
from shards.read import ShardSet
from shards.record import CHECKSUM, sealed
from shards.remote import Cache
from shards.stages import Stage
from tests.mix.conftest import INFO, write_tokens
from tests.records import content_of
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.folder import read_note
from tokenize_tools.exchange.importing import import_tokens

NASTY: list[Any] = [
    *(-1, -150, 0, 1, 3, 1 << 16, 1 << 31, 1 << 32, (1 << 53) + 1, 10**12, 10**30, -(10**30), 0.5, float("nan"), float("inf"), True, None),
    *("", ".", "..", "../../authorized_keys", "/etc/passwd", "a/b.arrow", "\x00", "\x1b[2J", "x" * 5000, "0" * 32, "Ω", [], {}, [[]], {"": {}}),
]
"""What an edited fact may say."""


class Harm(NamedTuple):
    """One thing done to a folder. With `is_silent`, somebody knew how to make a new checksum, so other content may pass as true."""

    words: str
    is_silent: bool


def make_home(home: Path) -> None:
    """`tokens`, `other` (a second set of the same form), `mix`, `export` and `stage` under `home`."""
    info = {"tokenizer": "small", "bos_id": None, "policy": {"bos": False, "eos": False}, **INFO}
    for number, name in enumerate(("tokens", "other")):
        write_tokens(home / name, [5, 90, 0, 17, 33, 64, 2, 70] * 2, seed=number, rows_per_file=10, info=info)
    sources = {name: {"tokens": [home / name]} for name in ("tokens", "other")}
    recipe = {"name": "m", "row_tokens": 32, "out": home / "mix", "sources": sources, "tokens": 600, "weights": {"tokens": 2, "other": 1}}
    build(MixRecipe.model_validate(recipe))
    export(home / "tokens", "datatrove", home / "export")
    table = ShardSet(home / "tokens").table(0)
    Stage(home / "stage").commit(0, {"tokens": table.to_batches()}, {"tokens": table.schema}, {"n": 1})


READERS: dict[str, Callable[[Path], Any]] = {
    "tokens/manifest.json": lambda home: read_manifest(home / "tokens"),
    "mix/manifest.json": lambda home: read_manifest(home / "mix"),
    "mix/plan.json": lambda home: open_mix(home / "mix").plan.to_json(),
    "mix/preview.json": lambda home: read_preview(home / "mix"),
    "mix/rows/other/manifest.json": lambda home: read_manifest(home / "mix" / "rows" / "other"),
    "export/cptkit.json": lambda home: read_note(home / "export"),
    "stage/00000.json": lambda home: [Stage(home / "stage").info(0), Stage(home / "stage").files(0, "tokens")],
}
"""What reads each record, by its path."""


def everything(home: Path) -> list[Any]:
    """All that readers make of a home, as values that can be compared."""
    found: list[Any] = []
    for place in (home / "mix", f"file://{home / 'mix'}"):
        mix = open_mix(place, cache=Cache(home.parent / "cache"))
        rows = mix.rows(0, mix.n_rows)
        found += [mix.eos_id, mix.pad_id, mix.n_vocab, rows.input_ids.tolist(), rows.n_tokens.tolist()]
    found += [ShardSet(home / name, "tokens").to_table().to_pylist() for name in ("tokens", "other")]
    found += [read_preview(home / "mix"), Stage(home / "stage").table(0, "tokens").to_pylist()]
    import_tokens([home / "export"], "datatrove", home.parent / "imported")
    return [*found, ShardSet(home.parent / "imported").to_table().to_pylist()]


def harms(seed: int) -> Iterator[Callable[[Path], Harm]]:
    """Endless: functions that each do one thing to a home."""
    rng = random.Random(seed)
    kinds = [_flip, _flip, _cut, _swap, _edit, _edit, _edit, _lose]
    while True:
        kind, own = rng.choice(kinds), random.Random(rng.random())
        yield lambda home, kind=kind, own=own: kind(home, own)


def _files(home: Path, ending: str = "") -> list[Path]:
    return [path for path in sorted(home.rglob("*")) if path.is_file() and path.name.endswith(ending)]


def _rewrite(path: Path, data: bytes) -> None:
    path.unlink()  # its other names, if it is a hard link, stay as they are
    path.write_bytes(data)


def _flip(home: Path, rng: random.Random) -> Harm:
    path = rng.choice(_files(home))
    data, bit = bytearray(path.read_bytes()), rng.randrange(8 * path.stat().st_size)
    data[bit // 8] ^= 1 << bit % 8
    _rewrite(path, bytes(data))
    return Harm(f"bit {bit} of {path.relative_to(home)} flipped", False)


def _cut(home: Path, rng: random.Random) -> Harm:
    path = rng.choice(_files(home))
    length = rng.randrange(path.stat().st_size)
    _rewrite(path, path.read_bytes()[:length])
    return Harm(f"{path.relative_to(home)} cut to {length} bytes", False)


def _swap(home: Path, rng: random.Random) -> Harm:
    ending = rng.choice([".arrow", "manifest.json"])
    a, b = rng.sample(_files(home, ending), 2)
    data = a.read_bytes(), b.read_bytes()
    _rewrite(a, data[1])
    _rewrite(b, data[0])
    return Harm(f"{a.relative_to(home)} and {b.relative_to(home)} exchanged", False)


def _lose(home: Path, rng: random.Random) -> Harm:
    path = rng.choice(_files(home))
    path.unlink()
    return Harm(f"{path.relative_to(home)} deleted", False)


def _edit(home: Path, rng: random.Random) -> Harm:
    path = home / rng.choice(list(READERS))
    content, value, is_silent = content_of(path), rng.choice(NASTY), rng.random() < 0.7
    place, key = rng.choice(list(_places(content)))
    if rng.random() < 0.15:
        place.pop(key)
    else:
        place[key] = value
    told = json.loads(path.read_text())[CHECKSUM]
    _rewrite(path, sealed(content) if is_silent else json.dumps(content | {CHECKSUM: told}).encode())
    return Harm(f"{key} of {path.relative_to(home)} = {str(value)[:40]!r}, {'with' if is_silent else 'without'} a new checksum", is_silent)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in parsed JSON, as what holds it and its key there."""
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def fresh(home: Path, target: Path) -> Path:
    """A copy of a home, in the place of whatever `target` holds."""
    for stale in (target, target.parent / "cache", target.parent / "imported"):
        shutil.rmtree(stale, ignore_errors=True)
    return Path(shutil.copytree(home, target))
