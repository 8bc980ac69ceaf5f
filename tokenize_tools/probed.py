"""The child process of `probe`: encodes the test texts with one library after another and reports after each."""

import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

import pyarrow as pa

from shards.processes import killed_with_parent
from tokenize_tools.backends import Encode, PanicError, build
from tokenize_tools.definition import Definition
from tokenize_tools.probe import FINE, REFERENCE
from tokenize_tools.selfcheck import traps
from tokenize_tools.texts import strings


def main(names: Sequence[str], cpu_seconds: int) -> None:
    """Read a tokenizer.json from standard input; write a JSON line `[name, answer]` for each library that does not end the process."""
    killed_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command handles it, and its exit ends this process
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries goes to standard error
    attempt(names, sys.stdin.buffer.read().decode(), cpu_seconds, answers)


def attempt(names: Sequence[str], json_text: str, cpu_seconds: int, answers: TextIO) -> None:
    """Try the libraries in turn. The system ends this process if one takes more than `cpu_seconds` of CPU time."""
    definition = Definition("", json_text, "", 0, None, None, None, starts_with_bos=False)
    texts = strings(traps(definition))
    for name in names:
        _limit(cpu_seconds)
        answer = FINE
        with suppress(Exception):  # `build` raises it again where the library is used, with the name of the tokenizer
            try:
                encode = build(name, definition).encode
                answer = _fault(name, encode, texts)
            except PanicError as error:
                answer = f"panics ({_line(error)})"
        answers.write(json.dumps([name, answer]) + "\n")
        answers.flush()


def _fault(name: str, encode: Encode, texts: pa.LargeStringArray) -> str:
    try:
        encode(texts)
    except PanicError:
        raise
    except Exception as error:
        # A fast library that fails here also fails the comparison with the reference and is not used. The reference has no replacement.
        return f"cannot encode every text ({_line(error)})" if name == REFERENCE else FINE
    return FINE


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100]


def _limit(cpu_seconds: int) -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(spent.ru_utime + spent.ru_stime) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
