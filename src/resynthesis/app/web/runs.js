// The tab Runs; while one of them trains, it looks again every few seconds.
const { make, picture, call, alertLine, latest, watchRuns, runs } = window.resynth;
const EVERY = 3000;
const error = alertLine();
const facts = make("div", { class: "rs-facts" });
const samples = make("div", { class: "rs-cards" });
const sliders = new Map();
let training = [];

// Sample pictures of a run, on a slider over the steps; at the end it follows new ones.
const over = (run) => {
  let steps = [];
  const image = picture("", `samples of ${run}`);
  const said = make("figcaption", {});
  const slider = make("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": `step of the samples of ${run}`, oninput: () => show() });
  const show = latest(async () => {
    if (!steps.length) return;
    const answer = await call(error, server.sampled, { run, step: steps[Number(slider.value)] });
    if (!answer) return;
    image.src = answer.picture;
    said.textContent = answer.said;
    image.alt = `samples of ${run} ${answer.said}: inputs, reconstructions and mixes or translations`;
  });
  const follow = (found) => {
    if (String(found) === String(steps)) return;
    const last = Number(slider.value) >= steps.length - 1;
    steps = found;
    slider.max = Math.max(0, steps.length - 1);
    if (last) slider.value = slider.max;
    show();
  };
  const card = make("section", { class: "rs-card rs-wide", "aria-label": `samples of ${run}` }, make("h3", {}, `${run}: samples over training`), slider, make("figure", {}, image, said));
  return { card, follow };
};

const update = latest(async () => {
  const answer = await call(error, server.compared, { runs: runs(props.runs) });
  if (!answer) return;
  facts.innerHTML = answer.html;
  training = answer.training;
  const cards = Object.entries(answer.pictures).filter(([, steps]) => steps.length).map(([run, steps]) => {
    if (!sliders.has(run)) sliders.set(run, over(run));
    sliders.get(run).follow(steps);
    return sliders.get(run).card;
  });
  if (cards.length !== samples.children.length || cards.some((card, i) => samples.children[i] !== card)) samples.replaceChildren(...cards);
});

element.querySelector(".rs-tab").replaceChildren(error, facts, samples);
watchRuns("runs", () => update());
const timer = setInterval(() => {
  if (!element.isConnected) clearInterval(timer);
  else if (training.length && element.offsetParent) update();
}, EVERY);
update();
