const { query } = data;
const asked = (q) => query.product[q];
const isRight = (q, n) => product.style[n] === product.style[asked(q)];
const found = (q) => query.neighbors[q].filter((n) => n >= 0);

function drawQuery(q) {
  const n = asked(q);
  const list = make("ol", { className: "cards" });
  list.setAttribute("role", "list");
  list.append(
    ...found(q).map((other, place) => {
      const right = isRight(q, other);
      return card(
        "li",
        other,
        right ? "right" : "wrong",
        mark(right, "variant", "other style"),
        `${place + 1}. Similarity ${share(query.similarity[q][place])}`,
      );
    }),
  );
  const facts = [
    data.blocks[product.block[n]],
    `${plural(query.variants[q], "variant")} to be found`,
    `precision ${share(query.precision[q])}`,
  ];
  return [
    make("h3", {}, product.id[n]),
    make("p", { className: "quiet" }, facts.filter(Boolean).join(" · ")),
    make("div", { className: "row" }, card("div", n, "asked", "Query"), list),
  ];
}

const show = deck("queries", drawQuery, 10, "product");
const fields = filters(update);
const orders = {
  worst: null, // The order of the data.
  best: (a, b) => query.precision[b] - query.precision[a],
  many: (a, b) => query.variants[b] - query.variants[a],
  name: byText(query.product.map((n) => product.id[n])),
};
const outcomes = {
  "": () => true,
  first: (q) => !found(q).slice(0, 1).some((n) => isRight(q, n)),
  none: (q) => !found(q).some((n) => isRight(q, n)),
  all: (q) => query.precision[q] === 1000,
};

function update() {
  const text = fields.find.value.trim().toLowerCase();
  const block = fields.block?.value;
  const outcome = outcomes[fields.outcome.value];
  const isWanted = (q) =>
    outcome(q) &&
    (!block || product.block[asked(q)] === Number(block)) &&
    (!text || product.id[asked(q)].toLowerCase().includes(text));
  show(select(query.product.length, isWanted, orders[fields.order.value]));
}

document.getElementById("stressed")?.addEventListener("input", ({ target }) => {
  for (const points of document.querySelectorAll(".map g")) {
    const isFaint = target.value && points.dataset.block !== target.value;
    points.classList.toggle("faint", Boolean(isFaint));
  }
});

update();
