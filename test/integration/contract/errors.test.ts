/**
 * Every status of every call, by where it arose, against npu-sim over sockets: what
 * it is taken for, and what follows from that. The tables are written down here a
 * second time, so that none of them changes by accident.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import { administer } from "../../../layers/npu-sim/admin/client.ts"
import { classify, classifyTransfer, type NpuError, type NpuErrorClass } from "../../../src/npu/error.ts"
import { type InBandAnswers, inBandError } from "../../../src/npu/in-band.ts"
import type { MethodName } from "../../../src/npu/messages.ts"
import { type GrpcCode, WireError, type WireService } from "../../../src/npu/wire.ts"
import { defaultCalls } from "../../../src/policy/calls.ts"
import { world } from "../npu-sim/world.ts"

/** Status → class → what follows for a read, and for a change. */
const statuses: Readonly<Record<GrpcCode, readonly [NpuErrorClass, string, string]>> = {
  CANCELLED: ["ServerFault", "retry", "readBack"],
  UNKNOWN: ["ServerFault", "retry", "readBack"],
  INVALID_ARGUMENT: ["Invalid", "giveUp", "giveUp"],
  DEADLINE_EXCEEDED: ["TimedOut", "retry", "readBack"],
  NOT_FOUND: ["NotFound", "giveUp", "giveUp"],
  ALREADY_EXISTS: ["AlreadyExists", "giveUp", "conflict"],
  PERMISSION_DENIED: ["Denied", "giveUp", "giveUp"],
  RESOURCE_EXHAUSTED: ["NoRoom", "giveUp", "giveUp"],
  FAILED_PRECONDITION: ["Conflict", "retry", "conflict"],
  ABORTED: ["Conflict", "retry", "conflict"],
  OUT_OF_RANGE: ["Invalid", "giveUp", "giveUp"],
  UNIMPLEMENTED: ["Unsupported", "missing", "missing"],
  INTERNAL: ["ServerFault", "retry", "readBack"],
  UNAVAILABLE: ["ServerFault", "retry", "readBack"],
  DATA_LOSS: ["ServerFault", "retry", "readBack"],
  UNAUTHENTICATED: ["Denied", "giveUp", "giveUp"]
}

/** Where one call differs. */
const exceptions: Readonly<Record<string, readonly [NpuErrorClass, string]>> = {
  "StartContainer FAILED_PRECONDITION": ["Invalid", "giveUp"],
  "StartContainer ALREADY_EXISTS": ["AlreadyExists", "readBack"],
  "Log UNKNOWN": ["NotFound", "none"]
}

const reads: ReadonlySet<MethodName> = new Set(["ListContainer", "ListImage", "Time", "Verify"])

const deadline = Duration.seconds(10)

/** One call of each kind, with a request that the server takes for what it is. */
const calls = (wire: WireService, within = deadline): Readonly<Record<string, Effect.Effect<unknown, WireError>>> => ({
  ListContainer: wire.collect("ListContainer", { all: true }, within),
  ListImage: wire.collect("ListImage", {}, within),
  ListVolume: wire.collect("ListVolume", {}, within),
  Log: wire.collect("Log", { instanceName: "x" }, within),
  StartContainer: wire.unary("StartContainer", { imageName: "x", tag: "1", instanceName: "x" }, within),
  StopContainer: wire.unary("StopContainer", { instanceName: "x" }, within),
  RemoveContainer: wire.unary("RemoveContainer", { name: "x" }, within),
  UpdateContainer: wire.unary("UpdateContainer", { instanceName: "x", imageName: "x", imageTag: "1" }, within),
  RemoveImage: wire.unary("RemoveImage", { name: "x", tag: "1" }, within),
  CreateVolume: wire.unary("CreateVolume", { name: "x" }, within),
  RemoveVolume: wire.unary("RemoveVolume", { name: "x" }, within),
  Time: wire.unary("Time", {}, within),
  Verify: wire.unary("Verify", {}, within),
  Deploy: wire.deploy({
    transfer: { name: "x", tag: "1", imageSize: "1" },
    source: {
      size: 1,
      open: Effect.sync(() => {
        let left: Uint8Array | undefined = new Uint8Array(1)
        return {
          read: () => {
            const view = left
            left = undefined
            return Promise.resolve(view)
          }
        }
      })
    },
    chunkSize: { minimum: 1, maximum: 1024 },
    idleTimeout: within,
    loadTimeout: within
  })
})

const followsFrom = (method: string, error: NpuError): string => {
  const table: Readonly<Record<string, { readonly on: Readonly<Record<NpuErrorClass, string>> }>> = defaultCalls
  return table[method]?.on[error.class] ?? "none"
}

const classified = (call: Effect.Effect<unknown, WireError>) =>
  Effect.map(Effect.flip(call), (error) => classify("npu:8080", error))

const dial = (port: number) =>
  Gnoi.make({ host: "127.0.0.1", port, reconnect: { initial: 10, maximum: 20 }, connectTimeout: 500 })

describe("a status of the server", () => {
  it.scopedLive("means what the tables say, for every call", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const wire = yield* dial(server.listener.port)
      let tried = 0
      for (const [method, call] of Object.entries(calls(wire))) {
        for (const [code, [errorClass, read, change]] of Object.entries(statuses)) {
          server.gate.failures.set(method as MethodName, { code: code as GrpcCode, details: "as told", left: 1 })
          const error = yield* classified(call)
          const known = Object.hasOwn(defaultCalls, method)
          const [expected, follows] = exceptions[`${method} ${code}`]
            ?? [errorClass, known ? reads.has(method as MethodName) ? read : change : "none"]
          assert.deepStrictEqual(
            [error.origin, error.class, followsFrom(method, error)],
            ["server", expected, follows],
            `${method} ${code}`
          )
          assert.include(error.reason, `${code}: as told`)
          tried += 1
        }
      }
      assert.strictEqual(tried, 14 * 16)
    }))

  const unavailable: ReadonlyArray<readonly [string, NpuErrorClass]> = [
    ["port used: 6381", "Conflict"],
    ["port 6381 is already allocated", "Conflict"],
    ["bind: address already in use", "Conflict"],
    ["image docker-database:1 is used by container x (running)", "Conflict"],
    ["unable to remove: container abc is using its referenced image", "Conflict"],
    ["gnmidpu0: an update is in progress", "Conflict"],
    ["a deploy begins with image_transfer", "Conflict"],
    ["the server is shutting down", "ServerFault"],
    ["upstream connect error or disconnect/reset before headers", "ServerFault"],
    ["the container engine does not answer: ECONNREFUSED", "ServerFault"],
    ["", "ServerFault"]
  ]
  it.scopedLive("that is UNAVAILABLE is told apart by what it says, and is never loss of the way", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const wire = yield* dial(server.listener.port)
      for (const [details, expected] of unavailable) {
        server.gate.failures.set("*", { code: "UNAVAILABLE", details, left: 1 })
        const error = yield* classified(calls(wire)["StartContainer"]!)
        assert.deepStrictEqual([error.origin, error.class], ["server", expected], details)
      }
    }))
})

describe("an error in an answer that ended well", () => {
  /** Call → the classes of the numbers 1 to 5. */
  const numbers: { readonly [M in keyof InBandAnswers]: ReadonlyArray<NpuErrorClass | undefined> } = {
    StopContainer: ["Conflict", "NotFound", undefined, "BadAnswer", "BadAnswer"],
    RemoveContainer: ["NotFound", "Conflict", undefined, "BadAnswer", "BadAnswer"],
    RemoveImage: ["ServerFault", "NotFound", "Conflict", undefined, "BadAnswer"],
    StartContainer: ["ServerFault", "NotFound", "Conflict", "BadAnswer", "BadAnswer"],
    UpdateContainer: ["NotFound", "Conflict", "Conflict", "ServerFault", "ServerFault"]
  }

  it.scopedLive("is an error for every call that can carry one, by its number", () =>
    Effect.gen(function*() {
      const { adminPath, server } = yield* world({ server: { dialect: "inband" } })
      const wire = yield* dial(server.listener.port)
      for (const [method, classes] of Object.entries(numbers)) {
        for (const [index, expected] of [...classes, "BadAnswer" as const].entries()) {
          const number = index < 5 ? index + 1 : 99
          yield* Effect.promise(() => administer(adminPath, "fail-in-band", { method, number, details: "as told" }))
          const answer = yield* calls(wire)[method]!
          const error = inBandError(method as "StopContainer", answer as InBandAnswers["StopContainer"], "0.5")
          assert.strictEqual(error?.class, expected, `${method} ${number}`)
          if (expected !== undefined) assert.strictEqual(error?.detail, "as told")
        }
      }
    }))

  it("is one of the transfer's, too, by its status", () => {
    const classOf = (code: number, message = "") => classifyTransfer("npu:8080", { code, message })
    assert.deepStrictEqual([classOf(8).class, classOf(8).origin], ["NoRoom", "in-band"])
    for (const [index, [expected]] of Object.values(statuses).entries()) {
      assert.strictEqual(classOf(index + 1).class, expected)
    }
    assert.strictEqual(classOf(14, "image is in use").class, "Conflict")
    assert.strictEqual(classOf(99).class, "ServerFault")
  })
})

describe("an error on the way", () => {
  it.scopedLive("is never the server's: refused, broken off, unanswered", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const wire = yield* dial(server.listener.port)
      const told = (error: NpuError) => `${error.origin} ${error.class}`

      server.gate.stalled = true
      for (const [method, call] of Object.entries(calls(wire, Duration.millis(100)))) {
        assert.strictEqual(told(yield* classified(call)), "transport TimedOut", method)
      }

      for (const [method, call] of Object.entries(calls(wire))) {
        const broken = yield* Effect.fork(classified(call))
        const before = server.gate.counts.get(method as MethodName) ?? 0
        yield* Effect.repeat(Effect.delay(Effect.sync(() => server.gate.counts.get(method as MethodName) ?? 0), 5), {
          until: (count) => count > before
        }).pipe(Effect.raceFirst(Effect.asVoid(broken)))
        yield* server.listener.cut
        assert.strictEqual(told(yield* broken), "transport Unreachable", method)
      }

      yield* server.listener.goAway
      for (const [method, call] of Object.entries(calls(wire))) {
        assert.strictEqual(told(yield* classified(call)), "transport Unreachable", method)
      }
    }))

  it("is known by its status made on this side, whatever the call", () => {
    const expected: Readonly<Record<GrpcCode, NpuErrorClass>> = {
      CANCELLED: "Cancelled",
      UNKNOWN: "Unreachable",
      INVALID_ARGUMENT: "Invalid",
      DEADLINE_EXCEEDED: "TimedOut",
      NOT_FOUND: "Unreachable",
      ALREADY_EXISTS: "Unreachable",
      PERMISSION_DENIED: "Unreachable",
      RESOURCE_EXHAUSTED: "BadAnswer",
      FAILED_PRECONDITION: "BadAnswer",
      ABORTED: "BadAnswer",
      OUT_OF_RANGE: "Unreachable",
      UNIMPLEMENTED: "Unsupported",
      INTERNAL: "Unreachable",
      UNAVAILABLE: "Unreachable",
      DATA_LOSS: "SourceFailed",
      UNAUTHENTICATED: "Unreachable"
    }
    for (const method of ["ListContainer", "StartContainer", "Deploy", "Log", "Stop"] as const) {
      for (const [code, errorClass] of Object.entries(expected)) {
        const error = classify(
          "npu:8080",
          // What it says changes nothing here.
          new WireError({ method, code: code as GrpcCode, origin: "local", details: "port in use" })
        )
        assert.deepStrictEqual([error.origin, error.class], ["transport", errorClass], `${method} ${code}`)
      }
    }
  })
})
