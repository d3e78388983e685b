"use strict";
// The page of a network. Graphviz has laid out the inside of every group with all its parts folded; where a part is
// unfolded, the plane is stretched to make room for it, and boxes and arrows move along.
(() => {
  const network = JSON.parse(document.getElementById("network").textContent);
  const { boxes, rooms } = network;
  const $ = (id) => document.getElementById(id);
  const picture = $("picture"), view = $("view");
  const HEAD = 30, PAD = 14, CLOSEST = 3, READABLE = 0.6;
  const shownOpen = new Set(network.open);
  let heat = network.heat, focused = 0, hits = [], hit = -1;
  let camera = { x: 0, y: 0, k: 1 };

  const isGroup = (i) => i in rooms;
  const isOpen = (i) => i === 0 || (isGroup(i) && shownOpen.has(i));
  const visible = (i) => { for (let p = boxes[i].p; p >= 0; p = boxes[p].p) if (!isOpen(p)) return false; return true; };

  // --- geometry

  /** A monotone map of an axis that gives each [from, to] at least the room it asks for. */
  function stretched(wishes) {
    const cuts = [...new Set(wishes.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
    const starts = [], slopes = [];
    let at = cuts[0] ?? 0;
    for (let i = 0; i < cuts.length; i++) {
      const [from, to] = [cuts[i], cuts[i + 1] ?? Infinity];
      let slope = 1;
      for (const [a, b, room] of wishes) if (a <= from && b >= to && b > a) slope = Math.max(slope, room / (b - a));
      starts.push(at); slopes.push(slope);
      if (to < Infinity) at += slope * (to - from);
    }
    return (x) => {
      if (!cuts.length || x <= cuts[0]) return x;
      let i = cuts.length - 1;
      while (cuts[i] > x) i--;
      return starts[i] + slopes[i] * (x - cuts[i]);
    };
  }

  /** Sizes from the inside out, then places from the outside in. Boxes stand after what they are in. */
  function layOut() {
    const warps = {};
    for (let i = boxes.length - 1; i >= 0; i--) {
      const box = boxes[i];
      [box.W, box.H] = [box.w, box.h];
      if (!isOpen(i)) continue;
      const room = rooms[i], inner = room.items.map((j) => boxes[j]).filter((b) => b.W > b.w || b.H > b.h);
      const x = stretched(inner.map((b) => [b.x - b.w / 2, b.x + b.w / 2, b.W + 12]));
      const y = stretched(inner.map((b) => [b.y - b.h / 2, b.y + b.h / 2, b.H + 6]));
      warps[i] = [x, y];
      box.W = Math.max(x(room.w) + 2 * PAD, i ? box.head : 0);
      box.H = y(room.h) + PAD + (i ? HEAD : PAD);
      room.dx = (box.W - x(room.w)) / 2;
    }
    [boxes[0].X, boxes[0].Y] = [boxes[0].W / 2, boxes[0].H / 2];
    boxes.forEach((box, i) => {
      if (!isOpen(i) || !visible(i)) return;
      const room = rooms[i], [x, y] = warps[i];
      const left = box.X - box.W / 2 + room.dx, top = box.Y - box.H / 2 + (i ? HEAD : PAD);
      for (const j of room.items) [boxes[j].X, boxes[j].Y] = [left + x(boxes[j].x), top + y(boxes[j].y)];
      room.curves = room.arrows.map((arrow) => {
        const points = [];
        for (let k = 0; k < arrow.c.length; k += 2) points.push([left + x(arrow.c[k]), top + y(arrow.c[k + 1])]);
        attach(points, 0, boxes[arrow.a], arrow.c[1] > boxes[arrow.a].y);
        attach(points, points.length - 1, boxes[arrow.b], arrow.c[arrow.c.length - 1] > boxes[arrow.b].y);
        return { points, at: arrow.l ? [left + x(arrow.l[1]), top + y(arrow.l[2])] : null };
      });
    });
  }

  /** Put the end of a curve on the edge of its box, which may have grown or moved within its room. */
  function attach(points, i, box, below) {
    const half = Math.max(box.W / 2 - 12, 0);
    points[i] = [Math.min(Math.max(points[i][0], box.X - half), box.X + half), box.Y + (below ? 1 : -1) * box.H / 2];
  }

  const path = (points) => "M" + points[0].map(n1).join() + "C" + points.slice(1).map((p) => p.map(n1).join()).join(" ");
  const n1 = (n) => Math.round(n * 10) / 10;
  const bend = ([x, y], [u, v]) => path([[x, y], [x, (y + v) / 2], [u, (y + v) / 2], [u, v]]);

  // --- drawing

  function make(name, attributes, parent, words) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
    if (words !== undefined) element.textContent = words;
    parent.append(element);
    return element;
  }

  function draw() {
    const held = document.activeElement?.closest?.(".box");
    layOut();
    view.replaceChildren();
    boxes.forEach((_, i) => { if (i && visible(i)) drawBox(i); });
    boxes.forEach((_, i) => { if (isOpen(i) && visible(i)) drawArrows(i); });
    view.append(...view.querySelectorAll(".title")); // before the arrows
    if (held) focus(focused, false);
  }

  function drawBox(i) {
    const box = boxes[i], open = isOpen(i), folds = isGroup(i), found = open ? null : box.f?.[heat];
    const classes = ["box", box.k, folds && "folds", open && "open", box.pill && "pill", hits.includes(i) && "hit"];
    const siblings = rooms[box.p].items.filter((j) => !boxes[j].pill);
    const g = make("g", {
      class: classes.filter(Boolean).join(" "), role: box.pill ? "img" : "treeitem", "data-box": i,
      tabindex: box.pill ? null : i === focused ? 0 : -1, "aria-level": box.pill ? null : box.level,
      "aria-expanded": folds ? String(open) : null,
      "aria-label": [box.t, box.q, ...(box.d ?? []).map((row) => row.join(" "))].filter(Boolean).join(", "),
      "aria-setsize": box.pill ? null : siblings.length, "aria-posinset": siblings.indexOf(i) + 1 || null,
    }, view);
    const [x, y] = [box.X - box.W / 2, box.Y - box.H / 2], radius = box.pill ? box.H / 2 : 7;
    if (box.k === "repeat" && !open) for (const d of [6, 3])
      make("rect", { class: "card", x: n1(x + d), y: n1(y - d), width: n1(box.W), height: n1(box.H), rx: radius }, g);
    const body = make("rect", { class: "body", x: n1(x), y: n1(y), width: n1(box.W), height: n1(box.H), rx: radius }, g);
    if (found) body.style.fill = `var(--${ramp()}${found[0]})`;
    const ink = found ? `var(--${ramp()}i${found[0]})` : null;
    const second = open ? "" : heat ? found?.[1] ?? "" : box.second ?? "";
    const words = make("text", {
      x: n1(open ? x + 12 : box.X), y: n1(open ? y + 20 : box.Y + (second ? -3 : 4.5) - (strip(i) && !open ? 4 : 0)),
      "text-anchor": open ? "start" : "middle", class: open ? "title" : null,
    }, g);
    make("tspan", { class: "name" }, words, (folds ? (open ? "▾ " : "▸ ") : "") + box.t);
    if (box.q) make("tspan", { class: "quiet", dx: 6 }, words, box.q);
    if (second) make("text", {
      class: "quiet" + (heat ? "" : " learned"), x: n1(box.X), y: n1(box.Y + 13 - (strip(i) ? 4 : 0)),
      "text-anchor": "middle",
    }, g, second);
    if (ink) for (const t of g.querySelectorAll("text, tspan")) t.style.fill = ink;
    if (strip(i)) drawStrip(i, g, open);
  }

  const ramp = () => (network.measures.find((m) => m.key === heat)?.magnitude ? "m" : "s");
  const strip = (i) => boxes[i].strip?.[heat];

  /** One cell for each copy, or for several, so that all are seen at once. */
  function drawStrip(i, g, open) {
    const box = boxes[i], cells = strip(i), wide = Math.min(box.W - 16, open ? 320 : Infinity) / cells.length;
    const x = open ? box.X + box.W / 2 - 10 - wide * cells.length : box.X - box.W / 2 + 8;
    const y = open ? box.Y - box.H / 2 + 11 : box.Y + box.H / 2 - 13;
    make("rect", { class: "frame", x: n1(x - 1), y: n1(y - 1), width: n1(wide * cells.length + 2), height: 10 }, g);
    cells.forEach((step, k) => {
      if (step !== null) make("rect", {
        class: "cell", x: n1(x + k * wide), y: n1(y), width: n1(wide + 0.2), height: 8,
        style: `fill:var(--${ramp()}${step});stroke:none`,
      }, g);
    });
  }

  function drawArrows(i) {
    rooms[i].arrows.forEach((arrow, k) => {
      const { points, at } = rooms[i].curves[k], soft = boxes[arrow.a].k === "parameter" ? " soft" : "";
      const into = isOpen(arrow.b) ? arrow.in : [], from = isOpen(arrow.a) ? arrow.out : [];
      const [upper, lower] = [boxes[from[0]], boxes[into[0]]];
      if (from.length === 1) lead(points, [upper.X, upper.Y + upper.H / 2], 0, 1);
      if (into.length === 1) lead(points, [lower.X, lower.Y - lower.H / 2], points.length - 1, -1);
      make("path", { class: "arrow" + soft + (into.length > 1 ? "" : " to"), d: path(points) }, view);
      if (into.length > 1) for (const j of into)
        make("path", { class: "arrow to", d: bend(points.at(-1), [boxes[j].X, boxes[j].Y - boxes[j].H / 2]) }, view);
      if (from.length > 1) for (const j of from)
        make("path", { class: "arrow", d: bend([boxes[j].X, boxes[j].Y + boxes[j].H / 2], points[0]) }, view);
      if (at) make("text", { class: "label", x: n1(at[0]), y: n1(at[1] + 3.5) }, view, arrow.l[0]);
    });
  }

  /** Let a curve go on to where its value enters, or come from where it leaves, an open group. */
  function lead(points, [x, y], end, step) {
    points[end] = [x, y];
    points[end + step] = [x, (y + points[end + 2 * step][1]) / 2];
  }

  // --- the camera

  function aim() { view.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.k})`); }

  /** Show the whole; at first no smaller than can be read. */
  function fit(least = 0) {
    const { width, height } = picture.getBoundingClientRect(), root = boxes[0];
    const k = Math.max(least, Math.min(1.25, (width - 20) / root.W, (height - 20) / root.H));
    camera = { k, x: (width - root.W * k) / 2, y: Math.max(10, (height - root.H * k) / 2) };
    aim();
  }

  function zoom(factor, x, y) {
    const { left, top, width, height } = picture.getBoundingClientRect();
    const [px, py] = [(x ?? left + width / 2) - left, (y ?? top + height / 2) - top];
    const k = Math.min(CLOSEST, Math.max(0.02, camera.k * factor));
    camera.x = px - (px - camera.x) * k / camera.k;
    camera.y = py - (py - camera.y) * k / camera.k;
    camera.k = k;
    aim();
  }

  /** Bring a box into sight, moving no further than needed. */
  function reveal(i) {
    const { width, height } = picture.getBoundingClientRect(), box = boxes[i];
    const [x, y] = [box.X * camera.k + camera.x, box.Y * camera.k + camera.y];
    if (x < 40 || x > width - 40) camera.x += width / 2 - x;
    if (y < 40 || y > height - 40) camera.y += height / 2 - y;
    aim();
  }

  // --- folding, focus and search

  function toggle(i, open = !isOpen(i)) {
    if (!isGroup(i) || i === 0) return;
    const top = (b) => [b.X, b.Y - b.H / 2], before = top(boxes[i]);
    open ? shownOpen.add(i) : shownOpen.delete(i);
    if (!open) for (let j = focused; j > 0; j = boxes[j].p) if (boxes[j].p === i) focused = i;
    draw();
    const after = top(boxes[i]); // what was clicked stays under the pointer
    camera.x += (before[0] - after[0]) * camera.k;
    camera.y += (before[1] - after[1]) * camera.k;
    aim();
  }

  function all(open) {
    shownOpen.clear();
    if (open) {
      let seen = 0;
      for (const i of Object.keys(rooms).map(Number)) if ((seen += rooms[i].items.length) <= network.room) shownOpen.add(i);
    }
    focused = rooms[0].items.find((i) => !boxes[i].pill) ?? 0;
    draw();
    fit(READABLE);
  }

  function focus(i, tell = true) {
    focused = i;
    for (const g of view.querySelectorAll("[tabindex]")) g.setAttribute("tabindex", Number(g.dataset.box) === i ? 0 : -1);
    const g = view.querySelector(`[data-box="${i}"]`);
    if (g) g.focus({ preventScroll: true });
    if (tell) { reveal(i); describe(i); }
  }

  function describe(i) {
    const box = boxes[i], panel = $("details");
    panel.replaceChildren();
    if (!i || (!box.d && !box.q)) return;
    const add = (name, words, parent = panel) => { const e = document.createElement(name); e.textContent = words; parent.append(e); };
    add("h2", box.t);
    add("p", [box.path, box.q].filter((s, k, both) => s && both.indexOf(s) === k).join(" · "));
    const list = document.createElement("dl");
    for (const [name, value] of box.d ?? []) { add("dt", name, list); add("dd", value, list); }
    panel.append(list);
  }

  const inOrder = () => [...view.querySelectorAll(".box:not(.pill)")].map((g) => Number(g.dataset.box)).sort((a, b) => boxes[a].n - boxes[b].n);

  function search(words) {
    const wanted = words.trim().toLowerCase();
    const text = (box) => (wanted.includes("/") ? (box.path ?? "").replaceAll(" / ", "/").toLowerCase() : box.words);
    hits = wanted ? boxes.map((_, i) => i).filter((i) => i && text(boxes[i]).includes(wanted)) : [];
    hits.sort((a, b) => boxes[a].n - boxes[b].n);
    hit = -1;
    $("found").textContent = wanted ? (hits.length ? `${hits.length} found` : "nothing") : "";
    draw();
  }

  function next(step) {
    if (!hits.length) return;
    hit = (hit + step + hits.length) % hits.length;
    for (let p = boxes[hits[hit]].p; p > 0; p = boxes[p].p) shownOpen.add(p);
    focused = hits[hit];
    draw();
    view.querySelector(`[data-box="${focused}"]`)?.classList.add("at");
    reveal(focused);
    describe(focused);
    $("found").textContent = `${hit + 1} of ${hits.length}`;
  }

  // --- what the reader does

  let pointers = new Map(), moved = 0;
  picture.addEventListener("pointerdown", (e) => {
    pointers.set(e.pointerId, [e.clientX, e.clientY]);
    moved = 0;
  });
  picture.addEventListener("pointermove", (e) => {
    const was = pointers.get(e.pointerId);
    if (!was) return;
    const others = [...pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
    const here = [e.clientX, e.clientY];
    moved += Math.hypot(here[0] - was[0], here[1] - was[1]);
    if (others.length) {
      const [o] = others, far = (p) => Math.hypot(p[0] - o[0], p[1] - o[1]);
      zoom(far(here) / Math.max(far(was), 1), (here[0] + o[0]) / 2, (here[1] + o[1]) / 2);
    } else if (moved > 4) {
      picture.setPointerCapture(e.pointerId);
      picture.classList.add("dragged");
      camera.x += here[0] - was[0];
      camera.y += here[1] - was[1];
      aim();
    }
    pointers.set(e.pointerId, here);
  });
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, (e) => {
    pointers.delete(e.pointerId);
    picture.classList.remove("dragged");
  });
  picture.addEventListener("wheel", (e) => {
    e.preventDefault();
    zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0015)), e.clientX, e.clientY);
  }, { passive: false });
  view.addEventListener("click", (e) => {
    const g = e.target.closest(".box");
    if (!g || moved > 4) return;
    focused = Number(g.dataset.box);
    toggle(focused);
    focus(focused, false);
    describe(focused);
  });
  view.addEventListener("pointerover", (e) => {
    const g = e.target.closest(".box");
    if (g && !pointers.size) describe(Number(g.dataset.box));
  });
  view.addEventListener("focusin", (e) => {
    const g = e.target.closest(".box");
    if (g) { focused = Number(g.dataset.box); describe(focused); }
  });

  picture.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const order = inOrder(), at = order.indexOf(focused), box = boxes[focused];
    const keys = {
      ArrowDown: () => focus(order[Math.min(at + 1, order.length - 1)]),
      ArrowUp: () => focus(order[Math.max(at - 1, 0)]),
      ArrowRight: () => (!isGroup(focused) ? null : isOpen(focused) ? focus(order[at + 1]) : toggle(focused, true)),
      ArrowLeft: () => (isOpen(focused) ? toggle(focused, false) : box.p > 0 ? focus(box.p) : null),
      Home: () => focus(order[0]),
      End: () => focus(order[order.length - 1]),
      Enter: () => toggle(focused),
      " ": () => toggle(focused),
    };
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea")) return;
    const keys = {
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(), e: () => all(true), c: () => all(false),
      "/": () => $("search").focus(),
    };
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
  $("search").addEventListener("input", (e) => search(e.target.value));
  $("search").addEventListener("keydown", (e) => {
    if (e.key === "Enter") next(e.shiftKey ? -1 : 1);
    if (e.key === "Escape") { e.target.value = ""; search(""); }
  });
  $("in").addEventListener("click", () => zoom(1.25));
  $("out").addEventListener("click", () => zoom(0.8));
  $("fit").addEventListener("click", () => fit());
  $("fold").addEventListener("click", () => all(false));
  $("unfold").addEventListener("click", () => all(true));
  $("parameters").addEventListener("change", (e) => view.classList.toggle("bare", !e.target.checked));
  $("heat").addEventListener("change", (e) => { heat = e.target.value; legend(); draw(); });

  function legend() {
    const measure = network.measures.find((m) => m.key === heat), box = $("legend");
    box.replaceChildren();
    if (!measure) return;
    const say = (words) => { const e = document.createElement("span"); e.textContent = words; box.append(e); };
    say(measure.low);
    for (let k = 0; k < 9; k++) { const i = document.createElement("i"); i.style.background = `var(--${ramp()}${k})`; box.append(i); }
    say(measure.high);
  }

  // --- begin

  for (const m of network.measures) $("heat").append(new Option(m.label, m.key));
  $("heat").value = heat;
  if (!boxes.some((b) => b.k === "parameter")) $("pills").remove();
  focused = rooms[0].items.find((i) => !boxes[i].pill) ?? 0;
  legend();
  draw();
  fit(READABLE);
  addEventListener("resize", () => fit(READABLE));
  matchMedia("print").addEventListener("change", () => fit());
})();
