import random

import numpy as np
import pyarrow as pa
import pytest

from curate.languages.default_model import DefaultModel
from curate.languages.prose import prose_of

GERMAN = "Der Ausschuss trifft sich im Frühjahr wieder, wenn der Bericht über den Hafen fertig sein soll."
JAPANESE = "委員会は春にもう一度集まり、港についての報告書を読む予定です。"
CODE = 'def main(argv):\n    for path in sorted(argv):\n        print(path, len(open(path).read()))\n    return {"ok": True}'
SUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TWO = f"{GERMAN}\n\n%s\n\n{GERMAN}"


def prose(text: str) -> str:
    return " ".join(prose_of(pa.array([text], pa.large_string())).texts[0].as_py().split())


@pytest.mark.parametrize(
    "left_out",
    [
        f"```python\n{CODE}\n```",
        f"~~~~\n{CODE}\n~~~\n~~~~",
        f"1. ```\n   {CODE}\n   ```".replace("1. ", "   "),
        "\n".join(f"    {line}" for line in CODE.split("\n")),
        "\n".join(f"\t{line}" for line in CODE.split("\n")),
        f"<pre class='x'>{CODE}</pre>",
        f"<SCRIPT>{CODE}</SCRIPT>",
        "<style>p { color: red }</style>",
        "`os.path.join(home, name)`",
        "``a ` b``",
        "{{ release.url.gz }} {% if site.lang %}",
        "https://example.org/a/b?c=d#e http://example.org",
        "someone@example.org",
        f"SHA256:{SUM}",
        SUM,
        "<img src='a.png' alt='x y'>",
        "<!-- what is this -->",
        "C:\\\\Windows\\\\x /usr/local/bin/x a_b x==y foo()[0] end.join main(argv)",
        "q" * 41,
    ],
)
def test_what_is_no_prose_is_left_out(left_out: str) -> None:
    assert prose(TWO % left_out) == f"{GERMAN} {GERMAN}"


@pytest.mark.parametrize(
    "kept",
    [
        "A plain line, with commas; and (brackets) - and: marks!",
        "It's 12:30 in the U.S. and/or e.g. in 2019.",
        "5 < 6, or so it seems",
        "    An indented paragraph of plain words\n    that goes on in a second line.",
        "naïve Ünïcode Wörter",
        "``` is how a fence begins that never ends",
        "a ` alone",
        "{ alone } and [brackets] too",
    ],
)
def test_prose_is_kept(kept: str) -> None:
    words = [word for word in kept.split() if any(character.isalpha() for character in word)]
    assert all(word.strip("[]") in prose(TWO % kept) for word in words)


def test_emphasis_and_links_leave_their_words() -> None:
    assert prose(TWO % "See **the** _guide_ in [our wiki](/wiki/a) now") == f"{GERMAN} See the guide in [our wiki now {GERMAN}".replace("[our", "our")


def test_front_matter_is_left_out_only_where_the_text_begins_with_it() -> None:
    head = "---\ntitle: some words in English\n---\n"
    assert prose(head + GERMAN) == GERMAN and "English" in prose(f"{GERMAN}\n{head}")
    assert "English" in prose("---\ntitle: some words in English\n" + GERMAN)


def test_a_text_of_code_alone_is_read_as_it_is() -> None:
    for text in (f"```\n{CODE}\n```", "https://example.org/a/b", "", "x"):
        assert prose(text) == " ".join(text.split())


def test_prose_does_not_depend_on_the_batch() -> None:
    texts = [TWO % CODE, "", "x", f"```\n{CODE}\n```", TWO % f"```\n{CODE}\n```", (GERMAN + "\n") * 90]
    together = prose_of(pa.array(["before", *texts], pa.large_string()).slice(1))
    for row, text in enumerate(texts):
        alone = prose_of(pa.array([text], pa.large_string()))
        assert alone.texts[0].as_py() == together.texts[row].as_py() and alone.n_bytes[0] == together.n_bytes[row]


def test_texts_of_any_bytes_stay_whole_characters() -> None:
    rng = random.Random(5)
    pieces = [
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "\n    ",
        "<",
        "<pre>",
        "</pre>",
        ">",
        "{{",
        "}}",
        "](",
        ")",
        "---\n",
        "é",
        "港",
        " ",
        "word",
        "a1",
        "://",
        "\r\n",
        "\t",
        "\0",
    ]
    for _ in range(300):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 200)))
        (found,) = prose_of(pa.array([text], pa.large_string())).texts.to_pylist()
        assert len(found.encode()) <= len(text.encode()) + 1


@pytest.mark.parametrize("mark", ["`", "<a", "<pre>", "{{", "](", "```\n", "~~~\n", "<pre>\n", "    x = 1\n", "a.b", "_"])
def test_a_megabyte_of_marks_costs_no_more_than_one_of_words(mark: str) -> None:
    found = prose_of(pa.array([mark * (1_000_000 // len(mark))], pa.large_string()))
    assert len(found.texts[0].as_py()) <= (1 << 16) + 1


def post(sentence: str) -> str:
    files = "\n\n".join(
        f"* <https://download.example.org/pub/project-1.2.{part}.tar.gz>\n\n      SIZE: 1136938{part} bytes\n      SHA256: {SUM}\n      SHA512: {SUM}{SUM}"
        for part in range(9)
    )
    return f"---\nlayout: news_post\ntitle: Project Released\nlang: x\n---\n\n{sentence} {sentence}\n\n```\n{CODE}\n```\n\n## Download\n\n{files}\n"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("de", GERMAN),
        ("ja", JAPANESE),
        ("tr", "Kurul ilkbaharda yeniden toplanacak; limanla ilgili raporun o zamana kadar bitmiş olması bekleniyor."),
        ("zh", "委員會將在春天再次開會，屆時關於港口的報告應該已經完成，請大家更新版本。"),
    ],
)
def test_code_addresses_and_checksums_do_not_outvote_the_prose(code: str, sentence: str) -> None:
    found = DefaultModel().identify(pa.array([post(sentence)], pa.large_string()))
    assert found.code.to_pylist() == [code] and found.score[0] > 0.65


def test_where_there_is_no_prose_there_is_no_language() -> None:
    texts = [f"{SUM}  a.tar.gz\n" * 20, "0x1f 0x2e;" * 40]
    found = DefaultModel().identify(pa.array(texts, pa.large_string()))
    assert found.code.to_pylist() == ["zxx", "zxx"]


def test_words_in_runs_are_counted() -> None:
    found = prose_of(pa.array(["one two three four", "one two three", "x = one; y = two; z = three", JAPANESE, "über Öl"], pa.large_string()))
    assert found.n_bytes[0] == len("onetwothreefour") and found.n_bytes[1] == found.n_bytes[2] == 0 and found.n_bytes[3] == len(JAPANESE.encode())
    assert np.all(found.n_bytes >= 0)
