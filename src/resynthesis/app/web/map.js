// The tab Map.
const { make, picture, call, alertLine, latest, watchRuns, runs } = window.resynth;
const SIDE = 560;
const error = alertLine();
const which = make("select", { "aria-label": "run", onchange: () => update() });
const how = make("select", { "aria-label": "projection", onchange: () => update() }, props.projections.map(([value, name]) => make("option", { value }, name)));
const by = make("select", { "aria-label": "colour", onchange: () => update() });
const byLabel = make("label", { hidden: true }, "Colour ", by);
const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, class: "rs-map", tabindex: "0", role: "application", "aria-label": "map of codes: click a point, or move with the arrow keys and press Enter" });
const legend = make("div", { class: "legend" });
const first = make("div", { class: "rs-seen", "aria-live": "polite" });
const walk = make("div", { class: "rs-walk" });
const busy = make("p", { class: "rs-hint", role: "status" });
let placed = null;
let ends = [];
let cursor = null;

const spot = ([x, y]) => [24 + x * (2 * SIDE - 48), 2 * SIDE - 24 - y * (2 * SIDE - 48)];

const paint = () => {
  const paper = canvas.getContext("2d");
  paper.clearRect(0, 0, canvas.width, canvas.height);
  if (!placed) return;
  placed.points.forEach((point, i) => {
    const group = placed.groups[placed.group_of[i]];
    const [x, y] = spot(point);
    paper.beginPath();
    paper.arc(x, y, 6, 0, 7);
    paper.globalAlpha = 0.75;
    paper.lineWidth = 2.5;
    paper.strokeStyle = paper.fillStyle = group.colour;
    if (group.ring) paper.stroke();
    else paper.fill();
  });
  paper.globalAlpha = 1;
  paper.strokeStyle = paper.fillStyle = getComputedStyle(canvas).color;
  paper.lineWidth = 5;
  if (ends.length === 2) {
    paper.setLineDash([14, 10]);
    paper.beginPath();
    paper.moveTo(...spot(placed.points[ends[0]]));
    paper.lineTo(...spot(placed.points[ends[1]]));
    paper.stroke();
    paper.setLineDash([]);
  }
  paper.font = "bold 26px sans-serif";
  ends.forEach((at, i) => {
    const [x, y] = spot(placed.points[at]);
    paper.beginPath();
    paper.arc(x, y, 14, 0, 7);
    paper.stroke();
    paper.fillText(`${i + 1}`, x + 18, y - 12);
  });
  if (cursor !== null && document.activeElement === canvas) {
    const [x, y] = spot(placed.points[cursor]);
    paper.strokeRect(x - 18, y - 18, 36, 36);
  }
};

const nearest = (x, y) => {
  let best = 0;
  let least = Infinity;
  placed.points.forEach((point, i) => {
    const [a, b] = spot(point);
    const far = (a - x) ** 2 + (b - y) ** 2;
    if (far < least) [best, least] = [i, far];
  });
  return best;
};

// The next point in a direction: near, and rather straight ahead than aside.
const beside = (from, dx, dy) => {
  const [x, y] = spot(placed.points[from]);
  let best = from;
  let least = Infinity;
  placed.points.forEach((point, i) => {
    const [a, b] = spot(point);
    const ahead = (a - x) * dx + (b - y) * dy;
    const aside = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
    if (ahead > 1 && ahead + 2 * aside < least) [best, least] = [i, ahead + 2 * aside];
  });
  return best;
};

const choose = async (at) => {
  cursor = at;
  ends = ends.length === 2 ? [at] : [...ends.filter((end) => end !== at), at];
  paint();
  const map = placed;
  const now = ends;
  const shown = [];
  for (const end of now) {
    const seen = await call(error, server.seen, { run: map.run, at: end });
    if (!seen || placed !== map || ends !== now) return; // another map or click came meanwhile
    shown.push(make("figure", {}, picture(seen.picture, seen.said), picture(seen.again, `reconstruction of ${seen.said}`), make("figcaption", {}, `${seen.said}, and its reconstruction`)));
  }
  first.replaceChildren(...shown);
  if (now.length === 1) {
    walk.replaceChildren(make("p", { class: "rs-hint" }, "Click a second point to walk there."));
    return;
  }
  const answer = await call(error, server.walked, { run: map.run, first: now[0], second: now[1] });
  if (!answer || ends !== now) return;
  const film = picture(answer.pictures[0], "walk between the two images, moving", "rs-large");
  let step = 0;
  const move = () => {
    if (!film.isConnected) return clearInterval(timer);
    const n = answer.pictures.length;
    step = (step + 1) % (2 * n - 2);
    film.src = answer.pictures[step < n ? step : 2 * n - 2 - step];
  };
  const timer = setInterval(move, 90);
  walk.replaceChildren(make("div", { class: "rs-thumbs" }, answer.pictures.map((uri, i) => picture(uri, `step ${i + 1} of the walk`))), film);
};

canvas.addEventListener("click", (event) => {
  if (!placed) return;
  const box = canvas.getBoundingClientRect();
  choose(nearest(((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height));
});
canvas.addEventListener("keydown", (event) => {
  if (!placed) return;
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (way) cursor = cursor === null ? nearest(SIDE, SIDE) : beside(cursor, ...way);
  else if (event.key === "Enter" && cursor !== null) choose(cursor);
  else return;
  event.preventDefault();
  paint();
});
for (const name of ["focus", "blur"]) canvas.addEventListener(name, paint);

const update = latest(async () => {
  const known = runs(props.runs);
  const kept = known.includes(which.value) ? which.value : known[0];
  which.replaceChildren(...known.map((name) => make("option", { value: name, selected: name === kept }, name)));
  if (!kept) return;
  busy.textContent = "Placing the codes ...";
  const look = setInterval(async () => {
    const { share } = (await server.placing({ run: kept }).catch(() => null)) ?? {};
    if (share && busy.textContent.startsWith("Placing")) busy.textContent = `Placing the codes ... ${Math.round(100 * share)} %`;
  }, 500);
  const answer = await call(error, server.placed, { run: kept, how: how.value, by: by.value });
  placed = answer && { ...answer, run: kept };
  clearInterval(look);
  const attributes = placed?.attributes ?? [];
  byLabel.hidden = !attributes.length;
  if (String([...by.options].map((option) => option.value)) !== String(attributes)) {
    by.replaceChildren(...attributes.map((name) => make("option", { value: name }, name)));
    if (attributes.length) return update();
  }
  busy.textContent = placed ? "Click a point to see its image, then another to walk between them." : "";
  ends = [];
  cursor = null;
  first.replaceChildren();
  walk.replaceChildren();
  legend.replaceChildren(...(placed ? placed.groups : []).filter((group) => group.name).map((group) => {
    const mark = make("i", { style: group.ring ? `border: 2px solid ${group.colour}` : `background: ${group.colour}` });
    return make("span", {}, mark, group.name);
  }));
  paint();
});

element.querySelector(".rs-tab").replaceChildren(
  make("div", { class: "rs-row" }, make("label", {}, "Run ", which), make("label", {}, "Projection ", how), byLabel), error, busy,
  make("div", { class: "rs-columns" }, make("div", {}, legend, canvas), make("div", {}, first, walk)));
watchRuns("map", () => update());
new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ["class"] });
update();
