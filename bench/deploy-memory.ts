/**
 * What a large transfer costs offloadd in memory: started by its first line, as a
 * switch starts it, with three services at rest on an npu-sim; then an archive of
 * so many MiB by `offloadctl deploy`, read to its end and sent. Resident memory at
 * rest, its peak as the kernel keeps it, and what is left a while after. Exits 1
 * where a goal is missed.
 *
 *   npm run bench -- deploy-memory [MIB [SECONDS]]
 *
 * Rest is taken after SECONDS (60), the rest after as long after the transfer.
 */
import { createHash, randomFillSync } from "node:crypto"
import { createWriteStream, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import * as Effect from "effect/Effect"
import { pack } from "tar-stream"

import { type Lab, makeLab, offloadctl, packImages, setVersion, startDaemon, startNpuSim } from "../bin/lab.ts"

const size = Math.max(1, Number(process.argv[2] ?? 2048))
const settle = Math.max(5, Number(process.argv[3] ?? 60))
/** MiB above rest: at the peak, and after. */
const goals = { peak: 40, after: 5 }
const megabyte = 1024 * 1024
const dist = join(import.meta.dirname, "..", "dist")
delete process.env["NODE_EXTRA_CA_CERTS"]

/** One layer of `size` MiB that does not compress, as `docker save` would write it. */
const writeArchive = async (path: string, name: string): Promise<void> => {
  const block = randomFillSync(Buffer.alloc(megabyte))
  const blocks = function*() {
    for (let index = 0; index < size; index += 1) {
      block.writeUInt32BE(index)
      yield Buffer.from(block)
    }
  }
  const layer = createHash("sha256")
  for (const each of blocks()) layer.update(each)
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [`sha256:${layer.digest("hex")}`] }
  })
  const tar = pack()
  const written = pipeline(tar, createWriteStream(path))
  tar.entry({ name: "config.json" }, config)
  await pipeline(Readable.from(blocks()), tar.entry({ name: "layer.tar", size: size * megabyte }))
  tar.entry(
    { name: "manifest.json" },
    JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] }])
  )
  tar.finalize()
  await written
}

/** MiB. */
const memory = (pid: number, field: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** Makes the kernel's peak begin anew. */
const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5")

const measured = Effect.scoped(Effect.gen(function*() {
  const lab: Lab = yield* makeLab(dist)
  yield* packImages(lab, "1.0")
  yield* setVersion(lab, "1.0")
  const path = join(lab.folder, "large.tar")
  yield* Effect.promise(() => writeArchive(path, "large:1"))
  const npu = yield* startNpuSim(lab)
  const daemon = yield* startDaemon(lab, npu.endpoint)
  yield* Effect.sleep(settle * 1000)
  const rest = memory(daemon.pid, "VmRSS")
  forgetPeak(daemon.pid)
  const deployed = yield* offloadctl(lab, ["deploy", path])
  const peak = memory(daemon.pid, "VmHWM")
  yield* Effect.sleep(settle * 1000)
  return { deployed, rest, peak, after: memory(daemon.pid, "VmRSS") }
}))

const { after, deployed, peak, rest } = await Effect.runPromise(measured)
if (deployed.code !== 0) throw new Error(`the deploy ended with ${deployed.code}: ${deployed.output}`)

const line = (what: string, value: number, goal?: number): boolean => {
  const above = value - rest
  const met = goal === undefined || above <= goal
  const judged = goal === undefined
    ? ""
    : `  ${above.toFixed(1).padStart(6)} above rest   goal ${goal}: ${met ? "met" : "missed"}`
  console.log(`${what.padEnd(34)}${value.toFixed(1).padStart(8)} MiB${judged}`)
  return met
}

console.log(deployed.output.trim())
const results = [
  line(`resident after ${settle} s of rest`, rest),
  line(`peak while ${size} MiB were deployed`, peak, goals.peak),
  line(`resident ${settle} s after`, after, goals.after)
]
process.exitCode = results.every(Boolean) ? 0 : 1
