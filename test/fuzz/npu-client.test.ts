/** The one client of the NPU against servers that lie, break off, flood and fall silent. */
import { readFileSync } from "node:fs"

import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as Gnoi from "../../layers/gnoi/wire.ts"
import type { Look } from "../../src/model/look.ts"
import { NpuError } from "../../src/npu/error.ts"
import type { ImageArchive } from "../../src/npu/image-source.ts"
import * as Npu from "../../src/npu/npu.ts"
import { ActivePolicy, type Policy } from "../../src/policy/policy.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { names, specs } from "../unit/daemon/world.ts"
import { brisk, deadline } from "./brisk.ts"
import { campaign, soon } from "./campaign.ts"
import { type Asked, overHttp2, overTcp, serve } from "./hostile-server.ts"

const file = "test/fuzz/npu-client.test.ts"

const clientOf = (port: number, policy: Policy): Effect.Effect<Npu.NpuService, never, Scope.Scope> =>
  Npu.layer.pipe(
    Layer.provide(
      Gnoi.layer({ host: "127.0.0.1", port, connectTimeout: 100, reconnect: { initial: 100, maximum: 100 } })
    ),
    Layer.build,
    Effect.map(Context.get(Npu.Npu)),
    Effect.provideService(ActivePolicy, policy)
  )

const size = 3000

const archive: ImageArchive = {
  path: "/images/gnmi.tar",
  image: { repository: "docker-sonic-gnmi", tag: "1" },
  names: [{ repository: "docker-sonic-gnmi", tag: "1" }],
  configDigest: `sha256:${"0123456789abcdef".repeat(4)}`,
  architecture: "amd64",
  bytes: {
    size,
    open: Effect.sync(() => {
      let left = size
      return {
        read: (maximum) => {
          const count = Math.min(left, maximum)
          left -= count
          return Promise.resolve(count === 0 ? undefined : new Uint8Array(count))
        }
      }
    })
  }
}

/** Long enough for any sentence, and for what a server says in it; far below what a peer can send. */
const sentence = 2000

const isSound = (error: NpuError): void => {
  assert.instanceOf(error, NpuError)
  assert.isAtMost(error.reason.length, sentence, "length of the reason")
}

/** One call, whatever comes of it: an answer within bounds, or an error that is a sentence. */
const aCall = (npu: Npu.NpuService, chance: Chance): readonly [method: string, call: Effect.Effect<void>] => {
  const outcome = (effect: Effect.Effect<unknown, NpuError>) =>
    Effect.match(effect, { onFailure: isSound, onSuccess: () => {} })
  switch (chance.below(8)) {
    case 0:
    case 1:
      return ["ListContainer", Effect.map(npu.look(names), isWithinBounds)]
    case 2:
      return ["ListImage", outcome(npu.images)]
    case 3:
      return ["StartContainer", outcome(npu.start(specs[0]!, archive.image))]
    case 4:
      return ["StopContainer", outcome(npu.stop(names[0]!, chance.hits(0.5)))]
    case 5:
      return ["RemoveContainer", outcome(npu.remove(names[0]!))]
    case 6:
      return ["Deploy", outcome(npu.deploy(archive, (sent) => assert.isAtMost(sent, size)))]
    default:
      // A log has no deadline; whoever follows one gives up by himself.
      return [
        "Log",
        outcome(
          npu.log(names[0]!, chance.hits(0.5)).pipe(Stream.take(500), Stream.runDrain, Effect.timeoutOption(deadline))
        )
      ]
  }
}

const isWithinBounds = ({ result }: Look): void => {
  if (result._tag !== "Seen") return assert.isAtMost(result.reason.length, sentence, "length of the reason")
  for (const sighting of result.sightings.values()) {
    assert.isAtMost(JSON.stringify(sighting).length, 2 * sentence, "size of a sighting")
  }
}

/** Waits until nobody holds a socket to this server any more. */
const closed = (port: number): Effect.Effect<void> =>
  Effect.repeat(Effect.delay(Effect.sync(() => socketsTo(port)), "20 millis"), { until: (count) => count === 0 })

/** A row of the kernel's table for each socket; one that no process holds has no inode. */
const socketsTo = (port: number): number =>
  readFileSync("/proc/net/tcp", "latin1").split("\n").filter((row) => {
    const [, , remote, , , , , , , inode] = row.trim().split(/\s+/)
    return remote?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, "0")}`) === true && inode !== "0"
  }).length

/** All calls of a batch on one client, each with chance of its own; at its end no socket is left. */
const batch = (how: typeof overHttp2) => (chance: Chance, cases: number) =>
  Effect.gen(function*() {
    let asked: Asked = { chance, method: "" }
    const port = yield* serve(how, () => asked)
    yield* Effect.scoped(Effect.gen(function*() {
      const npu = yield* clientOf(port, brisk)
      for (let index = 0; index < cases; index++) {
        const [method, call] = aCall(npu, chance.fork(2 * index))
        asked = { chance: chance.fork(2 * index + 1), method }
        yield* soon(call, `case ${index}, ${method}`)
      }
    }))
    yield* soon(closed(port), "the end of all connections")
  })

describe("the NPU client", () => {
  campaign({ target: "over HTTP/2", file, share: 0.3, batch: 100, lanes: 12, run: batch(overHttp2) })
  campaign({ target: "over TCP", file, share: 0.02, batch: 10, lanes: 12, run: batch(overTcp) })
})
