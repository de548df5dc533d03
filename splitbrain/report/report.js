// Starts the figures. The data of the run is in the script element #data; nothing is fetched.

const OUTCOMES = ["ok", "fail", "info"];
const data = JSON.parse(document.getElementById("data").textContent);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function secondsText(us, digits = 2) {
  return `${(us / 1e6).toFixed(digits)} s`;
}

function spanText(us) {
  if (us >= 1e6) return `${(us / 1e6).toFixed(us >= 1e7 ? 0 : 1)} s`;
  return us >= 1e4 ? `${Math.round(us / 1e3)} ms` : `${(us / 1e3).toFixed(1)} ms`;
}

const COLOURS = ["paper", "ink", "muted", "rule", "grid", "ok", "ok-soft", "fail", "info", "bad", "good", "side0", "side1", "side2", "side3", "kill", "pause", "shade", "on-dark"];

/** The colours of the page as it looks now: light, dark or print. Read once for each drawing. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const tip = document.getElementById("tip");

/** Show lines beside the pointer: the first one strong, the rest as they are. */
function showTip(x, y, lines) {
  tip.replaceChildren();
  lines.forEach((line, n) => {
    if (n) tip.append(element("br"));
    tip.append(n ? element("span", "", line) : element("b", "", line));
  });
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth - 8 ? x - 16 - box.width : x + 16;
  const top = y + 18 + box.height > innerHeight - 8 ? y - 14 - box.height : y + 18;
  tip.style.left = `${Math.max(8, Math.min(left, innerWidth - 8 - box.width))}px`;
  tip.style.top = `${Math.max(8, top)}px`;
}

function hideTip() {
  tip.hidden = true;
}

function startCopy() {
  const button = document.getElementById("copy");
  if (!button) return;
  button.addEventListener("click", async () => {
    const command = document.getElementById("replay");
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "copied";
    } catch {
      // Pages opened from a file may not write to the clipboard: select the command instead.
      getSelection().selectAllChildren(command);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 1600);
  });
}

/** Open a part that folds, and every fold around it. */
function unfold(details) {
  for (let at = details; at; at = at.parentElement.closest("details")) at.open = true;
}

function startStories(axis) {
  for (const root of document.querySelectorAll("[data-story]")) {
    const details = root.closest("details");
    const draw = () => {
      if (!root.isConnected || root.childElementCount) return;
      drawStory(root, data.anomalies[Number(root.dataset.story)], data.faults, data.end);
    };
    if (details.open) draw();
    details.addEventListener("toggle", () => details.open && draw());
  }
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      axis.select(Number(button.dataset.show));
      document.getElementById("run-heading").scrollIntoView({ block: "start" });
    });
  }
}

const axis = startAxis(document.getElementById("axis"), data);
startStories(axis);
startCopy();
