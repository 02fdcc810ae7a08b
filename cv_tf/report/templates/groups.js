const { group } = data;
const MOST_SHOWN = 24;

// Products are sorted by group in the data.
const start = [0];
for (const size of group.size) start.push(start.at(-1) + size);
const members = (g) =>
  Array.from({ length: group.size[g] }, (_, i) => start[g] + i);
const groupOf = new Uint32Array(product.id.length);
group.size.forEach((size, g) => groupOf.fill(g, start[g], start[g + 1]));

function listed(products, draw) {
  const list = make("ul", { className: "cards" });
  list.setAttribute("role", "list");
  list.append(...products.slice(0, MOST_SHOWN).map(draw));
  if (products.length <= MOST_SHOWN) return [list];
  const rest = products.slice(MOST_SHOWN);
  const more = make("button", { type: "button" }, `Show ${number(rest.length)} more`);
  more.addEventListener("click", () => {
    list.append(...rest.map(draw));
    more.remove();
  });
  return [list, more];
}

const confidence = (thousandths) => `confidence ${(thousandths / 1000).toFixed(2)}`;

function described(g, ...more) {
  const block = data.blocks[group.block[g]];
  const facts = [
    block,
    plural(group.size[g], "product"),
    confidence(group.confidence[g]),
    data.states[group.state[g]],
    ...more,
  ];
  return make("p", { className: "quiet" }, facts.filter(Boolean).join(" · "));
}

// Where `python -m cv_tf.review` serves this page, each group leads to its question.
function asked(g) {
  if (document.body.dataset.review === undefined) return [];
  const href = `/?about=${encodeURIComponent(product.id[start[g]])}`;
  return [make("p", {}, make("a", { href, className: "ask" }, "Check this group"))];
}

// The nearest product outside of the group; a click searches for it.
function nearest(n) {
  const other = product.other[n];
  if (other < 0) return null;
  const name = product.id[other];
  const button = make("button", { type: "button", className: "link" }, name);
  button.addEventListener("click", () => lookUp(name));
  const text = make("span", {}, "Nearest outside: ", button);
  text.append(` ${share(product.similarity[n])}`);
  return text;
}

// Of a product with the photo of another one; null for all others.
function copied(n) {
  const first = product.copy_of?.[n] ?? -1;
  return first < 0 ? null : `Same photo as ${product.id[first]}`;
}

// Number of labelled products of each style, most frequent first.
function count(products) {
  const counts = new Map();
  for (const n of products) {
    const style = product.style?.[n] ?? -1;
    if (style >= 0) counts.set(style, (counts.get(style) ?? 0) + 1);
  }
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

// In a group of several, the product that stands for it; null for all others.
function representative(g, n) {
  const isIt = group.size[g] > 1 && group.representative[g] === n;
  return isIt ? make("span", { className: "quiet" }, "Representative") : null;
}

function drawGroup(g, ...more) {
  const styles = [...count(members(g)).keys()];
  const rank = (n) => (styles.indexOf(product.style?.[n]) + 1 || styles.length + 1);
  const products = members(g).sort((a, b) => rank(a) - rank(b));
  const several = styles.length > 1;
  const draw = (n) => {
    const style = product.style?.[n] ?? -1;
    const isRight = style === styles[0];
    const known = several && style >= 0;
    const name = `style ${data.styles[style]}`;
    const className = known ? (isRight ? "right" : "wrong") : "";
    return card(
      "li", n, className, data.facts[n], known && mark(isRight, name, name),
      representative(g, n),
      confidence(product.confidence[n]), copied(n) ?? nearest(n),
    );
  };
  const title = make("h3", {}, `Group ${group.name[g]}`);
  return [title, described(g, ...more), ...asked(g), ...listed(products, draw)];
}

const show = deck("groups", (g) => drawGroup(g), 12, "group");
const fields = filters(update);
const states = data.states.map((name, value) => make("option", { value }, name));
fields.state.append(...states.filter((_, state) => group.state.includes(state)));
const orders = {
  sure: (a, b) => group.confidence[b] - group.confidence[a],
  unsure: (a, b) => group.confidence[a] - group.confidence[b],
  large: (a, b) => group.size[b] - group.size[a],
  small: (a, b) => group.size[a] - group.size[b],
  block: (a, b) => group.block[a] - group.block[b],
  name: byText(group.name),
};

function update() {
  const text = fields.find.value.trim().toLowerCase();
  const least = fields.least.valueAsNumber || 1;
  const most = fields.most.valueAsNumber || Infinity;
  const surest = 1000 * (fields.confidence.value === "" ? 1 : fields.confidence.value);
  const block = fields.block?.value;
  const state = fields.state.value;
  const has = (name) => name.toLowerCase().includes(text);
  const isNamed = (g) => has(group.name[g]) || members(g).some((n) => has(product.id[n]));
  const isWanted = (g) =>
    group.size[g] >= least &&
    group.size[g] <= most &&
    group.confidence[g] <= surest &&
    (!block || group.block[g] === Number(block)) &&
    (!state || group.state[g] === Number(state)) &&
    (!text || isNamed(g));
  show(select(group.size.length, isWanted, orders[fields.order.value]));
}

function lookUp(name) {
  fields.clear.click();
  fields.least.value = 1;
  fields.find.value = name;
  update();
  fields.find.focus();
}

// A style whose products are in several groups, and its products in each of them.
function drawMissed({ of: style, pairs, products }) {
  const pieces = new Map();
  for (const n of products) {
    pieces.set(groupOf[n], [...(pieces.get(groupOf[n]) ?? []), n]);
  }
  const list = make("ul", { className: "pieces" });
  list.setAttribute("role", "list");
  for (const [g, some] of [...pieces].sort((a, b) => b[1].length - a[1].length)) {
    const others = group.size[g] - some.length;
    const text = others ? `, with ${plural(others, "other")}` : "";
    const draw = (n) => card("li", n, "", nearest(n));
    const title = make("p", {}, `In group ${group.name[g]}${text}`);
    list.append(make("li", {}, title, ...listed(some, draw)));
  }
  const facts = [
    data.blocks[group.block[groupOf[products[0]]]],
    `${plural(products.length, "product")} in ${plural(pieces.size, "group")}`,
    `${plural(pairs, "pair")} missed`,
  ];
  const text = facts.filter(Boolean).join(" · ");
  return [
    make("h3", {}, `Style ${data.styles[style]}`),
    make("p", { className: "quiet" }, text),
    list,
  ];
}

if (data.missed) {
  const byStyle = new Map();
  product.style.forEach((style, n) => {
    if (!byStyle.has(style)) byStyle.set(style, []);
    byStyle.get(style).push(n);
  });
  const zip = ({ of, pairs }) => of.map((it, i) => ({ of: it, pairs: pairs[i] }));
  const missed = zip(data.missed).map((it) => ({ ...it, products: byStyle.get(it.of) }));
  deck("missed", drawMissed, 5, "missed group")(missed);
  const drawMerged = ({ of, pairs }) => drawGroup(of, plural(pairs, "wrong pair"));
  deck("merged", drawMerged, 5, "false merge")(zip(data.merged));
}

update();
