/**
 * How quickly `offloadctl list` starts: its whole run — connect, ask, decode,
 * print a table of three — over that of `node -e 0`, in pairs one after the
 * other, so that both see the same machine. Prints medians, the ratio and peak
 * memory; exits 1 where the ratio is above 4.
 *
 *   npm run bench -- cli-start [PAIRS]
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import type { ContainerList } from "../src/control/views.ts"

const required = 4
const goal = 2
const pairs = Math.max(20, Number(process.argv[2] ?? 40))

const program = join(import.meta.dirname, "..", "dist", "offloadctl.cjs")
const folder = mkdtempSync(join(tmpdir(), "cli-start-"))
const socket = join(folder, "s")

// Where it is set, every node starts some three times slower, and every ratio looks better than it is.
const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, ...environment } = process.env
const env = { ...environment, OFFLOADER_SOCKET: socket }

const at = "2026-01-01T00:00:00.000Z"
const version = "20241211.35"
const view: ContainerList = {
  apiVersion: "offloader/v1",
  dpu: "dpu0",
  targetVersion: version,
  versionUnreadable: null,
  npu: { endpoint: "169.254.200.254:8080", reachable: true, since: at, reason: null },
  conditions: [],
  containers: ["database", "gnmi", "ha"].map((service) => ({
    name: `${service}dpu0`,
    service,
    desired: "running",
    state: "Running",
    healthy: "True",
    image: `docker-${service}:${version}`,
    version,
    targetVersion: version,
    restarts: 0,
    lastReason: null,
    nextRetryAt: null,
    observedAt: at,
    lastState: "Running"
  }))
}

/** A daemon that says one thing, in a process of its own: the measuring blocks this one. */
const answer = (): string => {
  const body = JSON.stringify(view)
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${
    Buffer.byteLength(body)
  }\r\n\r\n${body}`
}

const serve = async () => {
  const script = `const net = require("node:net"); net.createServer((socket) => {
    socket.on("error", () => {}); socket.once("data", () => socket.end(process.env.ANSWER))
  }).listen(process.argv[1], () => console.log("ready"))`
  const server = spawn(process.execPath, ["-e", script, socket], {
    env: { ...env, ANSWER: answer() },
    stdio: ["ignore", "pipe", "inherit"]
  })
  await once(server.stdout, "data")
  return server
}

const floor = [process.execPath, "-e", "0"] as const
const list = [program, "list"] as const

/** Milliseconds from start to end. */
const time = ([file, ...words]: ReadonlyArray<string>): number => {
  const begun = process.hrtime.bigint()
  const { status, stderr } = spawnSync(file ?? "", words, { env, stdio: ["ignore", "ignore", "pipe"] })
  const millis = Number(process.hrtime.bigint() - begun) / 1e6
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`)
  return millis
}

/** Peak resident memory in MiB, which the process itself notes as it ends; not in a timed run. */
const peak = ([file, ...words]: ReadonlyArray<string>): number => {
  const hook = join(folder, "peak.cjs")
  const note = join(folder, "peak")
  writeFileSync(
    hook,
    `process.on("exit", () => require("node:fs").writeFileSync(${
      JSON.stringify(note)
    }, String(process.resourceUsage().maxRSS)))`
  )
  spawnSync(file ?? "", words, {
    env: { ...env, NODE_OPTIONS: `--require=${hook}`, OFFLOADER_CODE_CACHE: "read" },
    stdio: "ignore"
  })
  return Number(readFileSync(note, "utf8")) / 1024
}

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? NaN

const server = await serve()
try {
  // The first runs make the code cache and warm the file cache.
  for (let run = 0; run < 3; run += 1) [floor, list].forEach(time)
  const runs = Array.from({ length: pairs }, () => [time(floor), time(list)] as const)
  const floors = median(runs.map(([bare]) => bare))
  const lists = median(runs.map(([, ours]) => ours))
  const ratio = median(runs.map(([bare, ours]) => ours / bare))
  console.log(`node -e 0        ${floors.toFixed(1)} ms, peak ${peak(floor).toFixed(0)} MiB`)
  console.log(`offloadctl list  ${lists.toFixed(1)} ms, peak ${peak(list).toFixed(0)} MiB`)
  console.log(`ratio            ${ratio.toFixed(2)} (median of ${pairs} pairs; goal ${goal}, required ${required})`)
  process.exitCode = ratio <= required ? 0 : 1
} finally {
  server.kill()
  rmSync(folder, { recursive: true, force: true })
}
