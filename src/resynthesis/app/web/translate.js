// The tab Translate.
const { make, picture, call, alertLine, latest, watchRuns, runs, picker, tray, seed } = window.resynth;
const error = alertLine();
const results = make("div", { class: "rs-cards" });
let drawn = 1;
const chosen = tray(6, () => update());
const style = tray(1, () => update());
const count = make("input", { type: "range", min: 1, max: 6, value: 4, "aria-label": "how many translations of each image", oninput: () => update() });
const able = props.runs.filter((run) => run.two_domains);
const images = picker(server, able, chosen.add);
const styles = picker(server, able, style.add, 1);

const opinion = (shares) => make("ul", { class: "rs-opinion" }, shares.map(([name, share]) =>
  make("li", {}, make("span", { class: "rs-bar", style: `width: ${Math.round(100 * share)}%` }), make("span", {}, `${name} ${share.toFixed(2)}`))));

const tell = (shares) => `read as ${shares[0][0]} with ${shares[0][1].toFixed(2)}`;

const update = latest(async () => {
  if (!chosen.images.length) {
    results.replaceChildren();
    return;
  }
  const answer = await call(error, server.redrawn, { runs: runs(props.runs), images: chosen.images.map((i) => i.uri), style: style.images.map((i) => i.uri), styles: Number(count.value), seed: drawn });
  if (!answer) return;
  results.replaceChildren(...answer.shown.map((one) => make("section", { class: "rs-card rs-wide", "aria-label": one.run }, make("h3", {}, one.run),
    one.rows.map((row) => make("div", { class: "rs-strip" },
      make("figure", {}, picture(row.source, `source, ${tell(row.before)}`), make("figcaption", {}, "before"), opinion(row.before)),
      row.made.map((made, i) => make("figure", {}, picture(made.picture, `translation ${i + 1}, ${tell(made.after)}`), make("figcaption", {}, `after, style ${i + 1}`), opinion(made.after))))))));
});

element.querySelector(".rs-tab").replaceChildren(able.length
  ? make("div", { class: "rs-columns" },
      make("div", {}, make("h3", {}, "Images to translate"), chosen.element, make("p", { class: "rs-hint" }, "Choose source images; each is redrawn in the styles of target images, and below stands what the classifier reads."),
        make("div", { class: "rs-row" }, make("label", {}, "Translations ", count), make("button", { type: "button", class: "rs-button", onclick: () => { drawn = seed(); update(); } }, "Other styles")),
        error, results),
      make("div", {}, make("h3", {}, "Choose"), images.element, make("details", {}, make("summary", {}, "Take the style of one image"), make("p", { class: "rs-hint" }, "Runs of adapt borrow its background and colours."), style.element, styles.element)))
  : make("p", {}, "None of these runs knows two domains: runs of translate and adapt redraw images in the style of another domain."));
if (able.length) {
  watchRuns("translate", () => { images.show(); styles.show(); update(); });
  images.show();
  styles.show();
}
