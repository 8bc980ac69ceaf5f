import sys

import pytest

from shards.amounts import Bytes, Tokens, bytes_given_as, parse_bytes, parse_tokens, tokens_given_as
from shards.errors import CptkitError, ShardError
from shards.recipe import Recipe, build_recipe
from tests.commands import MODULES

BYTES = {"2000000": 2_000_000, "2_000_000": 2_000_000, "2,000,000": 2_000_000, "2e6": 2_000_000, "2M": 2_000_000, "2MB": 2_000_000, "2 mb": 2_000_000}
BYTES |= {"2 GB": 2 * 10**9, "1.5T": 15 * 10**11, ".5k": 500, "512MiB": 512 << 20, "1.5KiB": 1536, "7B": 7, "7 b": 7, " 7 ": 7, "1TiB": 1 << 40, "2.0": 2}
TOKENS = {
    "2B": 2 * 10**9,
    "1.5M": 1_500_000,
    "7k": 7000,
    "12": 12,
    "2 b": 2 * 10**9,
    "1_000": 1000,
    "1.1e3": 1100,
    "2G": 2 * 10**9,
    "0.1T": 10**11,
    "4.35B": 4_350_000_000,
}
WRONG = [
    "",
    "0",
    "0M",
    "-5",
    "-2M",
    "nan",
    "inf",
    "NaN",
    "2X",
    "2MM",
    "many",
    "1.5",
    "0.3",
    "1e-3",
    "1,5M",
    "1__0",
    "_1",
    "1_",
    "0x10",
    "1e99",
    "99999999T",
    "２",
    "2M,",
    "1e",
]


@pytest.mark.parametrize(("text", "n"), BYTES.items())
def test_bytes_are_read_as_people_write_them(text, n):
    assert parse_bytes(text) == n


@pytest.mark.parametrize(("text", "n"), TOKENS.items())
def test_tokens_are_read_as_people_write_them(text, n):
    assert parse_tokens(text) == n


@pytest.mark.parametrize("text", WRONG)
def test_an_invalid_amount_is_refused_with_its_name_and_the_accepted_forms(text):
    with pytest.raises(ShardError, match=r"^--size .*: not a.* of bytes; write 2000000, 2M"):
        bytes_given_as("--size", text)
    with pytest.raises(ShardError, match=r"^--tokens .*: not a.* of tokens; write 20000000, 20M or 1.5B"):
        tokens_given_as("--tokens", text)


class Sizes(Recipe):
    n_bytes: Bytes = 5
    n_tokens: Tokens | None = None


def test_recipes_read_the_same_forms_and_plain_numbers():
    assert build_recipe({"n_bytes": "2 GB", "n_tokens": "2B"}, Sizes, "x") == Sizes(n_bytes=2 * 10**9, n_tokens=2 * 10**9)
    assert build_recipe({"n_bytes": 2e6}, Sizes, "x", ["n_tokens=1_000"]) == Sizes(n_bytes=2_000_000, n_tokens=1000)
    for wrong in ("0", 0, -5, "1.5", 1.5, True, float("nan"), "many"):
        with pytest.raises(CptkitError, match=r"^x: n_bytes: "):
            build_recipe({"n_bytes": wrong}, Sizes, "x")


@pytest.mark.parametrize(
    "command",
    [
        ("tokenize", "train", "d", "--out", "o", "--sample-bytes"),
        ("tokenize", "fertility", "d", "--tokenizer", "t", "--sample-bytes"),
        ("mix", "preview", "m.yaml", "--tokens-per-second"),
    ],
)
def test_invalid_amounts_in_options_are_refused_in_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [command[0], *command[1:], "-5"])
    with pytest.raises(SystemExit) as ended:
        __import__(MODULES[command[0]], fromlist=["main"]).main()
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.count("\n") == 1 and error.startswith(f"error: {command[-1]} -5: not an amount"), error
