// Explores failures of linearizability: which key, which of the orders that were tried, which step of it.
// The data stands beside the picture in a script element (`explorer.py`); nothing is fetched.

class Explorer extends Stage {
  constructor(root, data) {
    super();
    this.data = data;
    this.root = root;
    this.key = 0;
    this.unit = UNIT.first;
    this.build();
    this.choose(0);
    root.classList.add("live");
  }

  // --- what there is to touch ---------------------------------------------------------------------

  build() {
    this.sentence = element("p", "sentence");
    this.tools = element("div", "tools");
    this.stage = element("div", "stage");
    this.names = element("div", "names-of-lanes");
    this.scroller = element("div", "scroller");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "application");
    this.scroller.setAttribute("aria-label", "Operations on lanes. Left and right go through the order, up and down to other orders, comma and full stop through operations, f to those that do not fit, plus and minus zoom.");
    this.stage.append(this.names, this.scroller);
    this.said = element("p", "said");
    this.said.setAttribute("aria-live", "polite");
    this.steps = element("ol", "chips order");
    this.end = element("div", "dead-end");
    this.left = element("p", "legend");
    const legend = element("p", "legend");
    for (const [name, text] of [["stuck", "cannot be placed"], ["open", "was open then"], ["point", "takes effect, in this order"], ["after", "after the shortest beginning that fails"], ["info", "outcome unknown: it may take effect at any later time"]]) {
      const pair = element("span", "pair");
      pair.append(element("span", `key ${name}`), text);
      legend.append(pair, " ");
    }
    const keys = element("p", "legend", "Keys, in the picture: ← → go through the order, ↑ ↓ to other orders, comma and full stop through the operations, f to what does not fit, + − 0 zoom.");
    this.root.append(this.sentence, this.tools, this.stage, legend, keys, this.said, this.steps, this.end, this.left);
    this.scroller.addEventListener("keydown", (event) => this.press(event));
    this.scroller.addEventListener("click", (event) => this.pick(event));
    this.buildTools();
  }

  buildTools() {
    const group = (...parts) => {
      const made = element("span", "group");
      made.append(...parts);
      this.tools.append(made);
      return made;
    };
    const button = (text, label, act) => {
      const made = element("button", "", text);
      made.type = "button";
      made.title = label;
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    };
    if (this.data.failures.length > 1) {
      this.keys = element("select");
      this.data.failures.forEach((failure, at) => this.keys.append(new Option(failure.key ?? `failure ${at + 1}`, at)));
      this.keys.addEventListener("change", () => this.choose(Number(this.keys.value)));
      const label = element("label", "", "key ");
      label.append(this.keys);
      group(label);
    }
    this.which = element("output");
    this.progress = element("output");
    const turns = group(button("◂", "previous order", () => this.turn(-1)), this.which, button("▸", "next order", () => this.turn(1)));
    const walk = group(
      button("⇤", "before the first operation", () => this.go(0)),
      button("←", "one operation back", () => this.go(this.step - 1)),
      this.progress,
      button("→", "one operation on", () => this.go(this.step + 1)),
      button("⇥", "to the dead end", () => this.go(Infinity)),
    );
    this.ways = [turns, walk];
    group(
      button("−", "zoom out", () => this.zoom(1 / UNIT.factor)),
      button("+", "zoom in", () => this.zoom(UNIT.factor)),
      button("all", "show all of it", () => this.fit()),
      button("what does not fit", "go to the operations that do not fit, one after the other (f)", () => this.nextMisfit()),
    );
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowRight: () => this.go(this.step + 1),
      ArrowLeft: () => this.go(this.step - 1),
      ArrowDown: () => this.turn(1),
      ArrowUp: () => this.turn(-1),
      Home: () => this.go(0),
      End: () => this.go(Infinity),
      "+": () => this.zoom(UNIT.factor),
      "=": () => this.zoom(UNIT.factor),
      "-": () => this.zoom(1 / UNIT.factor),
      0: () => this.fit(),
      ".": () => this.select((this.selected ?? -1) + 1),
      ",": () => this.select((this.selected ?? this.failure.calls.length) - 1),
      f: () => this.nextMisfit(),
      Escape: () => this.select(null),
    };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }

  pick(event) {
    const found = event.target.closest("[data-call]");
    this.select(found ? Number(found.dataset.call) : null);
  }

  // --- where we are -------------------------------------------------------------------------------

  choose(key) {
    this.key = key;
    this.at = 0;
    this.selected = null;
    this.axis = axisOf(this.failure);
    this.sentence.textContent = this.failure.sentence;
    const which = this.root.parentElement.querySelector(".of-key");
    if (which && this.failure.key !== null) which.textContent = `on key ${this.failure.key}`;
    for (const way of this.ways) way.hidden = !this.failure.orders.length;
    const left = this.failure.left;
    this.left.textContent = left ? `${left.toLocaleString("en")} operations of the history are not drawn: those of other keys, failed ones, and what is far from here.` : "";
    this.names.replaceChildren(element("span", "state-of", "state"), ...this.failure.lanes.map((name) => element("span", "", name)));
    this.unit = Math.max(UNIT.first, Math.min(UNIT.wide, (this.scroller.clientWidth - 2) / (this.axis.end + 1)));
    this.turnTo(0);
    this.goToFailure();
  }

  turn(by) {
    const count = this.failure.orders.length;
    if (count) this.turnTo((this.at + by + count) % count);
  }

  turnTo(order) {
    this.at = order;
    this.step = this.order.steps.length;
    this.points = pointsOf(this.order, this.failure, this.axis);
    this.listSteps();
    this.draw();
    this.tell();
  }

  go(step) {
    this.selected = null;
    this.step = Math.max(0, Math.min(step, this.order.steps.length));
    this.draw();
    this.tell();
    const point = this.points[this.step - 1];
    if (point !== undefined) this.reveal(point);
  }

  select(number) {
    const count = this.failure.calls.length;
    this.selected = number === null || !count ? null : (number + count) % count;
    this.draw();
    this.tell();
    if (this.selected !== null) this.reveal(this.axis.rank.get(this.failure.calls[this.selected].from) + 0.5);
  }

  zoom(factor) {
    const middle = (this.scroller.scrollLeft + this.scroller.clientWidth / 2) / this.unit;
    this.unit = Math.max(UNIT.least, Math.min(UNIT.most, this.unit * factor));
    this.draw();
    this.scroller.scrollLeft = middle * this.unit - this.scroller.clientWidth / 2;
  }

  fit() {
    this.unit = Math.max(UNIT.least, Math.min(UNIT.most, this.scroller.clientWidth / (this.axis.end + 1)));
    this.draw();
  }

  goToFailure() {
    const [last] = this.misfits();
    if (last !== undefined) this.reveal(this.axis.until(this.failure.calls[last]), true);
  }

  /** The operations that do not fit, the last to end first. */
  misfits() {
    const ends = (number) => this.axis.until(this.failure.calls[number]);
    return [...this.failure.stuck].sort((a, b) => ends(b) - ends(a));
  }

  /** Select what does not fit, and at the next call the next one. */
  nextMisfit() {
    const all = this.misfits();
    if (all.length) this.select(all[(all.indexOf(this.selected) + 1) % all.length]);
  }

  /** Scroll so that a place of the axis can be seen. */
  reveal(place, near = false) {
    const x = place * this.unit;
    const { scrollLeft, clientWidth } = this.scroller;
    if (near || x < scrollLeft + 30 || x > scrollLeft + clientWidth - 30) this.scroller.scrollLeft = x - clientWidth * (near ? 0.72 : 0.5);
  }

  // --- words --------------------------------------------------------------------------------------

  name(number) {
    const call = this.failure.calls[number];
    return `${call.text} (client ${call.who})`;
  }

  listSteps() {
    this.steps.replaceChildren();
    this.order.steps.forEach(([number, state, observed], at) => {
      const item = element("li", observed ? "observed" : "");
      const button = element("button", "", `${at + 1}. ${this.failure.calls[number].text}`);
      button.type = "button";
      button.append(element("small", "", observed ? `client ${this.failure.calls[number].who}` : `client ${this.failure.calls[number].who}, state ${state}`));
      button.addEventListener("click", () => this.go(at + 1));
      item.append(button);
      this.steps.append(item);
    });
    this.end.replaceChildren(...this.deadEnd());
  }

  /** Why this order cannot go on. */
  deadEnd() {
    const { failure, order } = this;
    if (!failure.orders.length) return [];
    const state = order.steps.length ? order.steps[order.steps.length - 1][1] : failure.states[0];
    const stuck = failure.stuck.map((number) => this.name(number)).join(" and ");
    const why = order.why.length ? `: ${order.why.join("; ")}` : "";
    const lines = [element("p", "", `Then the state is ${state ?? "unknown"}. Next must come ${stuck}, for it has ended, and it cannot${why}.`)];
    const free = order.rest.filter((rest) => !rest.why).map((rest) => this.name(rest.call));
    if (free.length) lines.push(element("p", "rest", `${free.join(", ")}${failure.more_open ? ` and ${failure.more_open} more` : ""} could come first, but whatever does, it still does not fit.`));
    for (const rest of order.rest.filter((each) => each.why)) lines.push(element("p", "rest", `${this.name(rest.call)} cannot come first, either: ${rest.why}.`));
    if (order.cut) lines.unshift(element("p", "rest", "Only the last operations of this order that change something are told."));
    if (failure.states.length > 1) lines.push(element("p", "rest", `In all orders together the state could be ${failure.states.join(", ")}${failure.more ? ` and ${failure.more} more` : ""}.`));
    return lines;
  }

  tell() {
    const { failure, order, step } = this;
    const count = order.steps.length;
    this.which.textContent = `order ${this.at + 1} of ${failure.orders.length}`;
    this.progress.textContent = `${step} of ${count}`;
    [...this.steps.children].forEach((item, at) => {
      item.classList.toggle("later", at >= step);
      item.firstChild.setAttribute("aria-current", String(at === step - 1));
    });
    this.end.hidden = step < count;
    this.said.replaceChildren(...this.details());
  }

  details() {
    const { failure, order, step } = this;
    const strong = (text) => element("b", "", text);
    if (this.selected !== null) {
      const number = this.selected;
      const call = failure.calls[number];
      const lines = [strong(call.text), ` ${call.details.join("; ")}. ${this.place(number)}`];
      return lines;
    }
    if (!failure.orders.length) return ["The operations that are ringed contradict each other. Click one, or press f to go from one to the next."];
    if (!order.steps.length) return ["In this order nothing takes effect before the dead end."];
    if (step === 0) return ["Nothing has taken effect yet. → goes on."];
    const [number, state, observed] = order.steps[step - 1];
    const before = step > 1 ? order.steps[step - 2][1] : null;
    const change = observed ? `fits: the state is ${state}` : before === null ? `makes the state ${state}` : `changes the state from ${before} to ${state}`;
    return [strong(`${step}. ${this.name(number)}`), ` ${change}.`];
  }

  /** What a call has to do with the orders. */
  place(number) {
    const { failure } = this;
    if (failure.stuck.includes(number)) return "It cannot be placed in any order.";
    const at = this.order.steps.findIndex(([call]) => call === number);
    const others = failure.orders.map((order, which) => [which + 1, order.steps.some(([call]) => call === number)]).filter(([, has]) => has);
    const here = at < 0 ? "It has no place in this order" : `It is number ${at + 1} in this order`;
    return `${here}${failure.orders.length > 1 ? `; it is in ${others.length} of ${failure.orders.length} orders` : ""}.`;
  }
}

for (const root of document.querySelectorAll("[data-explorer]")) {
  new Explorer(root, JSON.parse(root.querySelector('script[type="application/json"]').textContent));
}
