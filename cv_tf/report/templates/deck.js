// Lists of which only one page of cards is in the document at a time.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const { product } = data;
const number = new Intl.NumberFormat("en").format;
const share = (thousandths) => (thousandths / 1000).toFixed(3);
const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

// Texts are added as text nodes, so nothing of the catalogue becomes markup.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function photo(n) {
  const found = data.photos[n];
  if (found?.startsWith("data:")) {
    const image = make("img", { src: found, alt: `Photo of ${product.id[n]}` });
    return make("div", { className: "photo" }, image);
  }
  const reason = found ? `No photo: ${found}` : "No photo in this page";
  return make("p", { className: "photo missing" }, reason);
}

// `lines` are texts or elements below the photo and the name.
function card(tag, n, className, ...lines) {
  return make(
    tag,
    { className: `card ${className}` },
    photo(n),
    make("p", { className: "name" }, product.id[n]),
    ...[product.color?.[n], ...lines]
      .filter(Boolean)
      .map((line) => make("p", {}, line)),
  );
}

function mark(isRight, right, wrong) {
  return make("span", { className: "mark" }, isRight ? `✓ ${right}` : `✗ ${wrong}`);
}

// Shows a list page by page. Returns a function that shows another list in its place.
function deck(id, draw, perPage, thing) {
  const section = document.getElementById(id);
  const [status, sheet] = ["status", "sheet"].map((name) =>
    section.querySelector(`.${name}`),
  );
  let items = [];
  let page = 0;
  const last = () => Math.max(Math.ceil(items.length / perPage) - 1, 0);
  const goals = {
    first: () => 0,
    previous: () => page - 1,
    next: () => page + 1,
    last,
  };

  function show() {
    const start = page * perPage;
    const shown = items.slice(start, start + perPage);
    sheet.replaceChildren(...shown.map((item) => make("li", {}, ...draw(item))));
    status.textContent = shown.length
      ? `${number(start + 1)} to ${number(start + shown.length)} of ` +
        plural(items.length, thing)
      : `No ${thing}s to show`;
    for (const button of section.querySelectorAll("[data-go]")) {
      const goal = goals[button.dataset.go]();
      button.disabled = goal === page || goal < 0 || goal > last();
      button.parentElement.hidden = last() === 0;
    }
  }

  section.addEventListener("click", ({ target }) => {
    if (!target.dataset.go) return;
    page = goals[target.dataset.go]();
    show();
    section.scrollIntoView();
    sheet.focus({ preventScroll: true });
  });

  return (list) => {
    items = list;
    page = 0;
    show();
  };
}

// The fields of the filters by name. `changed` is called when one of them changes.
function filters(changed) {
  const { elements: list } = document.getElementById("filters");
  const fields = Object.fromEntries([...list].map((field) => [field.name, field]));
  const initial = Object.entries(fields).map(([name, field]) => [name, field.value]);
  for (const [value, name] of data.blocks.map((name, i) => [i, name])) {
    fields.block.append(make("option", { value }, name));
  }
  fields.clear.addEventListener("click", () => {
    for (const [name, value] of initial) fields[name].value = value;
    changed();
  });
  document.getElementById("filters").addEventListener("input", () => changed());
  return fields;
}

// Numbers below `count` that are wanted, sorted; equal ones keep their order.
function select(count, isWanted, compare) {
  const wanted = [];
  for (let i = 0; i < count; i += 1) if (isWanted(i)) wanted.push(i);
  return compare ? wanted.sort(compare) : wanted;
}

const byText = (texts) => {
  const { compare } = new Intl.Collator("en");
  return (a, b) => compare(texts[a], texts[b]);
};
