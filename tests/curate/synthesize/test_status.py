from curate.synthesize.status import Status


def test_a_disk_that_takes_no_more_does_not_end_what_is_told_of(tmp_path):
    (tmp_path / "file").write_text("")
    status = Status(tmp_path / "file" / "00000.json")  # its folder can't be made
    status.add(documents=1)
    status.write()
    assert status.counts == {"documents": 1}
