from pathlib import Path

from curate.kernels.kernel import forget_stale_kernels


def test_compiled_kernels_are_forgotten_when_a_source_they_import_changes_and_not_else(tmp_path: Path) -> None:
    room = tmp_path / "room"
    sources = {
        "a/caller.py": "from room.b.callee import f\n# numba",
        "b/callee.py": "from room.c import deep\n",
        "c/deep.py": "1",
        "d/other.py": "2",
        "e/far.py": "# numba",
    }
    for name, text in sources.items():
        (room / name).parent.mkdir(parents=True, exist_ok=True)
        (room / name).write_text(text)
    (room / "__pycache__").mkdir()
    compiled = {name: room / name / "__pycache__" / f"{stem}.kernel-1.py311.nbi" for name, stem in (("a", "caller"), ("e", "far"))}

    def compile_all() -> None:
        for path in compiled.values():
            path.parent.mkdir(exist_ok=True)
            path.write_text("of the sources as they are")

    def kept() -> set[str]:
        forget_stale_kernels(room)
        return {name for name, path in compiled.items() if path.exists()}

    compile_all()
    assert kept() == set()  # of unknown age
    compile_all()
    assert kept() == {"a", "e"}
    (room / "d/other.py").write_text("changed")
    assert kept() == {"a", "e"}
    (room / "c/deep.py").write_text("changed")
    assert kept() == {"e"}


def test_an_installation_that_cannot_be_written_to_keeps_no_kernels(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("# numba")
    (tmp_path / "__pycache__").symlink_to("/proc/self")  # nobody, root neither, can write here
    assert list(forget_stale_kernels(tmp_path)) == ["caller.py"]
