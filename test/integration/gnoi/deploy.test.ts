import * as http2 from "node:http2"

import { assert, describe, it } from "@effect/vitest"
import type * as grpc from "@grpc/grpc-js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

import type { DeployRequest, DeployResponse, ImageTransfer } from "../../../src/npu/messages.ts"
import { type ByteSource, ByteSourceError, type DeployCall, type WireError } from "../../../src/npu/wire.ts"
import { failure, linkTo, serve, signal, wireTo, wireWith } from "./support.ts"

type Call = grpc.ServerDuplexStream<DeployRequest, DeployResponse>

const gist = ({ code, origin }: WireError) => `${code} ${origin}`

/** Bytes whose every position tells where it belongs, from one buffer that is used again and again. */
const source = (size: number, step = Infinity): ByteSource & { readonly closed: () => boolean } => {
  let closed = false
  return {
    size,
    closed: () => closed,
    open: Effect.acquireRelease(Effect.void, () => Effect.sync(() => closed = true)).pipe(Effect.map(() => {
      const buffer = Buffer.alloc(Math.min(size, 4 << 20) + 1)
      let position = 0
      return {
        read: async (maximum: number) => {
          await new Promise(setImmediate)
          const length = Math.min(maximum, step, size - position)
          buffer.fill(0xff)
          for (let i = 0; i < length; i++) buffer[i] = byteAt(position + i)
          position += length
          return length === 0 ? undefined : buffer.subarray(0, length)
        }
      }
    }))
  }
}

const byteAt = (position: number) => (position * 7 + (position >> 8)) % 251

const expected = (size: number) => Buffer.from(Array.from({ length: size }, (_, i) => byteAt(i)))

const transfer = (size: number): ImageTransfer => ({ name: "sonic-gnmi", tag: "202505", imageSize: String(size) })

const deployCall = (source: ByteSource | undefined, more: Partial<DeployCall> = {}): DeployCall => ({
  transfer: transfer(source?.size ?? 0),
  ...(source === undefined ? {} : { source }),
  chunkSize: { minimum: 1, maximum: 4_194_240 },
  idleTimeout: Duration.seconds(10),
  loadTimeout: Duration.seconds(10),
  ...more
})

/** A peer that takes everything and answers as the interface says. */
const taking = (chunkSize: number, seen: { announced?: ImageTransfer; contents: Array<Buffer> }) => (call: Call) => {
  let received = 0
  call.on("data", (request: DeployRequest) => {
    if ("imageTransfer" in request) {
      seen.announced = request.imageTransfer
      call.write({ imageTransferReady: { chunkSize } })
    } else if ("content" in request) {
      seen.contents.push(Buffer.from(request.content))
      received += request.content.byteLength
      call.write({ imageTransferProgress: { bytesReceived: String(received) } })
    } else {
      call.write({ imageTransferSuccess: { name: "sonic-gnmi", tag: "202505", imageSize: String(received) } })
      call.end()
    }
  })
}

/** A peer that does `onRequest` with each request. */
const peer = (onRequest: (call: Call, request: DeployRequest) => void) => (call: Call) =>
  void call.on("data", (request: DeployRequest) => onRequest(call, request))

const ready = (call: Call) => call.write({ imageTransferReady: { chunkSize: 1000 } })

describe("a deploy that goes well", () => {
  it.scopedLive("announces, sends every byte in chunks as asked, ends, and returns what the peer said", () =>
    Effect.gen(function*() {
      const size = 1_000_003
      const seen = { contents: [] as Array<Buffer> } as { announced?: ImageTransfer; contents: Array<Buffer> }
      const wire = yield* wireWith({ Deploy: taking(64 * 1024, seen) })
      const progress: Array<number> = []
      const bytes = source(size)
      const end = yield* wire.deploy(deployCall(bytes, { onProgress: (sent) => progress.push(sent) }))
      assert.deepStrictEqual(end, {
        messages: [
          { imageTransferReady: { chunkSize: 65536 } },
          { imageTransferSuccess: { name: "sonic-gnmi", tag: "202505", imageSize: String(size) } }
        ],
        sentBytes: size
      })
      assert.strictEqual(seen.announced?.imageSize, String(size))
      assert.strictEqual(seen.contents.length, Math.ceil(size / 65536))
      assert.isTrue(seen.contents.slice(0, -1).every(({ length }) => length === 65536))
      assert.isTrue(Buffer.concat(seen.contents).equals(expected(size)))
      assert.strictEqual(progress.length, seen.contents.length)
      assert.strictEqual(progress.at(-1), size)
      assert.isTrue(bytes.closed())
    }))

  it.scopedLive("sends bytes from the very buffer that they were read into, where that has room before them", () =>
    Effect.gen(function*() {
      const size = 1_000_003
      const seen = { contents: [] as Array<Buffer> } as { announced?: ImageTransfer; contents: Array<Buffer> }
      const wire = yield* wireWith({ Deploy: taking(64 * 1024, seen) })
      const headroom = 16
      const buffer = Buffer.alloc(headroom + 64 * 1024)
      let position = 0
      yield* wire.deploy(deployCall({
        size,
        open: Effect.succeed({
          headroom,
          read: async (maximum) => {
            const length = Math.min(maximum, size - position)
            buffer.fill(0xff)
            for (let i = 0; i < length; i++) buffer[headroom + i] = byteAt(position + i)
            position += length
            return length === 0 ? undefined : buffer.subarray(headroom, headroom + length)
          }
        })
      }))
      assert.isTrue(Buffer.concat(seen.contents).equals(expected(size)))
      // One chunk and no more, so that the buffer can be looked at after it went out.
      position = 0
      const stuck = yield* Effect.fork(wire.deploy(deployCall({
        size,
        open: Effect.succeed({
          headroom,
          read: async (maximum) => {
            if (position > 0) return new Promise(() => {})
            position = Math.min(maximum, size)
            return buffer.fill(7).subarray(headroom, headroom + position)
          }
        })
      })))
      yield* Effect.repeat(Effect.sleep("5 millis"), {
        until: () => seen.contents.at(-1)?.every((byte) => byte === 7) === true
      })
      // A flag, four bytes of length, the field, and the content's own length, which has three here.
      assert.deepStrictEqual(
        [...buffer.subarray(0, headroom)],
        [...Array.from({ length: headroom - 9 }, () => 7), 0, 0, 1, 0, 4, 0x12, 0x80, 0x80, 4]
      )
      yield* Fiber.interrupt(stuck)
    }))

  for (
    const [what, asked, minimum, maximum, chunk] of [
      ["the maximum where the peer asks for more", 5_000_000, 1, 300_000, 300_000],
      ["the minimum where the peer asks for less", 1, 100_000, 300_000, 100_000],
      ["gRPC's limit at most by default", 5_000_000, 1, 4_194_240, 4_194_240]
    ] as const
  ) {
    it.scopedLive(`uses ${what}`, () =>
      Effect.gen(function*() {
        const seen = { contents: [] as Array<Buffer> }
        const wire = yield* wireWith({ Deploy: taking(asked, seen) })
        const size = chunk * 2 + 1
        yield* wire.deploy(deployCall(source(size), { chunkSize: { minimum, maximum } }))
        assert.deepStrictEqual(seen.contents.map(({ length }) => length), [chunk, chunk, 1])
      }))
  }

  it.scopedLive("sends what the source gives, however little at a time", () =>
    Effect.gen(function*() {
      const seen = { contents: [] as Array<Buffer> }
      const wire = yield* wireWith({ Deploy: taking(1000, seen) })
      yield* wire.deploy(deployCall(source(300, 7)))
      assert.isTrue(Buffer.concat(seen.contents).equals(expected(300)))
    }))

  it.scopedLive("sends an empty image as announce and end", () =>
    Effect.gen(function*() {
      const seen = { contents: [] as Array<Buffer> }
      const wire = yield* wireWith({ Deploy: taking(1000, seen) })
      const end = yield* wire.deploy(deployCall(source(0)))
      assert.deepStrictEqual([end.sentBytes, seen.contents], [0, []])
    }))

  it.scopedLive("waits for a remote download without sending or half-closing", () =>
    Effect.gen(function*() {
      const requests: Array<DeployRequest> = []
      let halfClosed = false
      const wire = yield* wireWith({
        Deploy: (call: Call) => {
          call.on("end", () => halfClosed = true)
          call.on("data", (request: DeployRequest) => {
            requests.push(request)
            setImmediate(() => {
              assert.isFalse(halfClosed)
              call.write({ imageTransferSuccess: { name: "", tag: "", imageSize: "0" } })
              call.end()
            })
          })
        }
      })
      const end = yield* wire.deploy(
        deployCall(undefined, {
          transfer: { ...transfer(0), remoteDownload: { path: "10.0.0.1:/a.tar", protocol: "SCP" } }
        })
      )
      assert.strictEqual(end.messages.length, 1)
      assert.strictEqual(requests.length, 1)
    }))
})

describe("a deploy that fails", () => {
  it.scopedLive("with the peer's status, at once and not after the upload", () =>
    Effect.gen(function*() {
      const bytes = source(100_000_000, 1000)
      const wire = yield* wireWith({
        Deploy: peer((call, request) => {
          if ("imageTransfer" in request) ready(call)
          else call.emit("error", failure(8, "no room"))
        })
      })
      const error = yield* Effect.flip(wire.deploy(deployCall(bytes)))
      assert.deepStrictEqual([gist(error), error.details], ["RESOURCE_EXHAUSTED peer", "no room"])
      assert.isTrue(bytes.closed())
    }))

  it.scopedLive("keeps what the peer said of it in a message, with the stream ended by OK, also before the end", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        Deploy: peer((call, request) => {
          if ("imageTransfer" in request) ready(call)
          else {
            call.write({ imageTransferError: { code: 9, message: "bad archive" } })
            call.end()
          }
        })
      })
      const end = yield* wire.deploy(deployCall(source(100_000_000, 1000)))
      assert.strictEqual(end.messages.at(-1)?.imageTransferError?.message, "bad archive")
    }))

  it.scopedLive("with ABORTED when the peer ends with OK before the end was sent", () =>
    Effect.gen(function*() {
      const atOnce = yield* wireWith({ Deploy: (call: Call) => call.end() })
      assert.strictEqual(gist(yield* Effect.flip(atOnce.deploy(deployCall(source(1000))))), "ABORTED local")
      const midway = yield* wireWith({
        Deploy: peer((call, request) => void ("imageTransfer" in request ? ready(call) : call.end()))
      })
      assert.strictEqual(gist(yield* Effect.flip(midway.deploy(deployCall(source(10_000_000))))), "ABORTED local")
    }))

  it.scopedLive("with FAILED_PRECONDITION when the peer asks for chunks of nothing", () =>
    Effect.gen(function*() {
      for (const chunkSize of [0, -1]) {
        const cancelled = signal()
        const wire = yield* wireWith({
          Deploy: (call: Call) => {
            call.on("cancelled", () => cancelled.fire())
            taking(chunkSize, { contents: [] })(call)
          }
        })
        assert.strictEqual(
          gist(yield* Effect.flip(wire.deploy(deployCall(source(1000))))),
          "FAILED_PRECONDITION local"
        )
        yield* cancelled.awaited
      }
    }))

  for (
    const [what, broken] of [
      ["cannot be opened", { size: 10, open: new ByteSourceError({ reason: "no such file" }) }],
      [
        "cannot be read",
        { size: 10, open: Effect.succeed({ read: () => Promise.reject(new ByteSourceError({ reason: "I/O error" })) }) }
      ],
      ["is shorter than it said", { ...source(10), size: 11 }],
      ["is longer than it said", { ...source(10), size: 9 }]
    ] as ReadonlyArray<readonly [string, ByteSource]>
  ) {
    it.scopedLive(`with DATA_LOSS, never sending the end, when the source ${what}`, () =>
      Effect.gen(function*() {
        const requests: Array<DeployRequest> = []
        const over = signal()
        const wire = yield* wireWith({
          Deploy: (call: Call) => {
            call.on("cancelled", () => over.fire())
            peer((call, request) => {
              requests.push(request)
              if ("imageTransfer" in request) ready(call)
            })(call)
          }
        })
        const error = yield* Effect.flip(wire.deploy(deployCall(broken)))
        assert.strictEqual(gist(error), "DATA_LOSS local")
        if (what === "cannot be opened") assert.deepStrictEqual([error.details, requests], ["no such file", []])
        else yield* over.awaited
        assert.isFalse(requests.some((request) => "imageTransferEnd" in request))
      }))
  }

  it.scopedLive("with UNAVAILABLE local when the connection is cut midway", () =>
    Effect.gen(function*() {
      const { port } = yield* serve({
        Deploy: peer((call, request) => {
          if ("imageTransfer" in request) ready(call)
          else link.cut()
        })
      })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      assert.strictEqual(gist(yield* Effect.flip(wire.deploy(deployCall(source(10_000_000))))), "UNAVAILABLE local")
    }))
})

describe("a deploy that stands still", () => {
  const short = { idleTimeout: Duration.millis(100), loadTimeout: Duration.seconds(10) }

  it.scopedLive("ends at the idle time-out: no ready, no bytes taken, no bytes read, no answer to a download", () =>
    Effect.gen(function*() {
      const cancelled = signal()
      const mute = yield* wireWith({ Deploy: (call: Call) => void call.on("cancelled", () => cancelled.fire()) })
      assert.strictEqual(
        gist(yield* Effect.flip(mute.deploy(deployCall(source(10), short)))),
        "DEADLINE_EXCEEDED local"
      )
      yield* cancelled.awaited
      // Reads the announcement and no more: the window fills up.
      const stuck = yield* wireWith({
        Deploy: (call: Call) =>
          void call.once("data", () => {
            ready(call)
            call.pause()
          })
      })
      const error = yield* Effect.flip(stuck.deploy(deployCall(source(50_000_000, 100_000), {
        ...short,
        chunkSize: { minimum: 100_000, maximum: 100_000 }
      })))
      assert.strictEqual(gist(error), "DEADLINE_EXCEEDED local")
      const wire = yield* wireWith({ Deploy: taking(1000, { contents: [] }) })
      const hanging: ByteSource = { size: 10, open: Effect.succeed({ read: () => new Promise(() => {}) }) }
      assert.strictEqual(gist(yield* Effect.flip(wire.deploy(deployCall(hanging, short)))), "DEADLINE_EXCEEDED local")
      assert.strictEqual(gist(yield* Effect.flip(mute.deploy(deployCall(undefined, short)))), "DEADLINE_EXCEEDED local")
    }))

  it.scopedLive("is not kept waiting by a peer that repeats its progress or its ready", () =>
    Effect.gen(function*() {
      for (
        const message of [{ imageTransferProgress: { bytesReceived: "7" } }, { imageTransferReady: { chunkSize: 9 } }]
      ) {
        const wire = yield* wireWith({
          Deploy: (call: Call) => {
            const chatter = setInterval(() => call.write(message), 5)
            call.on("cancelled", () => clearInterval(chatter))
          }
        })
        const hanging: ByteSource = { size: 10, open: Effect.succeed({ read: () => new Promise(() => {}) }) }
        assert.strictEqual(gist(yield* Effect.flip(wire.deploy(deployCall(hanging, short)))), "DEADLINE_EXCEEDED local")
      }
    }))

  it.scopedLive("may load for longer than it may idle, and not longer than the load time-out", () =>
    Effect.gen(function*() {
      let slow: NodeJS.Timeout | undefined
      const wire = yield* wireWith({
        Deploy: peer((call, request) => {
          if ("imageTransfer" in request) ready(call)
          if ("imageTransferEnd" in request) slow = setTimeout(() => call.end(), 300)
        })
      })
      yield* wire.deploy(deployCall(source(10), short))
      const error = yield* Effect.flip(
        wire.deploy(deployCall(source(10), { idleTimeout: Duration.seconds(10), loadTimeout: Duration.millis(100) }))
      )
      assert.strictEqual(gist(error), "DEADLINE_EXCEEDED local")
      clearTimeout(slow)
    }))

  it.scopedLive("is cancelled on the wire when interrupted, and closes its source", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const cancelled = signal()
      const wire = yield* wireWith({
        Deploy: (call: Call) => {
          call.on("cancelled", () => cancelled.fire())
          peer((call, request) => {
            if ("imageTransfer" in request) ready(call)
            else arrived.fire()
          })(call)
        }
      })
      const bytes = source(100_000_000, 10)
      const fiber = yield* Effect.fork(wire.deploy(deployCall(bytes)))
      yield* arrived.awaited
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      assert.isTrue(bytes.closed())
      yield* cancelled.awaited
    }))
})

describe("the bytes of a deploy", () => {
  it.scopedLive("are gRPC frames around messages as the interface defines them", () =>
    Effect.gen(function*() {
      const received: Array<Buffer> = []
      const server = http2.createServer()
      server.on("stream", (stream) => {
        stream.on("error", () => {})
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }))
        // image_transfer_ready { chunk_size: 200 }
        stream.write(Buffer.from("0000000005" + "0a0308c801", "hex"))
        stream.on("data", (bytes: Buffer) => received.push(bytes))
        stream.on("end", () => stream.end())
      })
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const wire = yield* wireTo((server.address() as { port: number }).port)
      yield* wire.deploy(deployCall(source(201), { transfer: { name: "a", tag: "b", imageSize: "201" } }))
      const content = expected(201)
      assert.strictEqual(
        Buffer.concat(received).toString("hex"),
        [
          // image_transfer = 1 { name = 1: "a", tag = 2: "b", image_size = 3: 201 }
          "000000000b" + "0a09" + "0a0161" + "120162" + "18c901",
          // content = 2, 200 bytes
          "00000000cb" + "12c801" + content.subarray(0, 200).toString("hex"),
          // content = 2, 1 byte
          "0000000003" + "1201" + content.subarray(200).toString("hex"),
          // image_transfer_end = 3 {}
          "0000000002" + "1a00"
        ].join("")
      )
    }))
})
