// Draws a failure of linearizability: operations on lanes, one order of them with its states, and its dead end.
// `explorer.js` says which failure, which order and which step of it.

const SVG = "http://www.w3.org/2000/svg";
const LANE = 50;
const STATE = 34; // Height of the strip that tells the state.
const LETTER = 7.3;
const UNIT = { least: 3, most: 160, first: 40, wide: 84, factor: 1.35 }; // Pixels from one entry to the next.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function cut(text, room) {
  if (text.length <= room) return text;
  return room < 2 ? "" : `${text.slice(0, room - 1)}…`;
}

/** Positions on the axis: every entry of the window takes one step, whatever its number is. */
function axisOf(failure) {
  const entries = new Set();
  for (const call of failure.calls) {
    entries.add(call.from);
    if (call.to !== null) entries.add(call.to);
  }
  const sorted = [...entries].sort((a, b) => a - b);
  const rank = new Map(sorted.map((entry, at) => [entry, at]));
  const end = sorted.length;
  return { entries: sorted, rank, end, until: (call) => (call.to === null ? end : rank.get(call.to)) };
}

/** Where each call of an order takes effect: as early as the order and its own beginning allow. */
function pointsOf(order, failure, axis) {
  const groups = new Map();
  let at = 0;
  for (const [number] of order.steps) {
    at = Math.max(at, axis.rank.get(failure.calls[number].from));
    groups.set(at, (groups.get(at) ?? 0) + 1);
  }
  const used = new Map();
  at = 0;
  return order.steps.map(([number]) => {
    at = Math.max(at, axis.rank.get(failure.calls[number].from));
    const nth = (used.get(at) ?? 0) + 1;
    used.set(at, nth);
    return at + nth / (groups.get(at) + 1);
  });
}

/** The picture. Has the failure that is shown, the order, `step` (how much of it), `selected` and `unit`. */
class Stage {
  get failure() {
    return this.data.failures[this.key];
  }

  get order() {
    return this.failure.orders[this.at] ?? { steps: [], why: [], rest: [], cut: false };
  }

  draw() {
    const { failure, axis, unit } = this;
    const width = Math.max((axis.end + 1) * unit, this.scroller.clientWidth - 2);
    const height = STATE + failure.lanes.length * LANE + 26;
    const svg = shape("svg", { width, height, role: "img", "aria-label": failure.sentence });
    this.x = (place) => (place + 0.25) * unit;
    this.drawPrefix(svg, width, height);
    failure.lanes.forEach((_, lane) => svg.append(shape("line", { class: "rail", x1: 0, x2: width, y1: this.y(lane), y2: this.y(lane) })));
    this.drawGap(svg, height);
    this.drawEntries(svg, height);
    this.drawState(svg);
    this.drawWay(svg);
    const nexts = this.nexts();
    failure.calls.forEach((call, number) => svg.append(this.bar(call, number, nexts[number], width)));
    this.drawOrder(svg);
    this.scroller.replaceChildren(svg);
  }

  y(lane) {
    return STATE + lane * LANE + 34;
  }

  /** For every call the beginning of the next one on its lane. */
  nexts() {
    const { failure, axis } = this;
    const found = new Array(failure.calls.length);
    const last = new Map();
    for (let number = failure.calls.length - 1; number >= 0; number--) {
      const call = failure.calls[number];
      found[number] = last.get(call.lane) ?? axis.end + 1;
      last.set(call.lane, axis.rank.get(call.from));
    }
    return found;
  }

  drawPrefix(svg, width, height) {
    const { failure, axis } = this;
    if (failure.prefix === null || !axis.rank.has(failure.prefix)) return;
    const x = this.x(axis.rank.get(failure.prefix));
    if (failure.calls.some((call) => call.from > failure.prefix)) svg.append(shape("rect", { class: "after", x, y: 0, width: Math.max(width - x, 0), height }));
    svg.append(shape("line", { class: "prefix", x1: x, x2: x, y1: 0, y2: height }));
  }

  /** Where what is far away ends and the neighbourhood of the failure begins. */
  drawGap(svg, height) {
    const { failure, axis } = this;
    if (failure.gap === null) return;
    const x = this.x(axis.rank.get(failure.gap) - 0.5);
    svg.append(shape("line", { class: "gap", x1: x, x2: x, y1: 0, y2: height }));
    svg.append(shape("text", { class: "gap", x: x - 5, y: 18 }, "far away"));
  }

  drawEntries(svg, height) {
    let last = -100;
    for (const [entry, at] of this.axis.rank) {
      const x = this.x(at);
      if (x - last < 8 * String(entry).length + 8 && entry !== this.failure.prefix) continue;
      if (entry === this.failure.prefix || !this.nearPrefix(x)) {
        svg.append(shape("text", { class: entry === this.failure.prefix ? "entry prefix" : "entry", x, y: height - 6 }, entry));
        last = x;
      }
    }
  }

  nearPrefix(x) {
    const { failure, axis } = this;
    return axis.rank.has(failure.prefix) && Math.abs(this.x(axis.rank.get(failure.prefix)) - x) < 34;
  }

  /** Where the orders end: at the end of the shortest beginning that fails. */
  deadline() {
    return this.axis.rank.get(this.failure.prefix) ?? this.axis.end;
  }

  /** The state, from each point of the order to the next. */
  drawState(svg) {
    const { order, points, step } = this;
    for (let at = 0; at < step; at++) {
      const state = order.steps[at][1];
      if (at && order.steps[at - 1][1] === state) continue;
      let until = at + 1;
      while (until < step && order.steps[until][1] === state) until++;
      const x = this.x(points[at]);
      const end = until < order.steps.length ? this.x(points[until]) : Math.max(this.x(this.deadline()), x + 8);
      const part = shape("g", { class: "state-part" });
      part.append(shape("title", {}, `state: ${state}`), shape("rect", { x: x + 1, y: 4, width: Math.max(end - x - 2, 1), height: STATE - 14, rx: 3 }));
      part.append(shape("text", { x: x + 6, y: 18 }, cut(state, Math.floor((end - x - 10) / LETTER))));
      svg.append(part);
    }
  }

  bar(call, number, next, width) {
    const { failure, axis } = this;
    const left = axis.rank.get(call.from);
    const open = call.to === null;
    const right = open ? Math.min(axis.end + 0.6, next - 0.2) : axis.rank.get(call.to);
    const x = this.x(left);
    const y = this.y(call.lane);
    const looks = ["call", open ? "info" : "ok", call.reads ? "read" : ""];
    if (failure.stuck.includes(number)) looks.push("stuck");
    else if (failure.open.includes(number)) looks.push("open");
    if (number === this.selected) looks.push("selected");
    const made = shape("g", { class: looks.join(" "), "data-call": number });
    made.append(shape("title", {}, [call.text, ...call.details].join("\n")));
    const room = Math.floor(((Math.min(this.x(next), width) - x) - 4) / LETTER);
    made.append(shape("text", { class: "op", x, y: y - 12 }, cut(call.text, room)));
    made.append(shape("rect", { x, y: y - 7, width: Math.max(this.x(right) - x, 4), height: 14, rx: 3 }));
    return made;
  }

  places() {
    const { failure, order, points, step } = this;
    return order.steps.slice(0, step).map(([number], at) => [this.x(points[at]), this.y(failure.calls[number].lane)]);
  }

  /** The line through the points of the order so far, and from its end to what does not fit. */
  drawWay(svg) {
    const places = this.places();
    if (!places.length) return;
    svg.append(shape("polyline", { class: "way", points: places.map((place) => place.join()).join(" ") }));
    if (this.step < this.order.steps.length) return;
    const [x, y] = places[places.length - 1];
    for (const number of this.failure.stuck) {
      const [x2, y2] = this.crossing(number);
      svg.append(shape("line", { class: "way dead", x1: x, y1: y, x2, y2 }));
    }
  }

  /** The points of the order so far, numbered, and at its end a cross on each operation that does not fit. */
  drawOrder(svg) {
    const { order, step } = this;
    if (this.failure.orders.length && step === order.steps.length) this.drawCrosses(svg);
    this.places().forEach(([x, y], at) => {
      const dot = shape("g", { class: at === step - 1 ? "point current" : "point", "data-call": order.steps[at][0] });
      dot.append(shape("circle", { cx: x, cy: y, r: 9 }), shape("text", { x, y: y + 4 }, at + 1));
      svg.append(dot);
    });
  }

  crossing(number) {
    const call = this.failure.calls[number];
    return [this.x(this.axis.until(call) - 0.35), this.y(call.lane)];
  }

  drawCrosses(svg) {
    for (const number of this.failure.stuck) {
      const [x, y] = this.crossing(number);
      const cross = shape("g", { class: "cross", "data-call": number });
      cross.append(shape("circle", { cx: x, cy: y, r: 9 }), shape("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }));
      svg.append(cross);
    }
  }
}
