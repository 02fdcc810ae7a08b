// The talk with the server, the keys, and what is said: kept here until it is saved.

const LEAST_SECONDS = 0.2; // What is pressed sooner was meant for the last question.
const element = (id) => document.getElementById(id);
const footer = element("answers");

// A name that is chosen here holds in this tab, whatever name the server was started with.
let by = sessionStorage.getItem(storage("by")) || settings.by || recall("by") || "";
let waiting = []; // Questions that come next; their photos are being loaded.
let shownAt = 0;
let isBusy = false;
let retry = null;

class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function tell(what, message) {
  let response;
  try {
    response = await fetch(`/api/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Token": settings.token },
      body: JSON.stringify({ by, ...message }),
    });
  } catch {
    throw new ServerError("The server does not answer. Start it again.", 0);
  }
  if (response.status === 403) {
    const text = "The server was started anew: open the address that it has printed.";
    throw new ServerError(text, 403);
  }
  const said = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new ServerError(said.error, response.status);
  return said;
}

function say(text) {
  element("status").textContent = text;
}

// Tells what went wrong; `again` is done when the person asks for it.
function complain(text, again, isRefused) {
  retry = again;
  element("trouble").hidden = false;
  element("reason").textContent = text;
  element("discard").hidden = !isRefused;
  say("");
}

function calm() {
  retry = null;
  element("trouble").hidden = true;
}

// One thing at a time: what is pressed meanwhile does not count.
async function busy(work, again) {
  if (isBusy) return;
  isBusy = true;
  try {
    await work();
    calm();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const number = pending().length;
    const what = number === 1 ? "Your answer is" : `${count(number)} answers are`;
    const kept = number ? ` ${what} kept here, and not saved yet.` : "";
    // The server does not want it, such as one about products that are gone.
    const isRefused = number > 0 && error.status >= 400 && error.status < 500;
    complain(error.message + kept, again, isRefused && error.status !== 403);
  } finally {
    isBusy = false;
  }
}

const same = (a, b) =>
  a?.kind === b?.kind &&
  JSON.stringify([a?.inside, a?.outside]) === JSON.stringify([b?.inside, b?.outside]);

function preload({ kind, inside, outside }) {
  inside.forEach((id) => loadPhoto(id, kind === "group" ? SMALL : LARGE));
  outside.forEach((id) => loadPhoto(id, kind === "pair" ? LARGE : SMALL));
}

// Asks for the question after this one, as soon as this one's photos are there.
async function lookAhead() {
  const shown = question;
  const kind = element("kind").value;
  await Promise.all([...stage.querySelectorAll(".photo")].map((box) => box.ready));
  if (waiting.length || question !== shown) return;
  const next = await tell("ask", { kind }).catch(() => null);
  const isStale = question !== shown || kind !== element("kind").value;
  if (!next?.question || isStale || waiting.length || same(next.question, shown)) return;
  waiting.push(next);
  preload(next.question);
}

const BUTTONS = {
  pair: [
    ["no", "No", "n", () => answer([0, -1])],
    ["", "Can’t say", "?", () => answer([0, null])],
    ["yes", "Yes", "y", () => answer([0, 0])],
  ],
  many: [
    ["main", "Confirm", "Enter", confirmAll],
    ["", "Can’t say", "?", () => answer(question.sets.map(() => null))],
  ],
  group: [["", "All apart", "x", setApart]],
  all: [
    ["", "Zoom", "z", zoomFurther],
    ["", "Back", "u", undo],
  ],
};

function drawButtons() {
  const { kind, inside } = question;
  const isPair = kind === "pair";
  const own = isPair ? BUTTONS.pair : BUTTONS.many;
  const apart = kind === "group" && inside.length > 1 ? BUTTONS.group : [];
  const buttons = [...own, ...apart, ...BUTTONS.all].map(([className, text, key, act]) => {
    const parts = [text, " ", make("kbd", {}, key)];
    const button = make("button", { type: "button", className }, ...parts);
    button.addEventListener("click", () => act());
    return button;
  });
  const sum = isPair ? [] : [make("p", { className: "sum" })];
  footer.replaceChildren(...sum, ...buttons);
}

// What to do once nothing is left.
const ENDS = {
  "":
    "Everything is saved. To group by the answers, pass the file to python -m cv_tf.group " +
    "--answers. Questions about random groups, in the list at the top, tell how good all " +
    "groups are.",
  random: "Each group is answered, or asked at the moment.",
};

function show({ question: asked, columns: names, progress }) {
  if (!asked) {
    question = null;
    footer.replaceChildren();
    const again = make("button", { type: "button" }, "Look again");
    again.addEventListener("click", () => next());
    const back = make("button", { type: "button" }, "Back ", make("kbd", {}, "u"));
    back.addEventListener("click", () => undo());
    const { value: kind } = element("kind");
    const what = kind ? "of this kind " : "";
    const isElsewhere = !kind && progress?.left > 0;
    const text = isElsewhere
      ? "What is left is being asked of others at the moment."
      : `There is nothing left ${what}that is worth asking.`;
    const more = make("p", {}, isElsewhere ? "" : (ENDS[kind] ?? ""));
    stage.replaceChildren(make("h1", {}, text), more, make("p", {}, again, " ", back));
    return;
  }
  drawQuestion(asked, names);
  onScreen.disconnect();
  for (const photo of stage.querySelectorAll(".photo")) onScreen.observe(photo);
  drawButtons();
  showMarks();
  shownAt = performance.now();
  watch.start();
  lookAhead();
}

// What was asked for in advance knows less than the latest answer has brought.
function withProgress(said) {
  showProgress(said.progress);
  return said;
}

async function nextQuestion(about = "") {
  if (!about && waiting.length) show(waiting.shift());
  else show(withProgress(await tell("ask", { kind: element("kind").value, about })));
}

const next = () => busy(() => nextQuestion(), next);

// What was said and is not saved yet, oldest first. All tabs of this browser share it.
const pending = () => recall("pending") ?? [];
const remove = (key) => keep("pending", pending().filter((it) => it.key !== key));

// Sends what was said. It counts once the server has saved it; until then it is kept.
async function send() {
  for (const said of pending()) {
    const saved = await tell("answer", said);
    remove(said.key);
    keepPace(said.seconds);
    withProgress(saved);
    say(`Saved as answer ${count(saved.number)}.`);
  }
}

const sendAndGoOn = () =>
  busy(async () => {
    await send();
    await nextQuestion();
  }, sendAndGoOn);

function answer(sets) {
  if (!question || isBusy || retry) return;
  if (performance.now() - shownAt < 1000 * LEAST_SECONDS) return;
  const { kind, inside, outside, stratum } = question;
  const said = { kind, inside, outside, stratum, sets, seconds: watch.stop(), by };
  // By the key, the server knows an answer that it gets twice.
  const key = `${Date.now()} ${Math.random()}`;
  keep("pending", [...pending(), { ...said, key }]);
  say("Saving …");
  sendAndGoOn();
}

// What is not marked counts as a no. So whatever has not been on the screen is shown first.
function confirmAll() {
  const hidden = stage.querySelector(".photo:not([data-seen])");
  if (hidden) {
    hidden.scrollIntoView({ block: "start" });
    say("There is more to see. Enter confirms once all was on the screen.");
  } else answer(question.sets);
}

const onScreen = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (isIntersecting) target.dataset.seen = "";
    }
  },
  { threshold: 0.5 },
);

function undo() {
  if (retry) return;
  busy(async () => {
    const said = withProgress(await tell("undo", {}));
    if (!said.question) {
      say("There is no answer of yours to take back.");
      return;
    }
    if (question) waiting.unshift({ question, columns });
    show(said);
    say("Your last answer is taken back. Answer again.");
  }, undo);
}

function showStage(isShown) {
  stage.hidden = footer.hidden = element("top").hidden = !isShown;
  element("name").hidden = isShown;
}

function askForName() {
  showStage(false);
  element("by").value = by;
  element("by").focus();
}

function start() {
  by = element("by").value.trim();
  if (!by) return;
  keep("by", by);
  sessionStorage.setItem(storage("by"), by);
  begin();
}

function begin() {
  showStage(true);
  element("who").textContent = by;
  waiting = [];
  const address = new URL(location);
  const about = address.searchParams.get("about") ?? "";
  // The token is a cookie by now; it is to be in no history of a browser.
  history.replaceState(null, "", "/");
  const first = () =>
    busy(async () => {
      await send();
      await nextQuestion(about);
    }, first);
  first();
}

element("who").addEventListener("click", askForName);
element("start").addEventListener("click", start);
element("by").addEventListener("keydown", ({ key }) => {
  if (key === "Enter") start();
});
element("kind").addEventListener("change", () => {
  waiting = [];
  element("kind").blur();
  next();
});
element("again").addEventListener("click", () => retry?.());
element("discard").addEventListener("click", () => {
  remove(pending()[0]?.key);
  retry?.();
});
element("help").addEventListener("click", () => {
  const keys = element("keys");
  keys.hidden = !keys.hidden;
  element("help").setAttribute("aria-expanded", !keys.hidden);
});
