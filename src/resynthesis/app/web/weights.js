// How much of each image: a slider for two, a triangle for three, sliders for more.
window.resynth.weights = (changed) => {
  const { make } = window.resynth;
  const SVG = "http://www.w3.org/2000/svg";
  const CORNERS = [[150, 34], [34, 230], [266, 230]];
  const element = make("div", { class: "rs-weights" });
  let values = [];

  const node = (tag, set) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(set)) made.setAttribute(name, value);
    return made;
  };

  const slider = (label, value, moved) => {
    const input = make("input", { type: "range", min: 0, max: 100, value: 100 * value, "aria-label": label });
    input.addEventListener("input", () => { moved(input.value / 100); changed(); });
    return input;
  };

  // The nearest point of the triangle, as shares of its corners.
  const shares = (x, y) => {
    const [[ax, ay], [bx, by], [cx, cy]] = CORNERS;
    const area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
    const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area;
    const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area;
    const inside = [a, b, 1 - a - b].map((share) => Math.max(0, share));
    const sum = inside.reduce((s, v) => s + v, 0);
    return inside.map((share) => share / sum);
  };

  const triangle = (images) => {
    const svg = node("svg", { viewBox: "0 0 300 270", class: "rs-triangle", role: "slider", tabindex: "0", "aria-label": "weights of three images: drag, or use the arrow keys", "aria-valuemin": 0, "aria-valuemax": 100 });
    svg.append(node("polygon", { points: CORNERS.map((c) => c.join(",")).join(" ") }));
    CORNERS.forEach(([x, y], i) => svg.append(node("image", { href: images[i].uri, x: x - 28, y: y - 28, width: 56, height: 56 })));
    const handle = node("circle", { r: 11 });
    svg.append(handle);
    const place = () => {
      const [x, y] = [0, 1].map((axis) => CORNERS.reduce((sum, corner, i) => sum + values[i] * corner[axis], 0));
      handle.setAttribute("cx", x);
      handle.setAttribute("cy", y);
      const told = values.map((value, i) => `image ${i + 1}: ${Math.round(100 * value)} %`).join(", ");
      svg.setAttribute("aria-valuetext", told);
      svg.setAttribute("aria-valuenow", Math.round(100 * values[0]));
      return [x, y];
    };
    const to = (x, y) => { values = shares(x, y); place(); changed(); };
    const drag = (event) => {
      const box = svg.getBoundingClientRect();
      to(((event.clientX - box.left) * 300) / box.width, ((event.clientY - box.top) * 270) / box.height);
    };
    svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); svg.focus(); drag(event); event.preventDefault(); });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) drag(event); });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
      if (!step) return;
      const [x, y] = place();
      to(x + step[0], y + step[1]);
      event.preventDefault();
    });
    place();
    return svg;
  };

  // Starts anew, all images alike, for other images.
  const show = (images) => {
    const k = images.length;
    if (values.length !== k) values = images.map(() => 1 / k);
    if (k === 2) {
      const input = slider("from the first image to the second", values[1], (v) => { values = [1 - v, v]; });
      element.replaceChildren(make("span", {}, "1"), input, make("span", {}, "2"));
    } else if (k === 3) element.replaceChildren(triangle(images));
    else element.replaceChildren(...images.map((image, i) => make("label", {}, make("span", {}, `${i + 1}`), slider(`weight of image ${i + 1}`, values[i], (v) => { values[i] = v; }))));
    element.dataset.images = k;
  };

  return { element, show, values: () => (values.some((v) => v > 0) ? values : values.map(() => 1)) };
};
