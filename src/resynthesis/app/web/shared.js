// What all tabs share: elements, calls that keep up with a hand, what is chosen, images to choose.
window.resynth = (() => {
  const make = (tag, set = {}, ...inside) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...inside.flat().filter((part) => part != null));
    return element;
  };

  const picture = (uri, alt, kind = "") => make("img", { src: uri, alt, class: `rs-picture ${kind}`, draggable: "false" });

  // Calls the server. A sentence about what went wrong appears in `place`, and null comes back.
  // The number of calls under way stands in the page, for whoever waits for its pictures.
  let asking = 0;
  const count = (by) => (document.documentElement.dataset.asking = asking += by);
  const call = async (place, ask, asked) => {
    let answer = null;
    count(1);
    try {
      answer = await ask(asked);
    } catch (error) {
      console.warn(error);
    } finally {
      count(-1);
    }
    const silent = "The explorer does not answer: is it still running? Try again once it is.";
    const said = answer ? answer.error : silent;
    place.textContent = said || "";
    place.hidden = !said;
    return said === undefined ? answer : null;
  };

  const alertLine = () => make("p", { class: "rs-error", role: "alert", hidden: true });

  // Runs `work` once at a time; what is asked meanwhile is done once more, with the newest values.
  const latest = (work) => {
    let busy = false;
    let again = false;
    return async () => {
      again = true;
      if (busy) return;
      busy = true;
      try {
        while (again) {
          again = false;
          await work();
        }
      } finally {
        busy = false;
      }
    };
  };

  // Runs that are chosen in the bar; tabs look again when it changes.
  const chosen = { runs: null, tabs: new Map() };
  const watchRuns = (tab, look) => chosen.tabs.set(tab, look);
  const chooseRuns = (runs) => {
    chosen.runs = runs;
    for (const look of chosen.tabs.values()) look();
  };
  const runs = (all) => all.map((run) => run.name).filter((name) => !chosen.runs || chosen.runs.includes(name));

  const MOST_BYTES = 20 * 1024 * 1024;
  const asBase64 = (file) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(file);
    });

  // A surface to draw on, in white on black or the other way round.
  const pad = (use) => {
    const canvas = make("canvas", { width: 196, height: 196, class: "rs-pad", tabindex: "0", role: "img", "aria-label": "a surface to draw on with mouse, pen or finger" });
    const paper = canvas.getContext("2d");
    let dark = true;
    let last = null;
    const clear = () => {
      paper.fillStyle = dark ? "#000" : "#fff";
      paper.fillRect(0, 0, canvas.width, canvas.height);
    };
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
    };
    const draw = (event) => {
      if (!last) return;
      const here = at(event);
      paper.strokeStyle = dark ? "#fff" : "#000";
      paper.lineWidth = 20;
      paper.lineCap = "round";
      paper.beginPath();
      paper.moveTo(...last);
      paper.lineTo(...here);
      paper.stroke();
      last = here;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = at(event);
      draw(event);
    });
    canvas.addEventListener("pointermove", draw);
    canvas.addEventListener("pointerup", () => (last = null));
    clear();
    return make("div", { class: "rs-draw" }, canvas, make("div", { class: "rs-row" },
      make("button", { type: "button", class: "rs-button rs-main", onclick: () => use(canvas.toDataURL("image/png"), "drawing") }, "Use drawing"),
      make("button", { type: "button", class: "rs-button", onclick: clear }, "Clear"),
      make("button", { type: "button", class: "rs-button", onclick: () => { dark = !dark; clear(); } }, "Swap colours")));
  };

  // Images of a run's set, an upload, a paste, a drop or a drawing: pick(uri, label).
  const picker = (server, all, pick, firstPart = 0) => {
    const error = alertLine();
    const thumbs = make("div", { class: "rs-thumbs" });
    const parts = make("div", { class: "rs-row" });
    let part = firstPart;
    let seed = 0;
    const show = latest(async () => {
      const run = runs(all)[0];
      if (!run) return;
      const answer = await call(error, server.offered, { run, part, seed });
      if (!answer) {
        if (part) { part = 0; show(); }
        return;
      }
      thumbs.replaceChildren(...answer.images.map((image, i) => {
        const label = image.label || `image ${i + 1}`;
        return make("button", { type: "button", class: "rs-thumb", title: label, "aria-label": `choose ${label}`, onclick: () => pick(image.picture, label) }, picture(image.picture, label));
      }));
      if (answer.why) thumbs.append(make("p", {}, answer.why, " Upload, paste or draw images instead."));
      parts.replaceChildren(...(answer.parts.length > 1 ? answer.parts : []).map((name, i) =>
        make("button", { type: "button", class: "rs-button", "aria-pressed": String(i === part), onclick: () => { part = i; show(); } }, name)));
    });
    const bring = async (files) => {
      for (const file of [...files].slice(0, 6)) {
        if (file.size > MOST_BYTES) {
          error.textContent = `${file.name} is too large: an upload may have 20 MiB`;
          error.hidden = false;
          continue;
        }
        const answer = await call(error, server.uploaded, { name: file.name, data: await asBase64(file) });
        if (answer) pick(answer.picture, answer.label);
      }
    };
    const input = make("input", { type: "file", accept: "image/*", multiple: true, class: "rs-file", onchange: () => { bring(input.files).finally(() => (input.value = "")); } });
    const upload = make("label", { class: "rs-button" }, "Upload", input);
    const drawing = make("details", {}, make("summary", {}, "Draw one"), pad(pick));
    const element = make("div", { class: "rs-picker" }, parts, thumbs,
      make("div", { class: "rs-row" }, make("button", { type: "button", class: "rs-button", onclick: () => { seed += 1; show(); } }, "Other images"), upload, make("span", { class: "rs-hint" }, "or paste or drop an image here")),
      error, drawing);
    element.addEventListener("dragover", (event) => event.preventDefault());
    element.addEventListener("drop", (event) => { event.preventDefault(); bring(event.dataTransfer.files); });
    document.addEventListener("paste", (event) => {
      if (element.isConnected && element.offsetParent && event.clipboardData.files.length) bring(event.clipboardData.files);
    });
    return { element, show };
  };

  // Images that were picked, in order, each with a button that takes it out again.
  const tray = (most, changed) => {
    const images = [];
    const element = make("div", { class: "rs-tray", "aria-label": "chosen images" });
    const show = () => {
      element.replaceChildren(...images.map((image, i) => make("figure", {}, picture(image.uri, `image ${i + 1}: ${image.label}`),
        make("figcaption", {}, `${i + 1}`, make("button", { type: "button", class: "rs-out", "aria-label": `take out image ${i + 1}`, onclick: () => { images.splice(i, 1); show(); changed(); } }, "×")))));
    };
    const add = (uri, label) => {
      if (images.length === most) images.pop();
      images.push({ uri, label });
      show();
      changed();
    };
    return { element, images, add };
  };

  const download = (uri, name) => make("a", { href: uri, download: name }).click();

  const seed = () => Math.floor(Math.random() * 1e9);

  return { make, picture, call, alertLine, latest, watchRuns, chooseRuns, runs, picker, tray, download, seed };
})();
