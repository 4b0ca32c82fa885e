"""The three sections of a configuration: the text, the network, and how it learns.

A field's name is its flag (`max_steps` is `--max-steps`) and its key in `run.toml`; names are unique across the
sections.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rnntui.core.cells import CELLS
from rnntui.core.config.splits import NOTHING_HELD_OUT, fold_of, split_fractions
from rnntui.core.config.tasks import DEFAULT_TASK, TASKS
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import nearest, short

Schedule = Literal["constant", "inverse-sqrt", "cosine", "one-cycle", "plateau"]
Average = Literal["none", "ema", "nt-asgd"]

# Every number is bounded: a file from anywhere cannot ask for what no machine has, and what is computed from a
# number stays one.
_MOST = 10**12
Duration = Annotated[float, Meta(gt=0, le=1e9, extra={"unit": "duration"})]
Positive = Annotated[int, Meta(ge=1, le=_MOST)]
Size = Annotated[int, Meta(ge=1, le=1 << 16)]
Layers = Annotated[int, Meta(ge=1, le=64)]
VocabularySize = Annotated[int, Meta(ge=2, le=1 << 24)]
Count = Annotated[int, Meta(ge=1, le=_MOST, extra={"unit": "count"})]
Processes = Annotated[int, Meta(ge=1, le=1024)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
NotNegative = Annotated[float, Meta(ge=0, le=1e4)]
Rate = Annotated[float, Meta(gt=0, le=1e4)]
"""Up to where a step, of whatever optimiser, is still a number."""
Large = Annotated[float, Meta(gt=0, le=1e9)]
Digest = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]


_LARGEST_VOCABULARIES = ", ".join(
    f"{name} {spec.vocab_size}" for name, spec in TOKENIZERS.items() if spec.vocab_size
)


def _doc(text: str) -> Meta:
    return Meta(description=text)


def _by_epochs(text: str) -> Meta:
    """Description of a setting with a default by expected epochs; see `core/config/defaults.py`."""
    return _doc(f"{text} (default: auto, from the expected number of epochs)")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration: a table of `run.toml`."""


class TextConfig(Section, frozen=True, kw_only=True):
    """The text and how it is cut into tokens."""

    corpus: Annotated[str, _doc("sample name, file, folder, '-' for standard input, or URL")] = "tales"
    task: Annotated[
        str,
        _doc("what is learned: 'lm' the next token, 'classify' a text's label, 'translate' another text"),
    ] = DEFAULT_TASK
    text_column: Annotated[
        str | None,
        _doc(
            "where a table has the texts (default: 'text' to classify; of a language model all of the file)"
        ),
    ] = None
    label_column: Annotated[str, _doc("where a table has the labels (classify)")] = "label"
    min_label_count: Annotated[
        Positive, _doc("a label with fewer texts is left out, and counted (classify)")
    ] = 1
    source_column: Annotated[str, _doc("where a table has what is translated (translate)")] = "source"
    target_column: Annotated[str, _doc("where a table has what it becomes (translate)")] = "target"
    target_corpus: Annotated[
        str, _doc("file whose lines are what the lines of CORPUS become, in the place of a table (translate)")
    ] = ""
    valid_corpus: Annotated[
        str, _doc("file of the validation part, in the place of a share of CORPUS; read as CORPUS is")
    ] = ""
    valid_target_corpus: Annotated[
        str, _doc("file whose lines are what those of --valid-corpus become (translate)")
    ] = ""
    test_corpus: Annotated[
        str, _doc("file of the test part, in the place of a share of CORPUS; read as CORPUS is")
    ] = ""
    test_target_corpus: Annotated[
        str, _doc("file whose lines are what those of --test-corpus become (translate)")
    ] = ""
    fold: Annotated[
        str, _doc("the fold that is the test part, and the number of folds, as 3/10; see --folds (classify)")
    ] = ""
    encoding: Annotated[str, _doc("'auto' reads UTF-8, and UTF-16 with a byte order mark")] = "auto"
    on_error: Annotated[
        Literal["stop", "replace"], _doc("where a text is damaged: stop, or read U+FFFD and count")
    ] = "stop"
    split: Annotated[
        str,
        _doc(
            "train/valid/test in percent; two numbers leave no test part; 'auto' is 90/5/5, of labelled texts and "
            "of pairs 80/10/10, and holds out less where there is much"
        ),
    ] = "auto"
    tokenizer: Annotated[str, _doc("what a token is")] = "char"
    vocab_size: Annotated[
        VocabularySize | None, _doc(f"largest vocabulary (default: {_LARGEST_VOCABULARIES})")
    ] = None
    min_count: Annotated[Positive, _doc("words seen less often in training become <unk>")] = 2
    shared_vocabulary: Annotated[
        bool, _doc("one vocabulary, and one embedding, for both sides (translate)")
    ] = False
    sha256: Annotated[
        Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")],
        _doc("digest of the corpus as read; written when the run is created"),
    ] = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task: '{short(self.task)}' is not one of {', '.join(TASKS)}")
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer: '{short(self.tokenizer)}' is not one of {', '.join(TOKENIZERS)}")
        try:
            if self.split != "auto":
                split_fractions(self.split)
        except ValueError as error:
            raise ValueError(f"split: {error}") from None
        for part, (corpus, target) in PART_CORPORA.items():
            if getattr(self, target) and not getattr(self, corpus):
                raise ValueError(f"{target}: the other side of the {part} part; name --{part}-corpus too")
        if self.valid_corpus and self.split not in ("auto", NOTHING_HELD_OUT):
            raise ValueError("split: all of CORPUS is learned from beside --valid-corpus; leave it out")
        if self.fold:
            try:
                fold_of(self.fold)
            except ValueError as error:
                raise ValueError(f"fold: {error}") from None
            if self.test_corpus:
                raise ValueError("fold: cuts the test part out of CORPUS; leave out --test-corpus")
        if (self.test_corpus or self.fold) and self.split.count("/") > 1:
            test = "--fold" if self.fold else "--test-corpus"
            raise ValueError(f"split: {test} is the test part; write train/valid alone, as 90/10")

    @property
    def apart(self) -> tuple[str, ...]:
        """Names of the held-out parts that are files of their own."""
        return tuple(part for part, (corpus, _) in PART_CORPORA.items() if getattr(self, corpus))

    @property
    def undivided(self) -> tuple[str, ...]:
        """Names of the held-out parts that are no share of the split: files of their own, and a fold."""
        return (*self.apart, *(("test",) if self.fold else ()))

    @property
    def holds_out(self) -> bool:
        """True if figures are about a part that is not learned from, as far as the settings say."""
        return bool(self.valid_corpus) or self.split != NOTHING_HELD_OUT


class ModelConfig(Section, frozen=True, kw_only=True):
    """The network."""

    begin_from: Annotated[
        str, _doc("run to begin with: its vocabulary, its network and its weights, as far as they fit")
    ] = ""
    extend_vocabulary: Annotated[
        bool, _doc("learn the characters or words too that the vocabulary of --from lacks")
    ] = False
    cell: Annotated[str, _doc("recurrent cell")] = "lstm"
    nonlinearity: Annotated[Literal["tanh", "relu"], _doc("of the elman cell")] = "tanh"
    timescale: Annotated[
        Annotated[int, Meta(ge=3, le=1 << 20)] | None,
        _doc("steps over which the gates remember at the beginning: for what has to be known long after"),
    ] = None
    num_layers: Annotated[Layers, _doc("recurrent layers (characters by mingru and minlstm: 3)")] = 1
    hidden_size: Annotated[Size, _doc("units per layer")] = 512
    parameters: Annotated[
        Count | None, _doc("parameter budget, as 1M: solves --hidden-size so that cells compare fairly")
    ] = None
    embedding_size: Annotated[Size, _doc("features a token")] = 64
    embeddings: Annotated[
        str, _doc("file of word vectors to begin with: word2vec, GloVe or fastText, .gz as well")
    ] = ""
    frozen_embeddings: Annotated[bool, _doc("leave --embeddings as they are")] = False
    dropout: Annotated[
        Fraction | None, _by_epochs("between the layers and on the outputs, one mask a piece of text")
    ] = None
    input_dropout: Annotated[Fraction | None, _by_epochs("on the embedded tokens, one mask a piece")] = None
    embedding_dropout: Annotated[Fraction | None, _by_epochs("of whole tokens of the vocabulary")] = None
    weight_drop: Annotated[Fraction | None, _by_epochs("of the recurrent weights (elman, lstm, gru)")] = None
    tied: Annotated[bool, _doc("output weights are the embedding's")] = False
    softmax: Annotated[
        Literal["full", "sampled"],
        _doc(
            "over the vocabulary; a training step of 'sampled' (the default for words) compares with some of the rare "
            "tokens only"
        ),
    ] = "full"
    residual: Annotated[bool, _doc("add a layer's input to its output where the sizes agree")] = False
    layer_norm: Annotated[bool, _doc("normalise each layer's output")] = False
    bidirectional: Annotated[bool, _doc("read each text from its end as well (classify, translate)")] = False
    pooling: Annotated[
        Literal["last", "concat", "attention"],
        _doc("what of a text's outputs counts; 'concat' is greatest, mean and last (classify)"),
    ] = "concat"

    attention: Annotated[
        Literal["luong", "bahdanau", "none"],
        _doc("how the decoder finds its place in the source: by a product or by a small network (translate)"),
    ] = "luong"
    scheduled_sampling: Annotated[
        Fraction,
        _doc("share of tokens in training that the decoder is fed from its own predictions (translate)"),
    ] = 0.0
    input_feeding: Annotated[bool, _doc("the decoder also reads its last attention; slower (translate)")] = (
        False
    )

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell: unknown cell '{self.cell}'; {nearest(self.cell, CELLS)}")
        if self.embeddings and self.begin_from:
            raise ValueError("embeddings: --from brings its own; leave one of the two out")
        if self.extend_vocabulary and not self.begin_from:
            raise ValueError("extend_vocabulary: of a run that is named with --from; leave it out")
        if self.frozen_embeddings and not self.embeddings:
            raise ValueError("frozen_embeddings: of --embeddings; name a file")
        if self.timescale and not CELLS[self.cell].timescale:
            raise ValueError(f"timescale: {self.cell} has no gates for it; leave it out")
        if self.weight_drop and not CELLS[self.cell].recurrent:
            raise ValueError(f"weight_drop: {self.cell} has no recurrent weights; leave it out")


class TrainingConfig(Section, frozen=True, kw_only=True):
    """Training: how the network learns, when it stops, and what it logs."""

    batch_size: Annotated[Size, _doc("streams read side by side")] = 16
    bptt: Annotated[Size, _doc("tokens that the gradient goes back")] = 64
    shuffle: Annotated[bool, _doc("read the text in parts, in another order in every epoch")] = True
    vary_bptt: Annotated[bool, _doc("pieces of half, once and one and a half times --bptt")] = False
    optimizer: Annotated[
        Literal["adamw", "shampoo", "sgd"] | None,
        _doc(
            "optimiser; 'shampoo' learns every direction of a layer's inputs as fast (default: shampoo for long runs "
            "on much text in characters, else adamw)"
        ),
    ] = None
    lr: Annotated[
        Rate | None,
        _doc("peak learning rate (default: 0.01; shampoo 0.008, less for wide elman networks)"),
    ] = None
    schedule: Annotated[Schedule | None, _by_epochs("how the learning rate moves")] = None
    warmup: Annotated[
        Annotated[int, Meta(ge=0, le=_MOST)], _doc("steps of linear warm-up (not for one-cycle)")
    ] = 50
    weight_decay: Annotated[NotNegative | None, _by_epochs("on matrices, not on biases and norms")] = None
    epsilon: Annotated[
        Rate | None,
        _by_epochs("of adamw and shampoo: gradients below it move a weight less"),
    ] = None
    momentum: Annotated[Fraction, _doc("of sgd")] = 0.9
    clip: Annotated[Annotated[float, Meta(gt=0)], _doc("largest norm of the gradient; inf clips nothing")] = (
        1.0
    )
    average: Annotated[
        Average,
        _doc(
            "averaged weights that are evaluated and kept: 'ema' of the last ones, 'nt-asgd' since learning stalled"
        ),
    ] = "ema"
    activation_penalty: Annotated[NotNegative, _doc("on the mean square of the outputs")] = 0.0
    temporal_penalty: Annotated[NotNegative, _doc("on the mean square of their change a token")] = 0.0
    label_smoothing: Annotated[
        Fraction | None, _by_epochs("share of each target that all tokens get alike")
    ] = None
    max_steps: Annotated[Positive | None, _doc("stop after so many steps")] = None
    max_epochs: Annotated[Large | None, _doc("stop after so many epochs")] = None
    max_time: Annotated[Duration | None, _doc("stop after so much training time, as 90s, 5m or 1h")] = None
    target_loss: Annotated[Rate | None, _doc("stop at this validation loss, nats a token")] = None
    patience: Annotated[Positive | None, _doc("stop after so many evaluations without gain")] = None
    eval_every: Annotated[
        Positive | None, _doc("steps between evaluations (default: they take about 15% of the time)")
    ] = None
    save_every: Annotated[Positive | None, _doc("steps between checkpoints (default: as evaluations)")] = None
    sample_every: Annotated[
        Positive | None, _doc("steps between samples (default: 200, or as evaluations)")
    ] = None
    sample_prompt: Annotated[str, _doc("how the samples begin")] = ""
    log_every: Annotated[Positive, _doc("steps between progress events")] = 10
    seed: Annotated[Annotated[int, Meta(ge=0, le=(1 << 63) - 1)], _doc("of weights and dropout")] = 1
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], _doc("where to train")] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        _doc("of the products; 'auto' races those that the device knows"),
    ] = "auto"
    processes: Annotated[
        Processes, _doc("processes that share each batch, on this machine; torchrun starts them on several")
    ] = 1


PART_CORPORA = {
    "valid": ("valid_corpus", "valid_target_corpus"),
    "test": ("test_corpus", "test_target_corpus"),
}
"""Settings that name the files of a held-out part: its texts, and what they become."""
CORPORA = ("corpus", "target_corpus", *PART_CORPORA["valid"], *PART_CORPORA["test"])
"""Settings that name texts to be read."""

SECTIONS: dict[str, type[Section]] = {"text": TextConfig, "model": ModelConfig, "training": TrainingConfig}

LIMITS = ("max_steps", "max_epochs", "max_time")
"""Settings that end a run."""
PLACES = (*CORPORA, "begin_from", "embeddings")
"""Settings that name files, folders or runs."""
INHERITED = frozenset((
    "tokenizer", "vocab_size", "min_count", "cell", "nonlinearity", "timescale", "num_layers", "hidden_size",
    "parameters", "embedding_size", "residual", "layer_norm", "tied", "softmax",
))  # fmt: skip
"""Settings that a run which begins with another one has from that."""

RESUMABLE = frozenset(TrainingConfig.__struct_fields__) - {
    "batch_size",
    "bptt",
    "shuffle",
    "vary_bptt",
    "optimizer",
    "epsilon",
    "average",
    "seed",
    "precision",
}
"""Settings that may change when a run goes on.  The others shape the text, the model, the data's order or
the optimiser's state."""
