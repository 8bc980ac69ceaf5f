import gzip

import pytest

from curate.errors import CurateError
from curate.lists.files import url_entries


def test_lists_are_read_from_hosts_files_easylist_and_compressed_files(tmp_path):
    with gzip.open(tmp_path / "hosts.gz", "wt") as file:
        file.write("# x\n0.0.0.0 Ad.example\n127.0.0.1\ttrack.example # why\nplain.example\n*.wild.example\n\n")
    assert url_entries(str(tmp_path / "hosts.gz"), "domains") == ["ad.example", "plain.example", "track.example", "wild.example"]
    rules = [
        "[Adblock Plus 2.0]",
        "! c",
        "||ad.com^",
        "||pop.net^$popup,third-party",
        "||x.com^$domain=y.com",
        "||x.com/ad.png",
        "||i.com^$image",
        "@@||ok.com^",
    ]
    (tmp_path / "easylist.txt").write_text("\n".join([*rules, "ad.com##.b", "-ad-300x600-"]))
    assert url_entries(str(tmp_path / "easylist.txt"), "adblock") == ["ad.com", "pop.net"]
    with pytest.raises(CurateError, match=r"lists\.urls: .*easylist\.txt has no entries of kind adblock"):
        (tmp_path / "easylist.txt").write_text("! nothing\n")
        url_entries(str(tmp_path / "easylist.txt"), "adblock")
