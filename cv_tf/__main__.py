"""The command line: `cv_tf VERB`, which is `python -m cv_tf.VERB`."""

from __future__ import annotations

import difflib
import runpy
import sys

import cv_tf

# In the order in which people need them.
VERBS = {
    "train": "trains a model, and says how good it is",
    "embed": "turns the photos of a catalogue into vectors",
    "group": "finds the groups of color variants among the vectors",
    "update": "brings vectors and groups up to date with today's catalogue",
    "review": "asks people about groups, and keeps what they say",
    "search": "finds the products that are nearest to a product or a photo",
    "evaluate": "says how good a model, vectors or groups are",
    "inspect": "shows what a model sees, and why two products are similar",
    "compare": "trains several recipes with several seeds, side by side",
    "export": "writes a model for use without this package",
    "prepare": "prepares a public data set",
    "benchmark": "measures systems by the protocol of the public benchmark",
}


def main() -> None:
    """Runs a verb with the rest of the command line, or says which there are."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in VERBS:
        sys.argv = [f"cv_tf {name}", *sys.argv[2:]]
        runpy.run_module(f"cv_tf.{name}", run_name="__main__", alter_sys=True)
    elif name == "--version":
        print(f"cv_tf {cv_tf.__version__}")
    elif name.partition("=")[0] in ("--help", "-help", "-h", "--helpfull", "help"):
        print(_overview())
    else:
        similar = difflib.get_close_matches(name.lower(), VERBS, n=1)
        hint = f" Did you mean {similar[0]}?" if similar else ""
        print(f"cv_tf has no verb '{name}'.{hint}\nSee cv_tf --help.", file=sys.stderr)
        sys.exit(2)


def _overview() -> str:
    width = max(map(len, VERBS))
    verbs = [f"  {verb.ljust(width)}  {text}" for verb, text in VERBS.items()]
    return "\n".join(
        [
            "Finds color variants in fashion catalogues.",
            "",
            "    cv_tf VERB --flag=value ...",
            "",
            *verbs,
            "",
            "cv_tf VERB --help shows the flags of a verb. cv_tf --version says its",
            "version. Each verb is also a module: python -m cv_tf.VERB.",
        ]
    )


if __name__ == "__main__":
    main()
