// The layers of the time axis, each drawn on the canvas from the state `g` of the figure: the run, its
// operations as columns, the layout (`plan`), the visible stretch (`view`) and what is highlighted.

function hatch(g, left, top, width, height, colour) {
  g.context.save();
  g.context.beginPath();
  g.context.rect(left, top, width, height);
  g.context.clip();
  g.context.strokeStyle = colour;
  g.context.lineWidth = 1;
  g.context.beginPath();
  for (let at = left - height; at < left + width; at += 5) {
    g.context.moveTo(at, top + height);
    g.context.lineTo(at + height, top);
  }
  g.context.stroke();
  g.context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  g.context.restore();
}

function inside(g, text, left, right, middle, colour) {
  const from = Math.max(left, g.plan.left) + 6;
  const room = Math.min(right, g.plan.right) - from - 4;
  let shown = text;
  if (g.context.measureText(shown).width > room) shown = text.split(" · ")[0];
  if (g.context.measureText(shown).width > room) return;
  g.context.fillStyle = colour;
  g.context.fillText(shown, from, middle);
}

function drawShade(g, c) {
  const top = ROW.tick + ROW.overview;
  for (const f of g.run.faults) {
    g.context.fillStyle = `rgba(${c.shade}, ${f.bit ? 0.045 : 0.02})`;
    const left = Math.max(g.x(f.from), g.plan.left);
    g.context.fillRect(left, top, Math.max(0, Math.min(g.x(f.until), g.plan.right) - left), g.plan.height - top - ROW.gap);
  }
  g.context.strokeStyle = c.rule;
  g.context.setLineDash([2, 3]);
  for (const phase of g.run.phases.slice(1)) {
    const at = Math.round(g.x(phase.at)) + 0.5;
    g.context.beginPath();
    g.context.moveTo(at, top - 6);
    g.context.lineTo(at, g.plan.height - ROW.gap);
    g.context.stroke();
  }
  g.context.setLineDash([]);
}

function drawOverview(g, c) {
  const width = g.plan.right - g.plan.left;
  const y = ROW.tick;
  g.context.fillStyle = c.grid;
  g.context.fillRect(g.plan.left, y, width, 3);
  g.context.fillStyle = c.muted;
  const left = (g.view[0] / g.run.end) * width;
  g.context.fillRect(g.plan.left + left, y, Math.max(4, ((g.view[1] - g.view[0]) / g.run.end) * width), 3);
}

function drawBand(g, panel, c) {
  for (const f of g.run.faults.filter((one) => one.kind === "partition")) {
    const [left, right] = [g.x(f.from), g.x(f.until)];
    if (right < g.plan.left || left > g.plan.right) continue;
    if (f.bit) {
      g.context.fillStyle = c.ink;
      g.context.fillRect(left, panel.top + panel.height - 3, right - left, 2);
    } else hatch(g, left, panel.top + panel.height - 6, right - left, 5, c.muted);
    inside(g, f.label, left - 6, right, panel.top + 9, c.ink);
  }
}

function drawNode(g, panel, c) {
  const middle = panel.top + panel.height / 2;
  g.context.fillStyle = c.rule;
  g.context.fillRect(g.plan.left, Math.round(middle), g.plan.right - g.plan.left, 1);
  for (const f of g.run.faults) {
    const [left, right] = [g.x(f.from), g.x(f.until)];
    if (right < g.plan.left || left > g.plan.right) continue;
    if (f.kind === "partition") {
      const side = f.sides[panel.node];
      if (side === undefined) continue;
      g.context.fillStyle = c[`side${side % 4}`];
      g.context.globalAlpha = f.bit ? 1 : 0.35;
      g.context.fillRect(left, middle - 3, right - left, 7);
      g.context.globalAlpha = 1;
    }
  }
  for (const f of g.run.faults) {
    if (f.kind === "partition" || !f.targets.includes(panel.node)) continue;
    const [left, right] = [g.x(f.from), g.x(f.until)];
    if (right < g.plan.left || left > g.plan.right) continue;
    const [top, height] = [panel.top + 1, panel.height - 2];
    g.context.fillStyle = c.paper;
    g.context.fillRect(left - 1, top, right - left + 2, height);
    if (f.bit) {
      g.context.fillStyle = f.kind === "kill" ? c.kill : c.pause;
      g.context.fillRect(left, top, right - left, height);
      inside(g, f.label, left, right, middle + 0.5, f.kind === "kill" ? c["on-dark"] : c.paper);
    } else hatch(g, left, top, right - left, height, c.muted);
  }
}

function drawOperation(g, i, panel, c) {
  const left = g.x(g.ops.start[i]);
  const right = Math.max(g.x(g.endOf(i)), left + 1.6);
  if (right < g.plan.left || left > g.plan.right) return;
  const write = g.ops.write[i] === 1;
  const thick = Math.max(2, (panel.height - 4) * (write ? 1 : 0.4));
  const top = panel.top + (panel.height - thick) / 2;
  const width = right - left;
  const proves = g.proof.has(i);
  g.context.globalAlpha = g.proof.size && !proves ? 0.2 : 1;
  if (g.ops.outcome[i] === 1) {
    g.context.fillStyle = g.context.strokeStyle = c.fail;
    if (width < 4) g.context.fillRect(left, top, width, thick);
    else g.context.strokeRect(left + 0.75, top + 0.75, width - 1.5, Math.max(1, thick - 1.5));
  } else if (g.ops.outcome[i] === 2) {
    // The end of an operation without an answer is open: it fades.
    const shade = g.context.globalAlpha;
    g.context.fillStyle = c.info;
    g.context.fillRect(left, top, width * 0.55, thick);
    for (let part = 0; part < 6; part++) {
      g.context.globalAlpha = shade * (0.85 - part * 0.15);
      g.context.fillRect(left + width * (0.55 + part * 0.075), top, width * 0.075 + 0.5, thick);
    }
    g.context.globalAlpha = shade;
  } else {
    g.context.fillStyle = write ? c.ok : c["ok-soft"];
    g.context.fillRect(left, top, width, thick);
  }
  if (proves || i === g.picked) {
    g.context.strokeStyle = proves ? c.bad : c.ink;
    g.context.strokeRect(left - 2, panel.top + 1, width + 4, panel.height - 2);
  }
  g.context.globalAlpha = 1;
  const label = g.ops.made[i] || "";
  if (label && width > 26 && panel.height >= 12 && g.ops.outcome[i] !== 1) inside(g, label, left, right, panel.top + panel.height / 2 + 0.5, c["on-dark"]);
}

function drawOperations(g, c) {
  const laneOf = g.plan.panels.filter((p) => p.kind === "lane");
  g.context.lineWidth = 1.5;
  for (const panel of laneOf) {
    g.context.fillStyle = c.grid;
    g.context.fillRect(g.plan.left, Math.round(panel.top + panel.height / 2), g.plan.right - g.plan.left, 1);
  }
  for (let i = 0; i < g.count; i++) if (!g.proof.has(i)) drawOperation(g, i, laneOf[g.ops.lane[i]], c);
  for (const i of g.proof) drawOperation(g, i, laneOf[g.ops.lane[i]], c);
  g.context.lineWidth = 1;
}

/** A line through all panels at the moment that the chosen anomaly showed. */
function drawMoment(g, at, c) {
  g.context.fillStyle = c.bad;
  g.context.fillRect(Math.round(g.x(at)), ROW.tick + ROW.overview, 1.5, g.plan.height - ROW.tick - ROW.overview - ROW.gap);
}

function stepPath(g, points, height, top, most, from) {
  const y = (v) => top + height - (v / most) * height;
  g.context.beginPath();
  g.context.moveTo(Math.max(g.plan.left, g.x(from)), y(0));
  let level = 0;
  for (const [at, value] of points) {
    g.context.lineTo(g.x(at), y(level));
    g.context.lineTo(g.x(at), y(value));
    level = value;
  }
  g.context.lineTo(g.x(g.run.end), y(level));
}

function drawSiblings(g, panel, c) {
  const most = Math.max(3, g.run.siblings.most);
  const [top, height] = [panel.top + 4, panel.height - 6];
  g.context.fillStyle = c.rule;
  g.context.fillRect(g.plan.left, top + height, g.plan.right - g.plan.left, 1);
  stepPath(g, panel.row.points, height, top, most, 0);
  g.context.lineTo(g.x(g.run.end), top + height);
  g.context.globalAlpha = 0.32;
  g.context.fillStyle = c.side1;
  g.context.fill();
  g.context.globalAlpha = 1;
  stepPath(g, panel.row.points, height, top, most, 0);
  g.context.strokeStyle = c.side1;
  g.context.lineWidth = 1.3;
  g.context.stroke();
  if (panel.row.true.length) {
    g.context.setLineDash([3, 2]);
    g.context.strokeStyle = c.ink;
    stepPath(g, panel.row.true, height, top, most, 0);
    g.context.stroke();
    g.context.setLineDash([]);
  }
  const peak = panel.row.points.reduce((best, p) => (p[1] > best[1] ? p : best), [0, 0]);
  if (peak[1] > 1 && peak[0] >= g.view[0] && peak[0] <= g.view[1]) {
    g.context.fillStyle = c.ink;
    g.context.fillText(String(peak[1]), g.x(peak[0]) + 3, top + height - (peak[1] / most) * height + 5);
  }
}

/** Paint only right of the labels. */
function inPlot(g, paint) {
  g.context.save();
  g.context.beginPath();
  g.context.rect(g.plan.left, 0, g.plan.right - g.plan.left, g.plan.height);
  g.context.clip();
  paint();
  g.context.restore();
}

function drawDivergent(g, panel, c) {
  const points = g.run.divergent.points;
  const most = Math.max(1, ...points.map((p) => p[1]));
  const [top, height] = [panel.top + 6, panel.height - 10];
  g.context.fillStyle = c.muted;
  g.context.textAlign = "right";
  g.context.fillText(String(most), g.plan.left - 10, top + 4);
  g.context.fillText("0", g.plan.left - 10, top + height);
  g.context.textAlign = "left";
  inPlot(g, () => {
    g.context.fillStyle = c.rule;
    g.context.fillRect(g.plan.left, top + height, g.plan.right - g.plan.left, 1);
    stepPath(g, points, height, top, most, points[0][0]);
    g.context.lineTo(g.x(g.run.end), top + height);
    g.context.globalAlpha = 0.35;
    g.context.fillStyle = c.side0;
    g.context.fill();
    g.context.globalAlpha = 1;
    stepPath(g, points, height, top, most, points[0][0]);
    g.context.strokeStyle = c.side0;
    g.context.stroke();
    if (g.run.divergent.since !== null) drawAgreement(g, top + height, c);
  });
}

function drawAgreement(g, base, c) {
  const at = g.x(g.run.divergent.since);
  const text = `equal from ${secondsText(g.run.divergent.since, 1)} on`;
  const width = g.context.measureText(text).width;
  g.context.fillStyle = c.good;
  g.context.beginPath();
  g.context.arc(at, base, 4, 0, 7);
  g.context.fill();
  const left = at + width + 10 > g.plan.right ? at - width - 8 : at + 8;
  g.context.lineWidth = 4;
  g.context.lineJoin = "round";
  g.context.strokeStyle = c.paper;
  g.context.strokeText(text, left, base - 9);
  g.context.lineWidth = 1;
  g.context.fillText(text, left, base - 9);
}

function drawLatency(g, panel, c) {
  const [top, height] = [panel.top + 4, panel.height - 10];
  const y = latencyScale(g, panel);
  g.context.textAlign = "right";
  for (let ms = 0.01; ms <= 1e5; ms *= 10) {
    const at = y(ms * 1000);
    if (at < top - 1 || at > top + height + 1) continue;
    g.context.fillStyle = c.grid;
    g.context.fillRect(g.plan.left, Math.round(at), g.plan.right - g.plan.left, 1);
    g.context.fillStyle = c.muted;
    g.context.fillText(ms >= 1000 ? `${Math.round(ms / 1000)} s` : `${+ms.toPrecision(1)} ms`, g.plan.left - 10, at);
  }
  g.context.textAlign = "left";
  for (let i = 0; i < g.count; i++) {
    if (g.ops.end[i] < 0) continue;
    const at = g.x(g.ops.start[i]);
    if (at < g.plan.left || at > g.plan.right) continue;
    const proves = g.proof.has(i);
    g.context.globalAlpha = proves ? 1 : g.proof.size ? 0.12 : 0.55;
    g.context.fillStyle = proves ? c.bad : [c.ok, c.fail, c.info][g.ops.outcome[i]];
    const size = proves ? 5 : 2.4;
    g.context.fillRect(at - size / 2, y(g.ops.end[i] - g.ops.start[i]) - size / 2, size, size);
  }
  g.context.globalAlpha = 1;
}

/** The decades that latencies span: low and high, as logarithms of microseconds. */
function latencyRange(ops, count) {
  let [low, high] = [Infinity, 0];
  for (let i = 0; i < count; i++) {
    if (ops.end[i] < 0) continue;
    const took = Math.max(10, ops.end[i] - ops.start[i]);
    low = Math.min(low, took);
    high = Math.max(high, took);
  }
  return high ? [Math.log10(low) - 0.1, Math.log10(high) + 0.1] : [3, 6];
}

function latencyScale(g, panel) {
  const [low, high] = g.latency;
  return (us) => panel.top + 4 + (panel.height - 10) * (1 - (Math.log10(Math.max(10, us)) - low) / (high - low));
}
