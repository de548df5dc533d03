// The small figure of one anomaly: its operations in order, on a time axis of their own on which long
// stretches without anything are folded, and below them the replicas that held the version in question.

/** Positions in percent for times, with idle stretches folded so that the operations stay readable. */
function foldedScale(steps, at, end) {
  const times = [at];
  for (const s of steps) times.push(s.start, s.end < 0 ? Math.min(end, s.start + 1e6) : s.end);
  const points = [...new Set(times)].sort((a, b) => a - b);
  const pieces = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i], points[i + 1]];
    const busy = steps.some((s) => s.start < b && (s.end < 0 || s.end > a));
    pieces.push({ a, b, busy, width: b - a, folded: false });
  }
  const active = pieces.filter((p) => p.busy).reduce((sum, p) => sum + p.width, 0) || 1;
  for (const p of pieces) {
    if (!p.busy && p.width > active * 0.45) Object.assign(p, { width: active * 0.3, folded: true });
  }
  const total = pieces.reduce((sum, p) => sum + p.width, 0) || 1;
  let x = 1;
  for (const p of pieces) {
    p.x = x;
    x += (p.width / total) * 95;
    p.to = x;
  }
  const first = points[0];
  const last = points[points.length - 1];
  const place = (t) => {
    if (t <= first || !pieces.length) return t < first ? 0 : 1;
    if (t >= last) return t > last ? 100 : x;
    const p = pieces.find((q) => t <= q.b);
    return p.x + ((t - p.a) / (p.b - p.a)) * (p.to - p.x);
  };
  return { place, folds: pieces.filter((p) => p.folded), first, last };
}

function outcomeWord(step) {
  const took = step.end < 0 ? "never answered" : spanText(step.end - step.start);
  return [took, `refused after ${took}`, step.end < 0 ? took : `no answer, gave up after ${took}`][step.outcome];
}

function storyRow(step, scale, subject) {
  const row = element("div", "row");
  const who = element("div", "who", `${step.who} via ${step.node || "?"}`);
  who.append(element("small", "", `${secondsText(step.start)}, ${outcomeWord(step)}`));
  const right = element("div");
  const said = element("div", "said", step.text);
  if (step.note) said.append(element("em", step.tone, step.note));
  const track = element("div", "track");
  const bar = element("i", [OUTCOMES[step.outcome], step.write ? "write" : "read", step.tone === "subject" ? "subject" : ""].join(" "));
  const left = scale.place(step.start);
  bar.style.left = `${left}%`;
  bar.style.width = `${Math.max(0, scale.place(step.end < 0 ? scale.last : step.end) - left)}%`;
  track.append(bar);
  right.append(said, track);
  row.append(who, right);
  return row;
}

/** Fault bands, folds and the moment of the anomaly, behind the rows; `width` in pixels. */
function storyBackdrop(anomaly, scale, faults, width) {
  const behind = element("div", "behind");
  const taken = [];
  // Labels share one line: one that would run into another is left out.
  const label = (owner, text, from, until) => {
    const wide = ((text.length * 6.4 + 8) / width) * 100;
    const left = until === undefined ? from - wide / 2 : from;
    if (until !== undefined && until - from < wide) return;
    if (left < 0 || left + wide > 102 || taken.some(([a, b]) => left < b && left + wide > a)) return;
    taken.push([left, left + wide]);
    owner.append(element("span", "", text));
  };
  for (const fold of [...scale.folds].sort((a, b) => b.b - b.a - (a.b - a.a))) {
    const gap = element("div", "gap");
    const middle = (fold.x + fold.to) / 2;
    gap.style.left = `${middle}%`;
    label(gap, `${spanText(fold.b - fold.a)} later`, middle);
    behind.append(gap);
  }
  for (const f of faults) {
    if (f.until <= scale.first || f.from >= scale.last) continue;
    if (scale.folds.some((p) => f.from >= p.a && f.until <= p.b)) continue;
    const [left, right] = [scale.place(f.from), scale.place(f.until)];
    const band = element("div", "band");
    band.style.left = `${left}%`;
    band.style.width = `${Math.max(0.5, right - left)}%`;
    const targets = f.kind === "partition" ? "" : `${f.targets.join(" ")} `;
    label(band, targets + f.label, left, right);
    behind.append(band);
  }
  if (anomaly.at > scale.first && anomaly.at < scale.last) {
    const guide = element("div", "guide");
    guide.style.left = `${scale.place(anomaly.at)}%`;
    behind.append(guide);
  }
  return behind;
}

function storyHolders(anomaly, scale) {
  const held = element("div", "held");
  held.append(element("p", "", `Replicas seen holding ${anomaly.subject} (outlined: as a hint for another node)`));
  for (const holder of anomaly.holders) {
    const row = element("div", "row");
    const track = element("div", "track");
    for (const [from, until] of holder.spans) {
      if (until < scale.first || from > scale.last) continue;
      const bar = element("i", holder.hint ? "hint" : "");
      const left = scale.place(from);
      bar.style.left = `${left}%`;
      bar.style.width = `${Math.max(0.4, scale.place(until) - left)}%`;
      track.append(bar);
    }
    const right = element("div");
    right.append(track);
    row.append(element("div", "who", holder.hint ? `${holder.node}, hint` : holder.node), right);
    held.append(row);
  }
  return held;
}

/** Fill the element with the story of one anomaly. */
function drawStory(root, anomaly, faults, end) {
  if (!anomaly.steps.length) {
    root.remove();
    return;
  }
  const scale = foldedScale(anomaly.steps, anomaly.at, end);
  const behind = element("div", "behind");
  root.append(behind);
  behind.replaceWith(storyBackdrop(anomaly, scale, faults, behind.clientWidth || 600));
  for (const step of anomaly.steps) root.append(storyRow(step, scale, anomaly.subject));
  const visible = ([from, until]) => until >= scale.first && from <= scale.last;
  const holders = anomaly.holders.filter((holder) => holder.spans.some(visible));
  if (holders.length) root.append(storyHolders({ ...anomaly, holders }, scale));
}
