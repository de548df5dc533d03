// The time axis: faults, operations, latency, siblings and divergent keys, one above the other.
// Dense layers are drawn on one canvas; labels, ticks and the markers of anomalies are elements.

const ROW = { tick: 36, overview: 10, heading: 30, anomaly: 26, band: 22, node: 17, key: 26, divergent: 46, latency: 84, gap: 8 };

/** Where each panel lies: from top to bottom, in CSS pixels. */
function layOut(run, width) {
  const narrow = width < 640;
  const left = narrow ? 52 : 104;
  const panels = [];
  let y = ROW.tick + ROW.overview;
  const add = (kind, height, label, extra = {}) => {
    panels.push({ kind, top: y, height, label, ...extra });
    y += height;
  };
  const group = (title, note) => add("heading", ROW.heading, title, { note });
  if (run.anomalies.length) add("anomalies", ROW.anomaly, narrow ? "wrong" : "went wrong");
  group("Faults", [["", "two colours: the sides of a partition"], ...(run.faults.some((f) => !f.bit) ? [["hatch", "did not bite"]] : [])]);
  if (run.faults.some((f) => f.kind === "partition")) add("band", ROW.band, narrow ? "cut" : "partition");
  for (const node of run.nodes) add("node", ROW.node, node, { node });
  group("Operations", [["write", "write"], ["read", "read"], ["fail", "refused"], ["info", "no answer"]]);
  const height = run.lanes > 40 ? 6 : run.lanes > 20 ? 10 : 14;
  for (let n = 0; n < run.lanes; n++) {
    const label = height >= 14 || n % 5 === 0 ? (narrow ? `c ${n}` : `client ${n}`) : "";
    add("lane", height, label, { lane: n });
  }
  if (run.siblings.keys.length) {
    const proven = run.siblings.keys.some((k) => k.true.length);
    group("Siblings per key", [["", `at most ${run.siblings.most}`], ...(proven ? [["line", "truly concurrent"]] : [])]);
    for (const row of run.siblings.keys) add("siblings", ROW.key, row.key, { row });
  }
  if (run.divergent.points.length) {
    const total = run.divergent.total;
    group("Keys whose replicas differ", [["", `of ${total}`]]);
    add("divergent", ROW.divergent, "");
  }
  group("Latency", [["", "one dot per operation, logarithmic"]]);
  add("latency", ROW.latency, "");
  return { panels, left, right: width - 8, width, height: y + ROW.gap, narrow };
}

/** Steps between ticks that people like, for about `wanted` of them. */
function tickStep(span, wanted) {
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((m) => m * power >= raw);
}

function startAxis(root, run) {
  const ops = run.operations.rows;
  const count = ops.index ? ops.index.length : 0;
  const byIndex = new Map();
  for (let i = 0; i < count; i++) byIndex.set(ops.index[i], i);
  const name = (column, i) => run.operations.names[column][ops[column][i]];
  const endOf = (i) => (ops.end[i] < 0 ? run.end : ops.end[i]);

  const canvas = element("canvas");
  root.append(canvas);
  const context = canvas.getContext("2d");
  const ticks = element("div");
  const marks = element("div");
  root.append(ticks, marks);
  const said = document.getElementById("selected");

  let chosen = -1;
  let hover = null;
  let pending = false;
  const g = { run, ops, count, endOf, context, plan: null, view: [0, run.end], picked: -1, proof: new Set() };
  g.latency = latencyRange(ops, count);
  g.x = (t) => g.plan.left + ((t - g.view[0]) / (g.view[1] - g.view[0])) * (g.plan.right - g.plan.left);
  const time = (px) => g.view[0] + ((px - g.plan.left) / (g.plan.right - g.plan.left)) * (g.view[1] - g.view[0]);

  // ---- drawing -------------------------------------------------------------------------------

  function draw() {
    pending = false;
    const c = palette();
    const font = getComputedStyle(document.body).fontFamily;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, g.plan.width, g.plan.height);
    context.font = `11px ${font}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.save();
    context.beginPath();
    context.rect(g.plan.left, 0, g.plan.right - g.plan.left, g.plan.height);
    context.clip();
    drawOverview(g, c);
    drawShade(g, c);
    for (const panel of g.plan.panels) {
      if (panel.kind === "band") drawBand(g, panel, c);
      else if (panel.kind === "node") drawNode(g, panel, c);
      else if (panel.kind === "siblings") drawSiblings(g, panel, c);
    }
    drawOperations(g, c);
    context.restore();
    for (const panel of g.plan.panels) {
      if (panel.kind === "divergent") drawDivergent(g, panel, c);
      else if (panel.kind === "latency") drawLatency(g, panel, c);
    }
    if (chosen >= 0) inPlot(g, () => drawMoment(g, run.anomalies[chosen].at, c));
    if (hover !== null) {
      context.fillStyle = c.muted;
      context.fillRect(Math.round(hover), ROW.tick, 1, g.plan.height - ROW.tick - ROW.gap);
    }
    placeTicks();
    placeMarks();
  }

  function redraw() {
    if (!pending) {
      pending = true;
      requestAnimationFrame(draw);
    }
  }

  // ---- labels and markers --------------------------------------------------------------------

  function placeLabels() {
    root.querySelectorAll(".label, .heading").forEach((old) => old.remove());
    for (const panel of g.plan.panels) {
      if (panel.kind === "heading") {
        const heading = element("div", "heading");
        heading.style.top = `${panel.top + 11}px`;
        heading.append(element("b", "", panel.label));
        for (const [sign, text] of panel.note) {
          if (sign) heading.append(element("span", `key ${sign}`));
          heading.append(text);
        }
        root.append(heading);
      } else if (panel.label) {
        const label = element("div", "label", panel.label);
        label.style.top = `${panel.top + panel.height / 2 - 8}px`;
        label.style.width = `${g.plan.left}px`;
        root.append(label);
      }
    }
  }

  function placeTicks() {
    ticks.replaceChildren();
    const step = tickStep(g.view[1] - g.view[0], g.plan.narrow ? 4 : 9);
    const digits = Math.max(0, Math.ceil(-Math.log10(step / 1e6) - 1e-9));
    for (let t = Math.ceil(g.view[0] / step) * step; t <= g.view[1]; t += step) {
      const tick = element("span", "tick", `${(t / 1e6).toFixed(digits)} s`);
      const at = g.x(t);
      if (at > g.plan.right - 14) continue;
      tick.style.left = `${at}px`;
      tick.style.top = `${ROW.tick - 18}px`;
      ticks.append(tick);
    }
    let free = 0;
    // A phase of a few milliseconds gives its place to the next one that has a name.
    const named = run.phases.filter((p) => PHASES[p.name] !== "");
    const shown = named.filter((p, n) => n + 1 === named.length || g.x(named[n + 1].at) - g.x(p.at) > 12);
    for (const phase of shown) {
      const at = Math.max(g.x(phase.at), g.plan.left);
      const text = PHASES[phase.name] ?? phase.name;
      if (!text || g.x(phase.at) > g.plan.right) continue;
      const width = context.measureText(text).width + 14;
      const left = Math.min(at, g.plan.right - width);
      if (left < free) continue;
      const label = element("span", "phase", text);
      label.style.left = `${left}px`;
      label.style.top = "0";
      free = left + width;
      ticks.append(label);
    }
  }

  function placeMarks() {
    const panel = g.plan.panels.find((p) => p.kind === "anomalies");
    if (!panel) return;
    marks.childNodes.forEach((mark, n) => {
      const at = g.x(run.anomalies[n].at);
      const past = at < g.plan.left - 6 || at > g.plan.right + 6;
      mark.classList.toggle("past", past);
      if (past) return;
      mark.style.left = `${at}px`;
      mark.style.top = `${panel.top + panel.height / 2}px`;
      mark.setAttribute("aria-pressed", String(n === chosen));
      mark.style.zIndex = n === chosen ? 2 : 1;
    });
  }

  run.anomalies.forEach((anomaly, n) => {
    const mark = element("button", "anomaly");
    mark.type = "button";
    mark.setAttribute("aria-label", anomaly.sentence);
    mark.addEventListener("click", () => select(n === chosen ? -1 : n));
    mark.addEventListener("pointerenter", (event) => showTip(event.clientX, event.clientY, [anomaly.type, anomaly.sentence]));
    mark.addEventListener("pointerleave", hideTip);
    marks.append(mark);
  });

  // ---- moving --------------------------------------------------------------------------------

  function setView(from, until) {
    const span = Math.min(run.end, Math.max(2000, until - from));
    const start = Math.max(0, Math.min(run.end - span, from));
    g.view = [start, start + span];
    redraw();
  }

  function zoom(factor, around = (g.view[0] + g.view[1]) / 2) {
    setView(around - (around - g.view[0]) * factor, around + (g.view[1] - around) * factor);
  }

  function glide(from, until) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return setView(from, until);
    const [a, b] = g.view;
    const began = performance.now();
    const frame = (now) => {
      const part = Math.min(1, (now - began) / 320);
      const ease = 1 - (1 - part) ** 3;
      setView(a + (from - a) * ease, b + (until - b) * ease);
      if (part < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Go to an anomaly: show the operations that prove it, dim the rest. -1 shows everything again. */
  function select(n) {
    chosen = n;
    g.picked = -1;
    said.replaceChildren();
    if (n < 0) {
      g.proof = new Set();
      return redraw();
    }
    const anomaly = run.anomalies[n];
    const rows = anomaly.steps.map((s) => byIndex.get(s.index)).filter((i) => i !== undefined);
    g.proof = new Set(rows);
    // A final read may lie far behind: the g.view shows what happened, the story shows how it ended.
    const near = anomaly.steps.filter((s) => Math.abs(s.start - anomaly.at) < run.end * 0.12);
    const used = near.length ? near : anomaly.steps;
    const from = Math.min(anomaly.at, ...used.map((s) => s.start));
    const until = Math.max(anomaly.at, ...used.map((s) => Math.max(s.end, s.start)));
    const margin = Math.max(20000, (until - from) * 0.5);
    glide(from - margin, until + margin);
    const link = element("a", "", "the story");
    link.href = `#anomaly-${n + 1}`;
    link.addEventListener("click", () => unfold(document.querySelector(`[data-anomaly="${n}"]`)));
    said.append(element("b", "", `${anomaly.type}: `), `${anomaly.sentence} `, link);
  }

  function pick(step) {
    if (!count) return;
    const middle = (g.view[0] + g.view[1]) / 2;
    if (g.picked < 0) g.picked = Math.max(0, ops.start.findIndex((t) => t >= middle));
    else g.picked = Math.max(0, Math.min(count - 1, g.picked + step));
    const at = ops.start[g.picked];
    if (at < g.view[0] || at > g.view[1]) setView(at - (g.view[1] - g.view[0]) / 2, at + (g.view[1] - g.view[0]) / 2);
    said.textContent = describe(g.picked).join(" · ");
    redraw();
  }

  // ---- detail --------------------------------------------------------------------------------

  function describe(i) {
    const took = ops.end[i] < 0 ? "never completed" : `${["done", "refused", "gave up"][ops.outcome[i]]} after ${spanText(ops.end[i] - ops.start[i])}`;
    const lines = [`client ${ops.process[i]} ${ops.text[i]}`];
    lines.push(`${name("key", i) ?? ""} through ${name("node", i) ?? "?"}`);
    lines.push(`${secondsText(ops.start[i], 3)}, ${took}`);
    if (ops.reads[i]) lines.push(`had been shown ${ops.reads[i].join(", ") || "nothing"}`);
    if (ops.made[i]) lines.push(`version ${ops.made[i]}`);
    if (ops.error[i] >= 0) lines.push(name("error", i));
    return lines;
  }

  function operationAt(px, panel) {
    let best = -1;
    let distance = 6;
    for (let i = 0; i < count; i++) {
      if (ops.lane[i] !== panel.lane) continue;
      const left = g.x(ops.start[i]);
      if (left > px + 6) break;
      const away = Math.max(left - px, px - Math.max(g.x(endOf(i)), left + 2), 0);
      if (away < distance || (away === distance && g.proof.has(i))) [best, distance] = [i, away];
    }
    return best;
  }

  function dotAt(px, py, panel) {
    const y = latencyScale(g, panel);
    let [best, distance] = [-1, 80];
    for (let i = 0; i < count; i++) {
      if (ops.end[i] < 0) continue;
      const away = (g.x(ops.start[i]) - px) ** 2 + (y(ops.end[i] - ops.start[i]) - py) ** 2;
      if (away < distance) [best, distance] = [i, away];
    }
    return best;
  }

  const levelAt = (points, t) => points.reduce((level, p) => (p[0] <= t ? p : level), null);

  function faultLines(f) {
    const lines = [f.title, `${secondsText(f.from)} to ${secondsText(f.until)}`];
    if (f.oneway) lines.push("one direction only");
    lines.push(f.bit ? `it bit: ${f.how}` : `it did not bite: ${f.how}`);
    return lines;
  }

  function detail(px, py) {
    const panel = g.plan.panels.find((p) => py >= p.top && py < p.top + p.height);
    if (!panel || px < g.plan.left - 4) return null;
    const t = time(px);
    if (panel.kind === "lane" || panel.kind === "latency") {
      const i = panel.kind === "lane" ? operationAt(px, panel) : dotAt(px, py, panel);
      return i < 0 ? null : describe(i);
    }
    if (panel.kind === "band" || panel.kind === "node") {
      const here = run.faults.filter((f) => t >= f.from && t <= f.until);
      const process = here.find((f) => f.kind !== "partition" && f.targets.includes(panel.node));
      const found = panel.kind === "node" && process ? process : here.find((f) => f.kind === "partition");
      return found ? faultLines(found) : null;
    }
    if (panel.kind === "siblings") {
      const level = levelAt(panel.row.points, t);
      const real = levelAt(panel.row.true, t);
      if (!level) return null;
      const lines = [`${panel.row.key}: ${level[1]} ${level[1] === 1 ? "version" : "versions side by side"}`, secondsText(t)];
      return real ? [...lines, `truly concurrent: ${real[1]}`] : lines;
    }
    if (panel.kind === "divergent") {
      const level = levelAt(run.divergent.points, t);
      if (!level) return null;
      const lines = [`${level[1]} of ${run.divergent.total} keys differ between replicas`, `seen at ${secondsText(level[0])}`];
      return level[2] ? [...lines, `${level[2]} ${level[2] === 1 ? "node" : "nodes"} did not answer`] : lines;
    }
    return null;
  }

  // ---- hands ---------------------------------------------------------------------------------

  const pointers = new Map();
  let moved = 0;

  const local = (event) => {
    const box = root.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  root.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".anomaly") || event.button) return;
    pointers.set(event.pointerId, event.clientX);
    moved = 0;
  });
  root.addEventListener("pointermove", (event) => {
    const [px, py] = local(event);
    if (pointers.has(event.pointerId)) {
      const before = [...pointers.values()];
      moved += Math.abs(event.clientX - pointers.get(event.pointerId));
      const shift = event.clientX - pointers.get(event.pointerId);
      pointers.set(event.pointerId, event.clientX);
      if (moved > 4 && !root.hasPointerCapture(event.pointerId)) root.setPointerCapture(event.pointerId);
      if (pointers.size === 2) {
        const after = [...pointers.values()];
        const [was, is] = [Math.abs(before[0] - before[1]), Math.abs(after[0] - after[1])];
        if (was > 8 && is > 8) zoom(was / is, time((after[0] + after[1]) / 2 - root.getBoundingClientRect().left));
      } else if (moved > 4) {
        root.classList.add("dragging");
        const change = (-shift / (g.plan.right - g.plan.left)) * (g.view[1] - g.view[0]);
        setView(g.view[0] + change, g.view[1] + change);
      }
    }
    hover = px >= g.plan.left && px <= g.plan.right ? px : null;
    if (!event.target.closest(".anomaly")) {
      const lines = root.classList.contains("dragging") ? null : detail(px, py);
      if (lines) showTip(event.clientX, event.clientY, lines);
      else hideTip();
    }
    redraw();
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    root.classList.remove("dragging");
  };
  root.addEventListener("pointerup", release);
  root.addEventListener("pointercancel", release);
  root.addEventListener("pointerleave", () => {
    hover = null;
    hideTip();
    redraw();
  });
  root.addEventListener("wheel", (event) => {
    // A plain wheel scrolls the page until the figure has been clicked: nobody gets stuck in it.
    const wanted = event.ctrlKey || event.metaKey || event.altKey || document.activeElement === root;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!wanted && !sideways) return;
    event.preventDefault();
    const change = ((event.shiftKey && !sideways ? event.deltaY : event.deltaX) / (g.plan.right - g.plan.left)) * (g.view[1] - g.view[0]);
    if (sideways || event.shiftKey) setView(g.view[0] + change, g.view[1] + change);
    else zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.006), time(local(event)[0]));
  }, { passive: false });

  const keys = {
    ArrowLeft: () => setView(g.view[0] - (g.view[1] - g.view[0]) * 0.15, g.view[1] - (g.view[1] - g.view[0]) * 0.15),
    ArrowRight: () => setView(g.view[0] + (g.view[1] - g.view[0]) * 0.15, g.view[1] + (g.view[1] - g.view[0]) * 0.15),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
    0: () => reset(), Home: () => reset(), Escape: () => (select(-1), root.blur()),
    n: () => run.anomalies.length && select((chosen + 1) % run.anomalies.length),
    p: () => run.anomalies.length && select((Math.max(chosen, 0) + run.anomalies.length - 1) % run.anomalies.length),
    ".": () => pick(1), ",": () => pick(-1),
  };
  root.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  function reset() {
    select(-1);
    glide(0, run.end);
  }

  for (const button of document.querySelectorAll("[data-zoom]")) {
    const act = { in: () => zoom(0.5), out: () => zoom(2), reset }[button.dataset.zoom];
    button.addEventListener("click", act);
  }

  function resize() {
    const width = root.clientWidth;
    if (!width) return;
    g.plan = layOut(run, width);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(g.plan.height * ratio);
    canvas.style.height = `${g.plan.height}px`;
    placeLabels();
    draw();
  }
  new ResizeObserver(resize).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", resize);
  addEventListener("afterprint", resize);
  matchMedia("print").addEventListener("change", resize);
  resize();
  return { select };
}

const PHASES = { main: "clients at work", heal: "healing", settle: "settling", final: "final reads", end: "" };
