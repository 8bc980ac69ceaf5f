import random

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from shards.round_trip import RoundTrip, TextLoss, _common_bytes, round_trip_of, unknown_ids

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ENGLISH = "the quick brown fox jumps over a lazy dog " * 40
JAPANESE = "日本語の文章はここにある。" * 30


def byte_level(add_prefix_space: bool = False) -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(pieces: str, *, byte_fallback: bool) -> Tokenizer:
    scored = [("<unk>", 0.0), ("▁", -2.0), *((piece, -3.0) for piece in pieces)]
    if byte_fallback:
        scored += [(f"<0x{value:02X}>", -9.0) for value in range(256)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    return tokenizer


def bpe(characters: str, unk_token: str | None) -> Tokenizer:
    """A BPE of single characters and the mark ▁, without merges and byte fallback."""
    names = [*([unk_token] if unk_token else []), "▁", *characters]
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, [], unk_token=unk_token))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def test_tokenizers_that_spell_every_byte_lose_nothing_and_a_blank_before_the_text_is_no_loss():
    for tokenizer in (byte_level(), byte_level(add_prefix_space=True), unigram(LETTERS, byte_fallback=True)):
        for text in (ENGLISH, JAPANESE, "two  blanks\n\ttab", "é", "x" * 5000):
            assert round_trip_of(tokenizer).loss(text) == TextLoss(0, 0, "")


def test_bytes_of_unknown_tokens_are_counted_exactly():
    for tokenizer in (unigram(LETTERS, byte_fallback=False), bpe(LETTERS, "<unk>")):
        measured = round_trip_of(tokenizer).loss(f"{ENGLISH}{JAPANESE}{ENGLISH}")
        assert measured[:2] == (len(JAPANESE.encode()), len(JAPANESE.encode()))
        assert measured.example.startswith("'日本語")
        kept = round_trip_of(unigram(f"{LETTERS}日本", byte_fallback=False)).loss(JAPANESE)
        assert kept.lost == kept.unknown == 30 * 11 * 3


def test_characters_without_an_id_are_lost_although_no_unknown_token_stands_for_them():
    measured = round_trip_of(bpe(LETTERS, None)).loss(f"{ENGLISH}{JAPANESE}{ENGLISH}")
    assert measured[:2] == (len(JAPANESE.encode()), 0)


@pytest.mark.parametrize(
    "normalizer, text, n_lost",
    [
        (normalizers.Lowercase(), "The Quick Fox " * 100, 300),
        (normalizers.NFKC(), "ｗｉｄｅ and narrow " * 50, 4 * 3 * 50),
        (normalizers.Replace("  ", " "), "two  blanks " * 50, 50),
        (normalizers.StripAccents(), "cafe\u0301 " * 50, 100),
        (normalizers.Strip(), " blanks at both ends ", 2),
        (normalizers.NFC(), "plain ascii " * 50, 0),
    ],
)
def test_what_normalisation_changes_is_lost(normalizer, text, n_lost):
    tokenizer = byte_level()
    tokenizer.normalizer = normalizer
    measured = round_trip_of(tokenizer).loss(text)
    assert measured.lost == pytest.approx(n_lost, rel=0.03) and measured.unknown == 0  # a blank at the edge of a piece may go unseen


def test_blanks_that_decoding_adds_are_a_loss_because_two_texts_share_their_ids():
    words = Tokenizer(models.WordLevel({"a": 0, ",": 1, "b": 2, "<unk>": 3}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    assert round_trip_of(words).loss("a , b").lost == 0
    assert round_trip_of(words).loss("a,b").lost == 2


def test_text_that_spells_a_special_token_is_not_lost():
    tokenizer = byte_level()
    tokenizer.add_special_tokens(["<s>"])
    assert round_trip_of(tokenizer).loss("a <s> b") == TextLoss(0, 0, "")


def test_tokenizers_that_do_not_say_which_characters_a_token_stands_for_are_measured_in_slices():
    def encode(text: str):
        return [0 if letter > "z" else ord(letter) for letter in text], None

    slow = RoundTrip(encode, lambda ids: "".join(map(chr, ids)), [0])
    assert slow.loss(ENGLISH) == TextLoss(0, 0, "")
    assert slow.loss(f"{ENGLISH}{JAPANESE}{ENGLISH}")[:2] == (len(JAPANESE.encode()), len(JAPANESE.encode()))


def test_the_common_subsequence_is_the_heaviest():
    rng = random.Random(0)
    for _ in range(50):
        one, other = ("".join(rng.choices("abé日", k=rng.randrange(9))) for _ in range(2))
        best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
        for i, a in enumerate(one):
            for j, b in enumerate(other):
                best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + len(a.encode()) * (a == b))
        assert _common_bytes(one, other) == best[-1][-1]


def test_unknown_ids_are_those_of_the_model():
    assert unknown_ids(byte_level()) == [] and unknown_ids(unigram("a", byte_fallback=False)) == [0]
    assert unknown_ids(bpe("a", "<unk>")) == [0] and unknown_ids(bpe("a", None)) == []
