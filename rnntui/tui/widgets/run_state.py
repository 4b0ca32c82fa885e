"""The state of a run, in words."""

from __future__ import annotations

from rnntui.core.runs.history import History

STOPPED = ("interrupted", "error")
"""Reasons of an end before the limit."""
ENDED = ("steps", "epochs", "time", "target_loss", "early_stop", "interrupted", "error", "crashed")
DIED = ("error", "crashed")


def state_words(state: str, history: History, logged: str) -> str:
    """What a run in this state does, or why it ended; `logged` is its last line of the log."""
    preparing = logged if history.started is None else ""
    killed = (
        f"died at step {history.step:,} without a word, as when it is killed or memory runs out; g resumes"
    )
    kept = f"{best.step:,}" if (best := history.best) else "0"
    words = {
        "preparing": preparing or "reading the text and building the model …",
        "running": "training",
        "paused": "paused: space resumes",
        "crashed": killed if history.started else f"died: {logged or 'see stderr.log'}",
        "error": f"failed: {logged}",
        "interrupted": "stopped and saved: g resumes, p opens the playground",
        "steps": "finished: all steps are taken",
        "epochs": "finished: all epochs are read",
        "time": "finished: time limit reached",
        "target_loss": "finished: the target loss is reached",
        "early_stop": f"stopped early, kept step {kept}",
    }
    return words[state]
