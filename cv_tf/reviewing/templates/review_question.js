// A question on the screen: its photos, what is known of them, and what is marked.

// Keys of photos; those of other use are left out: h, n, u, x, y, z.
const PHOTO_KEYS = [..."1234567890qwertasdfgcvbiopjklm"];
const HEADINGS = {
  pair: "Are these two one design, but for the color?",
  group: "Which of these do not belong together? Which others do belong?",
  "line-up": "Which of these are the first product in another color?",
};
const BY_KEYS = "A photo’s key takes it out or in; with Shift, it is of another design: B, C, …";
const BY_TOUCH = "A tap takes a photo out or in; its mark changes the design: B, C, …";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

let question = null; // As the server gave it, with `sets` as marked by now.
let columns = [];
let items = []; // Of group and line-up: the elements of the photos that can be marked.

const products = () => [...question.inside, ...question.outside];
const letter = (set) => (set < LETTERS.length ? LETTERS[set] : `${set + 1}`);

// The most frequent value of each column among what is asked about.
function usualFacts(facts) {
  return columns.map((_, column) => {
    const counts = new Map();
    for (const row of facts) counts.set(row[column], (counts.get(row[column]) ?? 0) + 1);
    return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  });
}

// A value, in which the words that another one does not have are highlighted.
function compared(value, other) {
  const known = new Set(other.split(/\s+/));
  return value
    .split(/(\s+)/)
    .map((word) =>
      !word.trim() || known.has(word) ? word : make("span", { className: "differs" }, word),
    );
}

function drawPair() {
  const [first, second] = products();
  const heads = ["Product", first, second].map((name) => make("th", { scope: "col" }, name));
  const row = ([name, [one, other]]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      make("td", {}, ...(one ? compared(one, other) : ["–"])),
      make("td", {}, ...(other ? compared(other, one) : ["–"])),
    );
  const known = columns
    .map((name, n) => [name, question.facts.map((facts) => facts[n])])
    .filter(([, of]) => of.some(Boolean));
  const table = make(
    "table",
    { className: "facts" },
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...known.map(row)),
  );
  stage.style.setProperty("--rows", Math.min(known.length, 8));
  const figures = [first, second].map((id) => make("figure", {}, photoBox(id, LARGE)));
  return [make("div", { className: "pair" }, ...figures), table];
}

// `key` is "" for a product that is asked about in a line-up, which cannot be marked.
function drawItem(place, key, usual, side = SMALL) {
  const id = products()[place];
  const facts = question.facts[place];
  const lines = columns.map(
    (name, n) => facts[n] && make("span", { title: name }, ...compared(facts[n], usual[n])),
  );
  const isFixed = key === null;
  const set = make("button", { type: "button", className: "set" });
  const box = photoBox(id, side);
  const toggle = isFixed ? box : make("button", { type: "button", className: "toggle" }, box);
  const item = make(
    isFixed ? "div" : "li",
    { className: isFixed ? "item fixed" : "item" },
    toggle,
    ...(key ? [make("kbd", {}, key)] : []),
    ...(isFixed ? [] : [set]),
    make("p", { className: "id" }, id),
    make("p", { className: "lines" }, ...lines.filter(Boolean)),
  );
  if (isFixed) return item;
  toggle.setAttribute("aria-label", `Take ${id} out or in`);
  toggle.addEventListener("click", () => mark(place));
  set.addEventListener("click", () => mark(place, true));
  items.push({ item, set, place, key, toggle });
  return item;
}

function drawGrid(places, nextKey, usual, className) {
  const list = make("ul", { className: `grid ${className}` });
  list.setAttribute("role", "list");
  list.append(...places.map((place) => drawItem(place, nextKey() ?? "", usual)));
  return list;
}

function drawMany() {
  const ids = products();
  const keys = PHOTO_KEYS.values();
  const nextKey = () => keys.next().value;
  const usual = usualFacts(question.facts.slice(0, question.inside.length));
  const inside = question.inside.map((_, n) => n);
  const beside = ids.map((_, n) => n).slice(question.inside.length);
  stage.dataset.size = ids.length > 18 ? "many" : "few";
  if (question.kind === "line-up") {
    const asked = drawItem(0, null, usual, LARGE);
    const grid = drawGrid(beside, nextKey, usual, "beside");
    return [make("div", { className: "lineup" }, asked, grid)];
  }
  const drawn = [
    make("h2", {}, inside.length > 1 ? "The group" : "The product"),
    drawGrid(inside, nextKey, usual, ""),
  ];
  if (beside.length) {
    drawn.push(make("h2", {}, "Nearest others"), drawGrid(beside, nextKey, usual, "beside"));
  }
  return drawn;
}

function drawQuestion(asked, names) {
  question = { ...asked, sets: [...asked.sets] };
  columns = names;
  items = [];
  setZoom(0);
  const drawn = question.kind === "pair" ? drawPair() : drawMany();
  const hints = [
    make("p", { className: "hint keys" }, BY_KEYS),
    make("p", { className: "hint touch" }, BY_TOUCH),
  ];
  const heading = make("h1", {}, HEADINGS[question.kind]);
  const head = make("div", { className: "head" }, heading, ...(items.length ? hints : []));
  stage.replaceChildren(head, ...drawn);
  window.scrollTo(0, 0);
  showMarks();
}

// Takes a product out or in; `further` moves it to another design, then to "?".
function mark(place, further = false) {
  const { sets } = question;
  const others = sets.filter((_, n) => n !== place);
  const last = Math.max(0, ...others.filter((set) => set !== null)) + 1;
  if (!further) sets[place] = sets[place] === 0 ? -1 : 0;
  else if (sets[place] === null) sets[place] = 0;
  else if (sets[place] >= last) sets[place] = null;
  else sets[place] = Math.max(sets[place], 0) + 1;
  showMarks();
}

// All products of the group are of different designs; again: they are of one.
function setApart() {
  const { inside, sets } = question;
  const isApart = inside.every((_, n) => sets[n] === n);
  inside.forEach((_, n) => {
    sets[n] = isApart ? 0 : n;
  });
  showMarks();
}

function showMarks() {
  const several = question.sets.some((set) => set > 0);
  for (const { item, set, place, toggle } of items) {
    const of = question.sets[place];
    const isBeside = place >= question.inside.length;
    item.classList.toggle("belongs", of === 0);
    item.classList.toggle("out", of === -1);
    item.classList.toggle("other", of > 0);
    item.classList.toggle("unsure", of === null);
    const isSmall = stage.dataset.size === "many";
    const plain = isSmall ? ["✓", "✗"] : ["✓ in", "✗ out"];
    const words = { 0: several ? "✓ A" : plain[0], "-1": isBeside ? "–" : plain[1] };
    set.textContent = of === null ? "?" : (words[of] ?? letter(of));
    const told = of === null ? "unknown" : of < 0 ? "out" : `design ${letter(of)}`;
    set.setAttribute("aria-label", `${products()[place]}: ${told}. Change the design`);
    toggle.setAttribute("aria-pressed", of === 0);
  }
  const sum = document.querySelector("#answers .sum");
  if (sum) sum.textContent = sumUp();
}

function sumUp() {
  const { sets, inside } = question;
  const [own, beside] = [sets.slice(0, inside.length), sets.slice(inside.length)];
  const number = (of, test) => of.filter(test).length;
  const together = number(sets, (set) => set === 0);
  const designs = new Set(sets.filter((set) => set > 0)).size;
  const facts = [
    together > 1 ? `${count(together)} belong together` : "nothing belongs together",
    number(own, (set) => set === -1) && `${count(number(own, (set) => set === -1))} taken out`,
    number(beside, (set) => set === 0) && `${count(number(beside, (set) => set === 0))} added`,
    designs && `${plural(designs, "other design")}`,
    number(sets, (set) => set === null) && `${count(number(sets, (set) => set === null))} unknown`,
  ];
  return facts.filter(Boolean).join(" · ");
}
