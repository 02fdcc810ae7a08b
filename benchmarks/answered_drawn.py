r"""Answers questions about drawn products as somebody who knows them, for a picture.

    python benchmarks/answered_drawn.py --embeddings=drawn.parquet \
        --catalog=drawn/catalog.csv --answers=drawn.answers.sqlite --number=83

The commands of docs/guides/first_steps.md write these files; docs/review.png is what
the address shows afterwards that is printed by

    python -m cv_tf.review --embeddings=drawn.parquet --groups=drawn.csv \
        --answers=drawn.answers.sqlite --by=Ann --port=8770
    chromium --headless --hide-scrollbars --window-size=1000,760 \
        --virtual-time-budget=9000 --screenshot=docs/review.png ADDRESS
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cv_tf.answers import Answer, AnswerStore
from cv_tf.catalog import read_columns
from cv_tf.embeddings import read_embeddings
from cv_tf.reviewing import Question, Review


def main() -> None:
    """Parses the flags and answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", required=True)
    parser.add_argument("--catalog", required=True, help="Table with style_id.")
    parser.add_argument("--answers", type=Path, required=True, help="A new file.")
    parser.add_argument("--number", type=int, default=83, help="Number of answers.")
    flags = parser.parse_args()
    cells = read_columns(flags.catalog, ids=("product_id", "style_id")).cells
    style = dict(zip(cells["product_id"], cells["style_id"], strict=True))
    with AnswerStore(flags.answers) as store:
        review = Review(read_embeddings(flags.embeddings), store)
        for _ in range(flags.number):
            question = review.ask("Ann")
            if question is None:
                break
            review.say(answer(question, style))


def answer(question: Question, style: dict[str, str]) -> Answer:
    """What somebody says who knows the styles, and marks that of the first product."""
    first = style[question.inside[0]]
    names = question.inside + question.outside
    sets = tuple(0 if style[name] == first else -1 for name in names)
    return Answer(*question[:3], sets, by="Ann", seconds=7, stratum=question.stratum)


if __name__ == "__main__":
    main()
