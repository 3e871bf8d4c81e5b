/**
 * How fast an image goes to the NPU: a file through `layers/images` and the
 * `Wire` of `layers/gnoi`, with the flags that offloadd is started with, over a
 * hand-framed upload of the same file by node:http2 with nothing of ours, in pairs
 * to the same receiver, a gRPC server that takes the bytes and drops them. Sender
 * and receiver are processes of their own, on loopback. The time is the
 * receiver's, from the first content byte to the whole of image_transfer_end.
 * Prints rates, the sender's processor time and growth, and apart from that how
 * long reading the archive's digests takes first. Exits 1 where the ratio of rates
 * is below the goal.
 *
 *   npm run bench -- deploy [MIB [PAIRS]]
 */
import { spawn } from "node:child_process"
import { createHash, randomFillSync } from "node:crypto"
import { once } from "node:events"
import { closeSync, createReadStream, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs"
import { open } from "node:fs/promises"
import * as http2 from "node:http2"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import * as Gnoi from "../layers/gnoi/wire.ts"
import { fileBytes } from "../layers/images/file-bytes.ts"
import { openRegularFile } from "../layers/images/regular-file.ts"
import { containerz } from "../proto/definition.ts"

const megabyte = 1024 * 1024
const chunk = megabyte
const goal = 0.65

// ------------------------------------------------------------- the receiver

/** Bytes of the messages and the protocol around the content, to be told apart from it. */
const small = 4096

/** Answers ready, takes what comes without decoding it, answers success after a small last message, prints the seconds. */
const receive = (): void => {
  const frame = (message: Uint8Array): Buffer => {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.byteLength, 1)
    return Buffer.concat([head, message])
  }
  const ready = frame(containerz.Deploy.responseSerialize({ imageTransferReady: { chunkSize: chunk } }))
  const success = frame(
    containerz.Deploy.responseSerialize({ imageTransferSuccess: { name: "i", tag: "1", imageSize: "0" } })
  )
  const window = 8 * megabyte
  const server = http2.createServer({ settings: { initialWindowSize: window } })
  server.on("session", (session) => session.setLocalWindowSize(window))
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }))
    stream.on("error", () => {})
    let head = Buffer.alloc(0)
    let left = 0
    let messages = 0
    let begun = 0n
    stream.on("data", (piece: Buffer) => {
      let at = 0
      while (at < piece.length) {
        if (left > 0) {
          const taken = Math.min(left, piece.length - at)
          left -= taken
          at += taken
          continue
        }
        const wanted = 5 - head.length
        head = Buffer.concat([head, piece.subarray(at, at + wanted)])
        at += Math.min(wanted, piece.length - at)
        if (head.length < 5) continue
        left = head.readUInt32BE(1)
        head = Buffer.alloc(0)
        messages += 1
        if (messages === 1) stream.write(ready)
        else if (left < small) {
          console.log(Number(process.hrtime.bigint() - begun) / 1e9)
          stream.end(success)
        } else if (messages === 2) begun = process.hrtime.bigint()
      }
    })
  })
  server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port))
}

// ------------------------------------------------------------- the senders

interface Sent {
  readonly cpu: number
  readonly growth: number
}

const transferOf = (size: number) => ({ name: "image", tag: "1", imageSize: String(size) })

const ours = (path: string, port: number): Promise<void> =>
  Effect.gen(function*() {
    const wire = yield* Gnoi.make({ host: "127.0.0.1", port })
    const { size, stamp } = yield* Effect.scoped(openRegularFile(path))
    yield* wire.deploy({
      transfer: transferOf(size),
      source: fileBytes(path, size, stamp),
      chunkSize: { minimum: 1, maximum: chunk },
      idleTimeout: Duration.seconds(30),
      loadTimeout: Duration.seconds(30)
    })
  }).pipe(Effect.scoped, Effect.runPromise)

/** One buffer, one write outstanding, the frame's head before each chunk and no copy. */
const byHand = async (path: string, port: number): Promise<void> => {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  const stream = session.request({
    ":method": "POST",
    ":path": containerz.Deploy.path,
    "content-type": "application/grpc",
    te: "trailers"
  })
  const write = (bytes: Uint8Array) => new Promise<void>((resolve) => void stream.write(bytes, () => resolve()))
  const message = (bytes: Uint8Array) => {
    const framed = Buffer.alloc(5 + bytes.byteLength)
    framed.writeUInt32BE(bytes.byteLength, 1)
    framed.set(bytes, 5)
    return write(framed)
  }
  const file = await open(path)
  const { size } = await file.stat()
  await message(containerz.Deploy.requestSerialize({ imageTransfer: transferOf(size) }))
  await once(stream, "data")
  // Five bytes of gRPC, then field 2 and its length: for a whole chunk, four bytes of varint at the most.
  const space = 16
  const buffer = Buffer.allocUnsafeSlow(space + chunk)
  for (let position = 0; position < size;) {
    const { bytesRead } = await file.read(buffer, space, chunk, position)
    position += bytesRead
    const head = [0x12]
    for (let rest = bytesRead;; rest = Math.floor(rest / 128)) {
      head.push(rest < 128 ? rest : rest % 128 | 0x80)
      if (rest < 128) break
    }
    const begin = space - head.length - 5
    buffer[begin] = 0
    buffer.writeUInt32BE(head.length + bytesRead, begin + 1)
    buffer.set(head, begin + 5)
    await write(buffer.subarray(begin, space + bytesRead))
  }
  const verdict = once(stream, "data")
  await message(containerz.Deploy.requestSerialize({ imageTransferEnd: {} }))
  await verdict
  await file.close()
  session.destroy()
}

/** In a process of its own, so that neither warms up for the other. */
const send = async (how: (path: string, port: number) => Promise<void>, path: string, port: number): Promise<void> => {
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => peak = Math.max(peak, process.memoryUsage.rss()), 5)
  const cpu = process.cpuUsage()
  await how(path, port)
  const used = process.cpuUsage(cpu)
  clearInterval(watch)
  const sent: Sent = { cpu: (used.user + used.system) / 1e6, growth: (peak - before) / megabyte }
  console.log(JSON.stringify(sent))
}

// ------------------------------------------------------------- the comparison

const { NODE_EXTRA_CA_CERTS: _certificates, ...env } = process.env

/** The flags and variables in offloadd's first line. */
const shipped = (): { readonly flags: ReadonlyArray<string>; readonly variables: Record<string, string> } => {
  const [first = ""] = readFileSync(join(import.meta.dirname, "..", "dist", "offloadd.cjs"), "utf8").split("\n")
  const words = first.split(" ")
  return {
    flags: words.filter((word) => word.startsWith("--")),
    variables: Object.fromEntries(words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split("=")))
  }
}

/** This file as one script, as the daemon is: what loads sources at run time has a heap of its own to collect. */
const bundleTo = async (bundle: string): Promise<void> => {
  const { build } = await import("esbuild")
  const { compileDescriptor } = await import("../proto/compile.mjs")
  await build({
    entryPoints: [import.meta.filename],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["esbuild"],
    define: {
      OFFLOADER_PROTO_JSON: JSON.stringify(JSON.stringify(compileDescriptor())),
      "import.meta.url": "undefined",
      "import.meta.filename": "\"\"",
      "import.meta.dirname": "\"\""
    },
    logLevel: "warning"
  })
}

const role = (bundle: string, ...words: ReadonlyArray<string>) => {
  const { flags, variables } = words[0] === "ours" ? shipped() : { flags: [], variables: {} }
  return spawn(process.execPath, [...flags, bundle, ...words], {
    env: { ...env, ...variables },
    stdio: ["ignore", "pipe", "inherit"]
  })
}

const said = async (child: ReturnType<typeof role>): Promise<string> => String((await once(child.stdout, "data"))[0])

interface Run extends Sent {
  readonly seconds: number
}

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? NaN

const digest = async (path: string): Promise<number> => {
  const begun = process.hrtime.bigint()
  const hash = createHash("sha256")
  for await (const piece of createReadStream(path, { highWaterMark: chunk })) hash.update(piece as Buffer)
  hash.digest()
  return Number(process.hrtime.bigint() - begun) / 1e9
}

const compare = async (size: number, pairs: number): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "deploy-"))
  const bundle = join(folder, "bench.cjs")
  await bundleTo(bundle)
  const receiver = role(bundle, "receive")
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]()
  const heard = async (): Promise<string> => String((await lines.next()).value)
  try {
    const port = await heard()
    const run = async (how: string, path: string): Promise<Run> => {
      const child = role(bundle, how, path, port)
      const ended = once(child, "close")
      const sent = JSON.parse(await said(child)) as Sent
      await ended
      return { ...sent, seconds: Number(await heard()) }
    }
    const path = join(folder, "image")
    const file = openSync(path, "w")
    const block = randomFillSync(Buffer.alloc(megabyte))
    for (let written = 0; written < size; written += 1) writeSync(file, block)
    closeSync(file)
    const rate = (seconds: number) => statSync(path).size / megabyte / seconds
    await run("hand", path)
    await run("ours", path)
    const results: Array<{ readonly hand: Run; readonly ours: Run }> = []
    for (let pair = 0; pair < pairs; pair += 1) {
      // Each goes first in turn.
      const first = pair % 2 === 0 ? await run("hand", path) : undefined
      const our = await run("ours", path)
      results.push({ hand: first ?? await run("hand", path), ours: our })
    }
    const line = (what: string, sent: ReadonlyArray<Run>) =>
      console.log(
        `${what.padEnd(20)}${rate(median(sent.map(({ seconds }) => seconds))).toFixed(0).padStart(6)} MiB/s  ${
          (median(sent.map(({ cpu }) => cpu)) * 1024 / size).toFixed(2)
        } s of processor per GiB, growth ${median(sent.map(({ growth }) => growth)).toFixed(0)} MiB`
      )
    line("node:http2 by hand", results.map(({ hand }) => hand))
    line("ours", results.map(({ ours }) => ours))
    console.log(`${"SHA-256 of the file".padEnd(20)}${rate(await digest(path)).toFixed(0).padStart(6)} MiB/s`)
    const ratio = median(results.map(({ hand, ours }) => hand.seconds / ours.seconds))
    const met = ratio >= goal
    console.log(
      `ratio of rates ${ratio.toFixed(2)} (median of ${pairs} pairs of ${size} MiB; goal ${goal}: ${
        met ? "met" : "missed"
      })`
    )
    process.exitCode = met ? 0 : 1
  } finally {
    receiver.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

const [how = "256", path = "", port = ""] = process.argv.slice(2)
if (how === "receive") receive()
else if (how === "ours") void send(ours, path, Number(port))
else if (how === "hand") void send(byHand, path, Number(port))
else void compare(Number(how), Math.max(3, Number(path || 7)))
