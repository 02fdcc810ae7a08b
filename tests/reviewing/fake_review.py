"""A stand-in for what chooses questions: a fixed list, answers in a true store."""

import sys
import threading
from collections import namedtuple
from pathlib import Path

from cv_tf.answers import AnswerStore, kappa, said_of

Question = namedtuple("Question", "kind inside outside sets stratum")


def question(kind, inside, outside, stratum=""):
    inside, outside = tuple(inside), tuple(outside)
    sets = (0,) * len(inside) + (-1,) * len(outside)
    return Question(kind, inside, outside, sets, stratum)


class FakeReview:
    """Asks each of its questions once, whoever answers; knows no groups.

    Args:
      store: A store of answers.
      questions: What to ask, in this order.
    """

    def __init__(self, store, questions):
        self.store, self._questions = store, questions
        self._lock = threading.Lock()
        self._asked = {}  # Person by question, until it is answered.
        self.is_full = False  # Whether saving fails.

    def _left(self, by, kind):
        done = {(it.kind, it.inside, it.outside) for it in self.store.answers()}
        return [
            it
            for it in self._questions
            if it[:3] not in done
            and kind in ("", it.kind)
            and self._asked.get(it, by) == by
        ]

    def ask(self, by, kind=""):
        with self._lock:
            left = self._left(by, kind)
            # The first that this person has not seen; else the first of those seen.
            new = [it for it in left if it not in self._asked] or left
            if new:
                self._asked[new[0]] = by
            return new[0] if new else None

    def ask_about(self, product_id):
        of = [it for it in self._questions if product_id in it.inside]
        return of[0] if of else question("group", [product_id], ["p00"])

    def say(self, answer):
        if self.is_full:
            raise OSError("/secret/path/answers.sqlite: No space left on device")
        return self.store.add(answer)

    def undo(self, by):
        own = [it for it in self.store.answers() if it.by == by]
        if not own:
            return None
        last = own[-1]
        self.store.undo(last.number, by)
        return Question(last.kind, last.inside, last.outside, last.sets, last.stratum)

    def progress(self, by):
        answers = self.store.answers()
        return {
            "answers": len(answers),
            "by_you": sum(it.by == by for it in answers),
            "groups": len(self._questions),
            "confirmed": len({it.inside for it in answers}),
            "left": len(self._left(by, "")),
            "precision": [0.91, 0.935, 0.96] if len(answers) > 1 else None,
            "recall": [0.7, 0.755, 0.81] if len(answers) > 1 else None,
            "kappa": kappa(said_of(answers)),
            "disputed": 0,
        }


def draw_products(folder, number=12):
    """Draws garments; returns ids, photos and columns of them."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    colors = ("crimson", "navy", "seagreen")
    ids, photos = [], []
    columns = {name: [] for name in ("title", "color", "category", "price")}
    for n in range(number):
        style, color = n // 3, colors[n % 3]
        photo = Image.new("RGB", (240, 320), "white")
        draw = ImageDraw.Draw(photo)
        half = 50 + style % 4 * 15
        draw.rectangle([120 - half, 60, 120 + half, 290], fill=color)
        for y in range(90, 290, 30 + style * 9):
            draw.line([120 - half, y, 120 + half, y], fill="white", width=4)
        path = Path(folder) / f"{n:02d}.jpg"
        photo.save(path)
        ids.append(f"p{n:02d}")
        photos.append(str(path))
        columns["title"].append(f"Shirt {style}")
        columns["color"].append(color)
        columns["category"].append("Shirts")
        columns["price"].append(f"{19 + style}.99")
    return ids, photos, columns


def ask_about_all(ids):
    """Thirty-six questions of all kinds about twelve products."""
    asked = []
    for n in range(12):
        others = [ids[(n + k) % 12] for k in range(1, 6)]
        asked.append(question("pair", ids[n : n + 1], others[:1], "near"))
        asked.append(question("group", [ids[n], *others[:2]], others[2:]))
        asked.append(question("line-up", ids[n : n + 1], others))
    return asked


def main(folder, port, token):
    """Serves drawn products with a store in a folder."""
    from cv_tf.reviewing import Products, create_app, serve  # noqa: PLC0415

    products = Products(*draw_products(folder))
    asked = ask_about_all([f"p{n:02d}" for n in range(12)])
    store = AnswerStore(Path(folder) / "answers.sqlite")
    app = create_app(FakeReview(store, asked), products, token, store_name="fake")
    serve(app, "127.0.0.1", int(port), lambda address: print(address, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
