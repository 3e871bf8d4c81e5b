/** The time line as one self-contained page: no network, no library; zoom by wheel, move by dragging. */
import type { Picture } from "./timeline.ts"

/** `title` and `notes` are shown above the picture, as plain text. */
export const page = (picture: Picture, title: string, notes: ReadonlyArray<string>): string =>
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
<h1>${escape(title)}</h1>
${notes.map((note) => `<p${note.startsWith("Violation") ? " class=\"violation\"" : ""}>${escape(note)}</p>`).join("\n")}
<div id="legend">${legend}</div>
<div id="view"><canvas></canvas><div id="tip"></div></div>
<p class="hint">Wheel: zoom. Drag: move. Double click: everything. Point at something to read it.</p>
<script>const picture = ${JSON.stringify(picture).replaceAll("<", "\\u003c")};
${script}</script>
</html>
`

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")

/** Kind → colour and name; spans first, then marks. */
const kinds = [
  ["runs", "#7fb98a", "runs, or looks come"],
  ["stopped", "#e3c26b", "stopped"],
  ["down", "#d98880", "away"],
  ["fault", "#b08fc7", "fault"],
  ["start", "#1b7f3b", "start"],
  ["stop", "#c0392b", "stop"],
  ["remove", "#8d6e63", "remove"],
  ["deploy", "#1f6fb2", "deploy"],
  ["operator", "#111111", "operator"],
  ["said", "#e67e22", "warning"],
  ["bad", "#c0392b", "daemon down"],
  ["good", "#1b7f3b", "faults end"],
  ["violation", "#ff0033", "violation"]
] as const

const legend = kinds.map(([, colour, name]) => `<span><i style="background:${colour}"></i>${name}</span>`).join("")

const style = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 16px 20px; color: #222; background: #fff }
h1 { font-size: 18px; margin: 0 0 6px }
p { margin: 2px 0 }
.violation { color: #b00020; font-weight: 600 }
.hint { color: #666; font-size: 12px; margin-top: 6px }
#legend { margin: 8px 0; font-size: 12px }
#legend span { margin-right: 14px; white-space: nowrap }
#legend i { display: inline-block; width: 10px; height: 10px; margin-right: 4px; border-radius: 2px }
#view { position: relative; border: 1px solid #ccc; border-radius: 4px; overflow: hidden }
canvas { display: block; width: 100%; cursor: grab }
#tip { position: absolute; display: none; pointer-events: none; max-width: 460px; padding: 4px 8px; font-size: 12px;
  background: #222; color: #fff; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere }`

/** Plain script of the page: it has nothing but the picture. */
const script = `
const colours = ${JSON.stringify(Object.fromEntries(kinds.map(([kind, colour]) => [kind, colour])))};
const canvas = document.querySelector("canvas"), tip = document.getElementById("tip");
const left = 130, top0 = 26, row = 30, height = top0 + picture.lanes.length * row + 8;
let from = 0, to = picture.length, hits = [];
const x = (at) => left + (at - from) / (to - from) * (canvas.clientWidth - left - 10);
const lanes = new Map(picture.lanes.map((lane, index) => [lane, top0 + index * row]));
const two = (value) => String(value).padStart(2, "0");
const clock = (at, fine) => Math.floor(at / 3600000) + ":" + two(Math.floor(at / 60000) % 60) + ":"
  + two(Math.floor(at / 1000) % 60) + (fine ? "." + String(Math.floor(at % 1000)).padStart(3, "0") : "");
const steps = [1, 5, 10, 50, 100, 500, 1000, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000, 10800000];
const draw = () => {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, c = canvas.getContext("2d");
  canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = height + "px";
  c.scale(ratio, ratio); c.clearRect(0, 0, width, height); c.font = "12px system-ui, sans-serif"; hits = [];
  const step = steps.find((candidate) => (to - from) / candidate <= width / 90) || 21600000;
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    c.fillStyle = "#eee"; c.fillRect(x(at), 20, 1, height); c.fillStyle = "#555";
    c.fillText(clock(at, step < 1000), x(at) - 20, 14);
  }
  c.save(); c.beginPath(); c.rect(left, 18, width - left, height); c.clip();
  for (const span of picture.spans) {
    if (span.to < from || span.from > to) continue;
    const y = lanes.get(span.lane), fault = span.kind === "fault";
    const a = Math.max(left, x(span.from)), w = Math.max(1.5, Math.min(width, x(span.to)) - a);
    c.fillStyle = colours[span.kind];
    c.fillRect(a, fault ? y + 19 : y + 4, w, fault ? 6 : 13);
    hits.push([a, fault ? y + 18 : y + 3, w, fault ? 8 : 15, clock(span.from, true) + " to " + clock(span.to, true) + "\\n" + span.text]);
  }
  for (const mark of picture.marks) {
    if (mark.at < from || mark.at > to) continue;
    const y = lanes.get(mark.lane), a = x(mark.at), under = mark.kind === "fault" || mark.kind === "operator";
    c.fillStyle = colours[mark.kind];
    if (mark.kind === "violation") { c.fillRect(a - 1.5, 18, 3, height); }
    else if (under) { c.beginPath(); c.moveTo(a, y + 18); c.lineTo(a + 4, y + 25); c.lineTo(a - 4, y + 25); c.fill(); }
    else if (mark.kind === "said") { c.beginPath(); c.arc(a, y + 3.5, 2.5, 0, 7); c.fill(); }
    else { c.fillRect(a - 1, y + 2, 2.5, 17); }
    hits.push([a - 4, under ? y + 16 : y, 8, under ? 11 : 18, clock(mark.at, true) + "\\n" + mark.text]);
  }
  c.restore();
  for (const [lane, y] of lanes) {
    c.fillStyle = "#222"; c.textAlign = "right"; c.fillText(lane, left - 10, y + 15); c.textAlign = "left";
    c.fillStyle = lane.endsWith(" link") || lane === "NPU" ? "#999" : "#eee"; c.fillRect(0, y - 1, width, 1);
  }
};
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const part = Math.min(1, Math.max(0, (event.offsetX - left) / (canvas.clientWidth - left - 10)));
  const at = from + part * (to - from), size = Math.min(picture.length, Math.max(20, (to - from) * (event.deltaY > 0 ? 1.3 : 1 / 1.3)));
  from = Math.max(0, at - part * size); to = Math.min(picture.length, from + size); draw();
}, { passive: false });
let held;
canvas.addEventListener("mousedown", (event) => { held = [event.offsetX, from, to]; });
window.addEventListener("mouseup", () => { held = undefined; });
canvas.addEventListener("dblclick", () => { from = 0; to = picture.length; draw(); });
canvas.addEventListener("mousemove", (event) => {
  if (held) {
    const size = held[2] - held[1], moved = (held[0] - event.offsetX) / (canvas.clientWidth - left - 10) * size;
    from = Math.min(picture.length - size, Math.max(0, held[1] + moved)); to = from + size; draw(); return;
  }
  const over = hits.filter(([a, y, w, h]) => event.offsetX >= a - 1 && event.offsetX <= a + w + 1 && event.offsetY >= y && event.offsetY <= y + h);
  tip.style.display = over.length ? "block" : "none";
  if (!over.length) return;
  tip.textContent = over.slice(-6).map((hit) => hit[4]).join("\\n");
  tip.style.left = Math.min(event.offsetX + 12, canvas.clientWidth - 470) + "px"; tip.style.top = event.offsetY + 14 + "px";
});
window.addEventListener("resize", draw);
draw();`
