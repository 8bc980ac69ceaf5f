from curate.signals.kernel import forget_stale_kernels


def test_compiled_kernels_are_forgotten_when_any_source_of_the_room_changes(tmp_path):
    source, compiled = tmp_path / "inner" / "callee.py", tmp_path / "__pycache__" / "caller.kernel.nbi"
    source.parent.mkdir()
    source.write_text("1")
    compiled.parent.mkdir()
    forget_stale_kernels(tmp_path)
    compiled.write_text("of the sources as they are")
    forget_stale_kernels(tmp_path)
    assert compiled.exists()
    source.write_text("2")
    forget_stale_kernels(tmp_path)
    assert not compiled.exists()
