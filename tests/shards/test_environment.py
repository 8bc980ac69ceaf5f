import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shards import environment

PROGRAM = "import os, getpass, shards; from shards.environment import cache_home; print(os.path.expanduser('~'), cache_home(), getpass.getuser(), sep='\\n')"
ROOT = Path(__file__).parents[2]


def run(program: str, temporary: Path, **env: str) -> list[str]:
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=kept | env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_writable_home_folder_is_left_alone(tmp_path: Path) -> None:
    home, cache, _ = run(PROGRAM, tmp_path, HOME=str(tmp_path))
    assert home == str(tmp_path) and cache == str(tmp_path / ".cache")


def test_without_a_home_folder_caches_go_to_a_folder_of_the_user(tmp_path: Path) -> None:
    _, cache, _ = run(PROGRAM, tmp_path, HOME=str(tmp_path / "none"))
    assert cache == str(tmp_path / f"cptkit-{os.getuid()}") and stat.S_IMODE(os.stat(cache).st_mode) == 0o700
    assert run(PROGRAM, tmp_path, HOME=str(tmp_path / "none"))[1] == cache
    assert run(PROGRAM, tmp_path, HOME=str(tmp_path / "none"), XDG_CACHE_HOME="/elsewhere")[1] == "/elsewhere"


def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path: Path) -> None:
    taken = tmp_path / f"cptkit-{os.getuid()}"
    taken.mkdir()
    taken.chmod(0o777)
    _, cache, _ = run(PROGRAM, tmp_path, HOME=str(tmp_path / "none"))
    assert cache != str(taken) and Path(cache).parent == tmp_path


def test_a_user_unknown_to_the_machine_gets_a_home_folder_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(environment.pwd, "getpwuid", nobody)
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path))
    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("os.environ", dict(os.environ) | {})
    environment.settle_environment()
    own = str(tmp_path / f"cptkit-{os.getuid()}")
    assert (os.environ["HOME"], os.environ["XDG_CACHE_HOME"], os.environ["USER"]) == (own, own, str(os.getuid()))
