// How long answers take, what is kept in this browser, and how far the work is.

const LONGEST_PAUSE = 60; // Seconds; who is away for longer does not look at photos.
const NUM_PACE = 20; // Latest answers that the present pace is the median of.

const storage = (name) => `cv_tf ${settings.store} ${name}`;
const recall = (name) => JSON.parse(localStorage.getItem(storage(name)) ?? "null");

function keep(name, value) {
  if (value === null) localStorage.removeItem(storage(name));
  else localStorage.setItem(storage(name), JSON.stringify(value));
}

// Counts seconds while somebody is there; each pause counts a minute at most.
const watch = {
  seconds: 0,
  last: performance.now(),
  start() {
    this.seconds = 0;
    this.last = performance.now();
  },
  tick() {
    const now = performance.now();
    this.seconds += Math.min((now - this.last) / 1000, LONGEST_PAUSE);
    this.last = now;
  },
  stop() {
    this.tick();
    return this.seconds;
  },
};

for (const event of ["keydown", "pointermove", "pointerdown", "scroll"]) {
  document.addEventListener(event, () => watch.tick(), { passive: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) watch.tick();
  else watch.last = performance.now(); // The time in another tab does not count.
});

function keepPace(seconds) {
  const latest = [...(recall("pace") ?? []), Math.round(seconds * 10) / 10];
  keep("pace", latest.slice(-NUM_PACE));
}

function timeLeft(left) {
  const latest = (recall("pace") ?? []).toSorted((a, b) => a - b);
  if (latest.length < 3 || !left) return "";
  const minutes = (left * latest[Math.floor(latest.length / 2)]) / 60;
  if (minutes < 1) return "less than a minute";
  if (minutes < 90) return `about ${Math.round(minutes)} min`;
  return `about ${Math.round(minutes / 60)} h`;
}

const count = new Intl.NumberFormat("en").format;
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
// What may be nearly anything is not known yet.
const MOST_OPEN = 0.7;
const interval = ([low, , high]) =>
  high - low > MOST_OPEN ? "not known yet" : `${low.toFixed(2)} to ${high.toFixed(2)}`;

function showProgress(progress) {
  const { answers, by_you: own, groups, confirmed, left, disputed } = progress;
  const bar = document.getElementById("bar");
  bar.max = Math.max(groups ?? 1, 1);
  bar.value = confirmed ?? 0;
  const time = timeLeft(left);
  const facts = [
    groups !== undefined && `${count(confirmed ?? 0)} of ${plural(groups, "group")} confirmed`,
    `${plural(answers ?? 0, "answer")}, ${count(own ?? 0)} by you`,
    left !== undefined && `${plural(left, "question")} left${time && `, ${time} at your pace`}`,
    disputed > 0 && `${count(disputed)} in dispute`,
  ];
  document.getElementById("counts").textContent = facts.filter(Boolean).join(" · ");
  const { precision, recall: found, kappa } = progress;
  const figures = [
    precision && `precision ${interval(precision)}`,
    found && `recall ${interval(found)}`,
  ].filter(Boolean);
  const after = figures.length ? ` after ${plural(answers, "answer")}` : "";
  const agreement = kappa && `agreement (kappa) ${kappa[0].toFixed(2)} over ${plural(kappa[1], "pair")}`;
  const text = [figures.join(", ") + after, agreement].filter(Boolean).join(" · ");
  document.getElementById("estimate").textContent = text;
}
