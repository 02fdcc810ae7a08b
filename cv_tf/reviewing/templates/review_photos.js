// Photos: fetched once, before they are seen; zoomed into the same part, all at once.
"use strict";

const settings = JSON.parse(document.getElementById("data").textContent);
const [SMALL, LARGE] = settings.sides;
const MOST_PHOTOS = 400; // Kept in memory: some 40 MB.
const ZOOMS = [1, 2.5, 5];
// Browsers ask a server for six things at once: answers do not wait for photos.
const MOST_AT_ONCE = 4;

// Texts are added as text nodes, so nothing of the catalogue becomes markup.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const kept = new Map(); // Promises of { url } or { reason }, the latest last.

const turns = []; // Of photos that wait, the first first.
let numAsked = 0;

async function fetchPhoto(id, side) {
  if (numAsked < MOST_AT_ONCE) numAsked += 1;
  else await new Promise((resolve) => turns.push(resolve));
  try {
    const query = new URLSearchParams({ product: id, side });
    const response = await fetch(`/photo?${query}`);
    if (!response.ok) return { reason: await response.text() };
    return { url: URL.createObjectURL(await response.blob()) };
  } finally {
    // The turn goes to the next that waits.
    if (turns.length) turns.shift()();
    else numAsked -= 1;
  }
}

function loadPhoto(id, side) {
  const key = `${side} ${id}`;
  const loaded =
    kept.get(key) ??
    fetchPhoto(id, side).catch(() => {
      kept.delete(key); // It is asked for again, once the server is there again.
      return { reason: "No photo: the server does not answer." };
    });
  kept.delete(key);
  kept.set(key, loaded);
  for (const [old, photo] of kept) {
    if (kept.size <= MOST_PHOTOS) break;
    kept.delete(old);
    photo.then(({ url }) => url && URL.revokeObjectURL(url));
  }
  return loaded;
}

// A box that shows the photo, or why there is none, as soon as that is known.
function photoBox(id, side) {
  const box = make("div", { className: "photo" });
  box.dataset.id = id;
  box.show = (size) =>
    loadPhoto(id, size).then(({ url, reason }) => {
      if (url) {
        const image = box.querySelector("img") ?? make("img", { alt: `Photo of ${id}` });
        // Small photos are made larger, too; the element is as large as what it shows.
        image.onload = () =>
          image.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
        image.src = url;
        if (!image.isConnected) box.replaceChildren(image);
      } else if (!box.querySelector("img")) {
        box.classList.add("missing");
        box.replaceChildren(reason);
      }
    });
  box.ready = box.show(side);
  return box;
}

const stage = document.getElementById("question");
const place = { x: 50, y: 35 }; // Percent of each photo that the zoom is centered on.
let zoom = 0;

function moveZoom(x, y) {
  const within = (percent) => Math.min(Math.max(percent, 0), 100);
  Object.assign(place, { x: within(x), y: within(y) });
  stage.style.setProperty("--x", `${place.x}%`);
  stage.style.setProperty("--y", `${place.y}%`);
}

function setZoom(level) {
  zoom = level % ZOOMS.length;
  stage.style.setProperty("--zoom", ZOOMS[zoom]);
  stage.classList.toggle("zoomed", zoom > 0);
  if (zoom) for (const box of stage.querySelectorAll(".photo")) box.show(LARGE);
}

const isZoomed = () => zoom > 0;
const zoomFurther = () => setZoom(zoom + 1);
const panZoom = (x, y) => moveZoom(place.x + x, place.y + y);

// Follows the pointer, or a finger while the photos are zoomed. The place is one of the
// photo, not of its box, so that it is the same part of a wide and of a narrow one.
function followPointer(event) {
  const box = event.target.closest?.(".photo");
  const image = box?.querySelector("img");
  if (!image) return;
  const { left, top } = box.getBoundingClientRect();
  const part = (at, start, length) => (100 * (at - start)) / Math.max(length, 1);
  moveZoom(
    part(event.clientX - left, image.offsetLeft, image.offsetWidth),
    part(event.clientY - top, image.offsetTop, image.offsetHeight),
  );
}

stage.addEventListener("pointermove", followPointer);

// What moves a zoomed photo by a finger is no click on it.
let pressed = null;
stage.addEventListener("pointerdown", ({ clientX, clientY }) => {
  pressed = [clientX, clientY];
});
stage.addEventListener(
  "click",
  (event) => {
    if (!isZoomed() || !pressed || !event.detail) return;
    const [x, y] = pressed;
    if (Math.hypot(event.clientX - x, event.clientY - y) < 8) return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);
