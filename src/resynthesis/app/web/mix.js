// The tab Mix.
const { make, picture, call, alertLine, latest, watchRuns, runs, picker, tray, download, seed } = window.resynth;
const MOST = 6;
const error = alertLine();
const cards = make("div", { class: "rs-cards" });
const shown = new Map();
let drawn = 1;
let byHand = {};

const mixer = make("select", { "aria-label": "mixer", onchange: () => { byHand = {}; arrange(); update(); } },
  props.mixers.map((name) => make("option", { value: name }, name)));
const again = make("button", { type: "button", class: "rs-button", onclick: () => { drawn = seed(); byHand = {}; update(); } }, "Draw again");
const hint = make("p", { class: "rs-hint" });
const weights = window.resynth.weights(() => update());
const parents = tray(MOST, () => { byHand = {}; arrange(); update(); });
const images = picker(server, props.runs, parents.add);

const asked = () => ({ parents: parents.images.map((image) => image.uri), mixer: mixer.value, seed: drawn, weights: weights.values() });

const arrange = () => {
  const k = parents.images.length;
  weights.element.hidden = mixer.value !== "mixup" || k < 2;
  again.hidden = mixer.value === "mixup";
  if (k > 1) weights.show(parents.images);
  hint.textContent = k < 2 ? "Choose two images: a slider mixes them. Three make a triangle to drag in; up to six have weights." : mixer.value.includes("bernoulli") ? "Each square is a channel of the code, in the colour of the image that it comes from: click to change it." : "";
  cards.hidden = k < 2;
};

const cardOf = (run) => {
  if (shown.has(run)) return shown.get(run);
  const mix = picture("", `mix by ${run}`, "rs-large");
  const pixels = picture("", "cross-fade of pixels");
  const channels = make("div", { class: "rs-channels", role: "group", "aria-label": `channels of ${run}` });
  const wishes = make("div", { class: "rs-wishes", hidden: true });
  const card = make("section", { class: "rs-card", "aria-label": run }, make("h3", {}, run),
    make("div", { class: "rs-pair" },
      make("figure", {}, mix, make("figcaption", {}, "mix of codes")),
      make("figure", {}, pixels, make("figcaption", {}, "mix of pixels"))),
    channels, wishes, saving(run, mix));
  const made = { card, mix, pixels, channels, wishes, labels: "" };
  shown.set(run, made);
  return made;
};

const saving = (run, mix) => {
  const kind = make("select", { "aria-label": "file" }, props.kinds.map((name) => make("option", { value: name }, name.slice(1).toUpperCase())));
  const speed = make("select", { "aria-label": "speed" }, Object.entries({ steps: "same frames for each image", code: "even speed in code", pixels: "even speed in pixels" }).map(([value, text]) => make("option", { value }, text)));
  const space = make("select", { "aria-label": "mixes of" }, ["codes", "pixels"].map((name) => make("option", { value: name }, name)));
  const steps = make("input", { type: "number", min: 3, max: 60, value: 11, "aria-label": "pictures from image to image" });
  const film = make("div", { class: "rs-film", "aria-live": "polite" });
  const line = alertLine();
  const button = make("button", { type: "button", class: "rs-button", onclick: async () => {
    button.disabled = true;
    const answer = await call(line, server.saved, { ...asked(), run, kind: kind.value, steps: Number(steps.value), speed: speed.value, space: space.value });
    button.disabled = false;
    if (!answer) return;
    film.replaceChildren(kind.value === ".mp4" ? make("video", { src: answer.file, autoplay: true, loop: true, muted: true, controls: true, "aria-label": "film of mixes" }) : picture(answer.file, "saved mixes"));
    download(answer.file, answer.name);
  } }, "Save");
  return make("details", { class: "rs-save" }, make("summary", {}, "Save a picture or a film"),
    make("div", { class: "rs-row" }, kind, make("label", {}, "of ", space), make("label", {}, "in ", steps, " steps"), speed, button,
      make("button", { type: "button", class: "rs-button", onclick: () => download(mix.src, `${run}-mix.png`) }, "Save this mix")), line, film);
};

const cells = (made, run, parentOf) => {
  made.channels.replaceChildren(...parentOf.map((parent, channel) => make("button", {
    type: "button", class: `rs-channel rs-of-${parent}`, "aria-label": `channel ${channel + 1}: image ${parent + 1}`, title: `channel ${channel + 1}: image ${parent + 1}`,
    onclick: () => {
      byHand[run] = parentOf.map((p, c) => (c === channel ? (p + 1) % parents.images.length : p));
      update().then(() => made.channels.children[channel]?.focus());
    },
  }, `${parent + 1}`)));
};

// What a run of class-amr can be wished for: what either of exactly two images has.
const wishing = async (made, run) => {
  const known = props.runs.find((one) => one.name === run);
  made.wishes.hidden = !known.wishes || parents.images.length !== 2;
  const labels = parents.images.map((image) => image.uri).join();
  if (made.wishes.hidden || made.labels === labels) return;
  made.labels = labels;
  const line = alertLine();
  const row = make("div", { class: "rs-thumbs", "aria-live": "polite" });
  const has = await call(line, server.read, { run, parents: asked().parents });
  if (made.labels !== labels) return; // other images came meanwhile
  made.wishes.replaceChildren(make("h4", {}, "Mixes as you wish"), line);
  if (!has) {
    made.labels = ""; // so that the next update asks again
    return;
  }
  const wish = [...has.has[0]];
  let wishSeed = 1;
  const grant = latest(async () => {
    const answer = await call(line, server.granted, { run, parents: asked().parents, wish, seed: wishSeed });
    if (answer) row.replaceChildren(...answer.pictures.map((uri, i) => make("figure", {}, picture(uri, `mix wished as ${answer.wish}, read as ${answer.read[i]}`), make("figcaption", {}, answer.read[i]))));
  });
  const differing = has.names.map((name, i) => i).filter((i) => has.has[0][i] !== has.has[1][i]);
  const choices = has.whole
    ? [0, 1].map((parent) => make("label", {}, make("input", { type: "radio", name: `wish-${run}`, checked: parent === 0, onchange: () => { has.has[parent].forEach((v, i) => (wish[i] = v)); grant(); } }), ` ${has.told[parent]}`))
    : differing.map((i) => make("label", {}, make("input", { type: "checkbox", checked: wish[i] === 1, onchange: (event) => { wish[i] = event.target.checked ? 1 : 0; grant(); } }), ` ${has.names[i]}`));
  made.wishes.append(
    make("p", { class: "rs-hint" }, `The run reads image 1 as ${has.told[0]}, image 2 as ${has.told[1]}. ` + (choices.length ? "Below each mix stands what it reads there." : "They have the same labels, so there is nothing to wish.")),
    make("div", { class: "rs-row" }, choices, make("button", { type: "button", class: "rs-button", onclick: () => { wishSeed = seed(); grant(); } }, "Other mixes")), row);
  grant();
};

const update = latest(async () => {
  if (parents.images.length < 2) return;
  const answer = await call(error, server.mixed, { ...asked(), runs: runs(props.runs), parent_of: byHand });
  if (!answer) return;
  for (const one of answer.shown) {
    const made = cardOf(one.run);
    made.mix.src = one.mix;
    made.pixels.src = one.pixels;
    const told = one.shares.map((share, i) => `${Math.round(100 * share)} % of image ${i + 1}`).join(", ");
    made.mix.alt = `mix by ${one.run}: ${told}`;
    made.pixels.alt = `cross-fade of pixels: ${told}`;
    if (String(one.parent_of) !== made.channels.dataset.of) cells(made, one.run, one.parent_of);
    made.channels.dataset.of = String(one.parent_of);
    wishing(made, one.run);
  }
  const cardsNow = answer.shown.map((one) => cardOf(one.run).card);
  if (cardsNow.length !== cards.children.length || cardsNow.some((card, i) => cards.children[i] !== card)) cards.replaceChildren(...cardsNow);
});

element.querySelector(".rs-tab").replaceChildren(
  make("div", { class: "rs-columns" },
    make("div", {}, make("h3", {}, "Images"), parents.element, hint, make("div", { class: "rs-row" }, make("label", {}, "Mixer ", mixer), again), weights.element, error, cards),
    make("div", {}, make("h3", {}, "Choose"), images.element)));
watchRuns("mix", () => { images.show(); update(); });
arrange();
images.show();
