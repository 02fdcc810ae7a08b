// What keys stand for. Whatever has a key has a button, too.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SAID_BY_ARROWS = { ArrowLeft: "n", ArrowRight: "y", ArrowDown: "?" };

function onArrow(key) {
  const [x, y] = ARROWS[key];
  if (isZoomed()) panZoom(8 * x, 8 * y);
  else if (question.kind === "pair") {
    if (key in SAID_BY_ARROWS) press(SAID_BY_ARROWS[key]);
  } else {
    const place = items.findIndex(({ toggle }) => toggle === document.activeElement);
    items.at((place + x + y + items.length) % items.length)?.toggle.focus();
  }
}

// Does what a key stands for; returns whether it stands for anything.
function press(key, withShift = false) {
  const simple = { z: zoomFurther, u: undo, backspace: undo, h: () => element("help").click() };
  if (simple[key]) simple[key]();
  else if (key === "enter" && retry) retry();
  else if (!question) return false;
  else if (question.kind === "pair") {
    const said = BUTTONS.pair.find(([, , of]) => of === key);
    if (!said) return false;
    said[3]();
  } else if (key === "enter") confirmAll();
  else if (key === "?") answer(question.sets.map(() => null));
  else if (key === "x" && question.kind === "group") setApart();
  else {
    const found = items.find((item) => item.key === key);
    if (!found) return false;
    mark(found.place, withShift);
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  const { key, code, shiftKey, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (target.closest("input, select") || !element("name").hidden) return;
  if (question && key in ARROWS) {
    onArrow(key);
    event.preventDefault();
    return;
  }
  // With Shift, or on some keyboards without, digits are other characters.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
  const isSign = key === "?";
  if (press(isSign ? key : (digit ?? key.toLowerCase()), shiftKey)) event.preventDefault();
});

if (by) begin();
else askForName();
