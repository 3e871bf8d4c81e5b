/**
 * Every static check, two at a time; all of them run even where one fails.
 * `npm run check -- eslint tsc` runs those alone.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"

import { environment, root, stop, tool } from "./prepare.mjs"

const folders = ["src", "layers", "bin", "proto", "test", "bench"].filter((folder) => existsSync(join(root, folder)))

/** Slowest first, so that two at a time end soonest. */
const steps = {
  eslint: [tool("eslint"), ".", "--max-warnings=0"],
  effect: [
    tool("effect-language-service"),
    "diagnostics",
    "--project",
    "tsconfig.json",
    "--strict",
    "--format",
    "text"
  ],
  tsc: [tool("tsc"), "--project", "tsconfig.json"],
  arrows: [tool("depcruise"), ...folders, "--config", ".dependency-cruiser.cjs", "--output-type", "err"],
  unused: [tool("knip"), "--no-progress"],
  oxlint: [tool("oxlint"), "--deny-warnings", "--format", "unix"],
  licences: [process.execPath, "scripts/licences.mjs"]
}

const run = (name) =>
  new Promise((resolve) => {
    const [command, ...args] = steps[name]
    const begun = performance.now()
    const child = spawn(command, args, { cwd: root, env: environment(), stdio: ["ignore", "pipe", "pipe"] })
    const output = []
    child.stdout.on("data", (data) => output.push(data))
    child.stderr.on("data", (data) => output.push(data))
    child.once("error", (error) => output.push(Buffer.from(`${error.message}\n`)))
    child.once("close", (code) => {
      const passed = code === 0
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      console.log(`${passed ? "passed" : "FAILED"}  ${name.padEnd(8)}  ${seconds.padStart(5)} s`)
      if (!passed) {
        process.stdout.write(Buffer.concat(output))
        console.log("")
      }
      resolve({ name, passed })
    })
  })

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in steps))
if (unknown.length > 0) {
  stop(`no check is called ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`)
}

const waiting = asked.length > 0 ? asked : Object.keys(steps)
const results = []
const worker = async () => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    results.push(await run(name))
  }
}
await Promise.all([worker(), worker()])

const failed = results.filter((result) => !result.passed)
if (failed.length > 0) {
  console.log(`failing: ${failed.map((result) => result.name).join(", ")}`)
}
console.log(`${results.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
