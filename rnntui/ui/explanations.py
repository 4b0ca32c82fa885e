"""Every figure on the screens in one sentence for a student, with its equation."""

from __future__ import annotations

from typing import NamedTuple

from rnntui.core.config.tasks import TASKS
from rnntui.core.config.tokenizers import TOKENIZERS


class Explanation(NamedTuple):
    """A sentence with {label}, {value} and {token} (the name of what is predicted) left open, and an equation."""

    sentence: str
    equation: str = ""
    of_labels: str = ""
    """The equation for models of labels, where that is another one."""


class ShownFigure(NamedTuple):
    """A figure on a screen: its label, its value, the name of its explanation, and what stands behind the value."""

    label: str
    value: str
    explanation: str
    note: str = ""


EXPLANATIONS: dict[str, Explanation] = {
    # training
    "training loss": Explanation(
        "On the training text: for each {token} the model paid {value} on average: little where it expected what came, "
        "much where it did not.",
        "L = −(1/N) Σ ln p(xₜ | x₁ … xₜ₋₁)",
        "L = −(1/N) Σ ln p(label | text)",
    ),
    "training perpl.": Explanation(
        "perplexity {value}: on the training text the model is as unsure as a fair choice among {value} {token}s.",
        "PPL = exp(L), where L is the loss in nats per token",
    ),
    "val. perplexity": Explanation(
        "On text that it never trains on, the model is as unsure as a fair choice among {value} {token}s.",
        "PPL = exp(L), where L is the loss on the validation text",
    ),
    "perplexity": Explanation(
        "The text is too short to hold anything out: on the text that it learns from, the model is as unsure as a fair "
        "choice among {value} {token}s.",
        "PPL = exp(L), where L is the loss on the training text",
    ),
    "accuracy": Explanation(
        "Of the validation texts, which the model never trains on, {value} got the right label.",
        "accuracy = right predictions / all predictions",
    ),
    "macro F1": Explanation(
        "{value} of 1: how well the labels are found, each label counting the same, however rare it is.",
        "F₁ = 2PR / (P + R) of each label, with precision P and recall R; then the mean over the labels",
    ),
    "BLEU": Explanation(
        "{value} of 100: how many runs of one to four words the translations share with those in the validation text.",
        "BLEU = 100 · BP · exp(¼ Σ ln pₙ), n = 1 … 4, with the brevity penalty BP",
    ),
    "bits/byte": Explanation(
        "On the validation text: as a compressor the model would need {value} bits for each byte, which takes 8 on the "
        "disk.",
        "bits per byte = L · tokens / (ln 2 · bytes)",
    ),
    "val. bits/byte": Explanation(
        "On the validation text: as a compressor the model would need {value} bits for each byte, which takes 8 on the "
        "disk.",
        "bits per byte = L · tokens / (ln 2 · bytes)",
    ),
    "bits/text": Explanation(
        "To be told the label of a text, somebody who knows the model's prediction still needs {value} bits.",
        "bits per text = L / ln 2",
    ),
    "step": Explanation(
        "The model has changed all its weights {value} times, each time after one batch.",
        "tokens per step = batch size · segment length",
    ),
    "epoch": Explanation(
        "The model has read the training text {value} times.",
        "epoch = tokens read / tokens of the training text",
    ),
    "grad norm": Explanation(
        "{value} is the length of the gradient, the direction in which the weights should move; a longer one than "
        "--clip allows is shortened to that.",
        "‖g‖ = √ Σ gᵢ², g = ∂L/∂θ",
    ),
    "learning rate": Explanation(
        "{value} scales each move of the weights: it rises, then falls, so that the model settles at the end.",
        "θ ← θ − η · u(g), with the rate η and the optimizer's direction u",
    ),
    "speed": Explanation(
        "The model reads {value}: once forward, to predict, and once backward, to learn.",
        "tokens per second = batch size · segment length / seconds per step",
    ),
    "time left": Explanation(
        "At the present speed the run reaches its nearest limit in {value}.",
        "time left = t · (1 − f) / f, after the time t with the share f done",
    ),
    "trained for": Explanation("The run trained for {value}, without the time for evaluation and pauses."),
    "parameters": Explanation(
        "The model consists of {value} numbers that training changes.",
        "the sizes of all matrices and vectors; an LSTM layer of h units on d inputs has 4 · (h·d + h·h + 2h)",
    ),
    "device": Explanation(
        "The model is computed on {value}: fp32 keeps 24 binary digits of each number, bf16 keeps 8 and is faster."
    ),
    "baseline": Explanation(
        "Without a network, {label} predicts the validation text as well as a model of perplexity {value}: the model "
        "should get below that.",
        "unigram: p(x) = count(x) / N;  n-gram: p(x | the n − 1 tokens before it);  gzip, bz2, xz, ppmd: compressed "
        "bits / bytes",
    ),
    # texts
    "characters": Explanation("The text is {value} characters long."),
    "distinct": Explanation(
        "The text is written in {value} different characters: so many a model of characters has to choose among."
    ),
    "entropy": Explanation(
        "{value} bits for each character is what somebody needs who knows how frequent each character is, and nothing "
        "else.",
        "H = −Σ p(c) log₂ p(c)",
    ),
    "gzip": Explanation(
        "gzip, which looks for repetitions alone, needs {value} bits for each byte: a model should get below that.",
        "8 · compressed bytes / bytes",
    ),
    "tokens/s": Explanation(
        "This machine trains on {value} tokens in a second, measured a moment ago with this model.",
    ),
    "tokens": Explanation(
        "With these tokens the text is {value} steps of reading: longer tokens reach further back in the same steps."
    ),
    # playground
    "suggestion": Explanation(
        "The model gives the first word of this suggestion a probability of {value}.",
        "p(word) = p(first token) · p(second | first) · …",
    ),
    "next token": Explanation(
        "The model gives this {token} a probability of {value} to come next.",
        "p = softmax(W h + b)",
    ),
    "ms per key": Explanation(
        "After a key the model needed {value} ms to read the text and to suggest what follows."
    ),
    "bits/char": Explanation(
        "Your text surprises the model by {value} bits for each character: less is more of what it expects.",
        "−(1/N) Σ log₂ p(xₜ | x₁ … xₜ₋₁), over characters",
    ),
    "keystrokes saved": Explanation(
        "Taking suggestions has saved you {value} of the keys that this text would have needed.",
        "(characters − keys pressed) / characters",
    ),
    "temperature": Explanation(
        "{value}: below 1 the model writes what it is sure of, above 1 it takes more risks; at 0 it never draws.",
        "p ∝ exp(z / T)",
    ),
    "top-k": Explanation("Only the {value} likeliest tokens may be drawn; 0 allows all."),
    "top-k of 0": Explanation("All tokens may be drawn; above 0 only so many of the likeliest."),
    "top-p": Explanation(
        "Only the likeliest tokens may be drawn that together have a probability of {value}.",
        "smallest set S with Σ p(x) ≥ p over x in S",
    ),
    "min-p": Explanation(
        "Only tokens may be drawn that are at least {value} times as likely as the likeliest.",
        "p(x) ≥ min-p · max p",
    ),
    "repetition": Explanation(
        "The scores of tokens that were used lately are lowered by the factor {value}; 1 changes nothing.",
        "z ← z / r if z > 0, else z · r",
    ),
    "prediction": Explanation(
        "The model gives this label a probability of {value}.", "p = softmax(W h + b) over the labels"
    ),
    "influence": Explanation(
        "This word moves the log-odds of the label by {value}: above 0 it speaks for the label, below 0 against it.",
        "∂ ln(p / (1 − p)) / ∂e · e, with the word's embedding e",
    ),
    "score": Explanation(
        "{value} is the log-probability of this translation, made fair to long ones: closer to 0 is better.",
        "score = Σ ln p(yₜ | y₁ … yₜ₋₁, x) / ((5 + length) / 6)^0.6",
    ),
    "attention": Explanation(
        "The stronger the colour, the more the model looked at the word of that row when it wrote the word of that "
        "column.",
        "α = softmax(score(sₜ, hᵢ)) over the source words i",
    ),
}


def token_name(tokenizer: str, task: str) -> str:
    """What a model of this task predicts, one of which is a token: 'character', 'word', 'label'."""
    if TASKS[task].protocol == "texts":
        return "label"
    if tokenizer == "byte":
        return "byte"
    unit = TOKENIZERS[tokenizer].unit
    return "piece of a word" if unit == "subword" else unit


def explain(figure: ShownFigure, token: str) -> Explanation:
    """The explanation of a figure, with its value and the name of a token put in.  Raises KeyError."""
    found = EXPLANATIONS[figure.explanation]
    plural = "pieces of words" if token == "piece of a word" else f"{token}s"
    sentence = found.sentence.replace("{token}s", plural)
    value = figure.value if figure.value not in ("", "–") else "N"
    equation = found.of_labels if token == "label" and found.of_labels else found.equation
    return Explanation(sentence.format(label=figure.label, value=value, token=token), equation)
