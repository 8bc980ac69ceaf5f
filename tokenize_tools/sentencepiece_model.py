"""SentencePiece models trained here, written as a Hugging Face tokenizer.json that gives the same ids.

It converts only models made by `train_sentencepiece`: identity normalisation, a word-start mark before the text, bytes for unknown characters.
SentencePiece decodes every mark U+2581 as a space, also one that was in the text. Here a noncharacter, which no text should contain, is put before
a mark in the text, so that it survives decoding. Only texts with that mark have different ids in the two files.
"""

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

MARK = "▁"
"""Replaces spaces, and is added before every text."""
_ESCAPE = "\U0010fffe"
_NEVER = -1e8
"""Score of byte and control pieces in a Unigram model, so low that their names in a text (`<0x0A>`, `<s>`) are not encoded as these pieces."""


def to_tokenizer(processor: SentencePieceProcessor, *, unigram: bool) -> Tokenizer:
    """The Hugging Face tokenizer of a model with the pieces `<unk>`, `<s>`, `</s>` (ids 0, 1, 2) and 256 bytes."""
    pieces = [(processor.id_to_piece(number), processor.get_score(number)) for number in range(processor.get_piece_size())]
    named = [processor.is_unknown(number) or processor.is_control(number) or processor.is_byte(number) for number in range(len(pieces))]
    tokenizer = Tokenizer(_unigram(pieces, named) if unigram else _bpe(pieces, named))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(MARK, _ESCAPE + MARK), normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    spaces = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence([*spaces, decoders.Replace(_ESCAPE + " ", MARK)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in ("<unk>", "<s>", "</s>")])
    return tokenizer


def _unigram(pieces: list[tuple[str, float]], named: list[bool]) -> models.Unigram:
    scored = [(piece, _NEVER if is_named else score) for (piece, score), is_named in zip(pieces, named, strict=True)]
    return models.Unigram(scored, unk_id=0, byte_fallback=True)


def _bpe(pieces: list[tuple[str, float]], named: list[bool]) -> models.BPE:
    vocabulary = {piece: number for number, (piece, _) in enumerate(pieces)}
    ordinary = {piece for (piece, _), is_named in zip(pieces, named, strict=True) if not is_named}
    # SentencePiece joins the neighbours whose union scores highest, whatever the two parts are. So each split of a piece is a merge.
    merges = [
        (-score, vocabulary[piece[:cut]], piece[:cut], piece[cut:])
        for (piece, score), is_named in zip(pieces, named, strict=True)
        if not is_named
        for cut in range(1, len(piece))
        if piece[:cut] in ordinary and piece[cut:] in ordinary
    ]
    return models.BPE(vocabulary, [(left, right) for _, _, left, right in sorted(merges)], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
