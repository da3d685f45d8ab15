// Which runs are looked at, side by side.
const { make, chooseRuns } = window.resynth;
const boxes = props.runs.map((run) => ({ run, box: make("input", { type: "checkbox", value: run.name, checked: true, onchange: () => choose() }) }));
const choose = () => chooseRuns(boxes.filter(({ box }) => box.checked).map(({ run }) => run.name));
element.querySelector(".rs-runs").replaceChildren(...boxes.map(({ run, box }) =>
  make("label", { class: "rs-run", title: run.said }, props.runs.length > 1 ? box : null, make("b", {}, run.name), make("span", {}, run.said))));
choose();
