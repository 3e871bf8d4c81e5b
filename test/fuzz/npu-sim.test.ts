/** npu-sim's gRPC server against clients that send what they like, in what order they like, and leave. */
import * as net from "node:net"

import { assert, describe } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"

import * as EngineClock from "../../layers/npu-sim/engine-clock.ts"
import * as MemoryBackend from "../../layers/npu-sim/memory-backend.ts"
import { serve } from "../../layers/npu-sim/server/serve.ts"
import { containerz, os, system } from "../../proto/definition.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { campaign, soon } from "./campaign.ts"
import * as Garbage from "./garbage.ts"
import { frames } from "./hostile-server.ts"
import { request } from "./requests.ts"

const file = "test/fuzz/npu-sim.test.ts"

const paths: ReadonlyArray<string> = [
  ...Object.values({ ...containerz, ...system, ...os }).map((method) => method.path),
  containerz.Deploy.path,
  containerz.Deploy.path,
  "/gnoi.containerz.Containerz/Nothing",
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/"
]

const as = (bytes: Buffer): Buffer => bytes

/** One call: some messages, an end or none, a deadline or a cancellation. Answers the status. */
const call = (client: grpc.Client, chance: Chance): Effect.Effect<grpc.StatusObject> =>
  Effect.async((resume) => {
    const path = chance.pick(paths)
    const messages = Array.from({ length: chance.below(6) }, () => request(chance, path.split("/").at(-1)!))
    const duplex = client.makeBidiStreamRequest<Buffer, Buffer>(path, as, as, new grpc.Metadata(), {
      deadline: Date.now() + 100
    })
    duplex.on("error", () => {})
    duplex.on("data", () => {
      // Who reads little is held back; who is gone is let go.
      if (chance.hits(0.02)) duplex.cancel()
    })
    duplex.on("status", (status: grpc.StatusObject) => resume(Effect.succeed(status)))
    for (const message of messages) duplex.write(message)
    const ending = chance.below(10)
    if (ending < 8) duplex.end()
    else if (ending < 9) duplex.cancel()
    // else it waits for its deadline
    return Effect.sync(() => duplex.cancel())
  })

const isSound = ({ code, details }: grpc.StatusObject): void => {
  assert.isDefined(grpc.status[code])
  // What went wrong inside is no client's to see.
  assert.notMatch(details, /\n\s+at |\.ts:\d|node:internal|TypeError|RangeError/)
}

const served = Effect.gen(function*() {
  const engine = yield* EngineClock.make({ stopMillis: 5, diskBytes: 64 * 2 ** 20 })
  const { listener } = yield* serve({ host: "127.0.0.1", port: 0, backend: MemoryBackend.make(engine) })
  return listener.port
})

/**
 * On a connection of its own: the clients of one process share one otherwise, and Node's side of one that was treated
 * like this is seen, once in some 30,000 cases, to stop reading for ever after the server has closed it.
 */
const clientTo = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 })
    ),
    (client) => Effect.sync(() => client.close())
  )

/** A well-behaved client is served as ever. */
const serves = (port: number) =>
  Effect.scoped(Effect.flatMap(clientTo(port), (client) =>
    soon(
      Effect.async<void, Error>((resume) => {
        client.makeUnaryRequest(
          system.Time.path,
          as,
          as,
          Buffer.alloc(0),
          (error) => resume(error === null ? Effect.void : Effect.fail(error))
        )
      }),
      "an ordinary call"
    )))

/** One TCP connection of HTTP/2 that breaks its rules, or of something else; ended by either side. */
const connection = (port: number, chance: Chance): Effect.Effect<void> =>
  Effect.async((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.void))
    socket.on("data", () => {
      if (chance.hits(0.5)) socket.write(frames(chance))
      else socket.destroy()
    })
    if (chance.hits(0.8)) socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    socket.write(chance.hits(0.8) ? frames(chance) : Garbage.bytes(chance, 3000))
    socket.setTimeout(50, () => socket.destroy())
    return Effect.sync(() => socket.destroy())
  })

describe("npu-sim", () => {
  campaign({
    target: "against gRPC clients",
    file,
    share: 0.2,
    batch: 100,
    lanes: 8,
    run: (chance, cases) =>
      Effect.gen(function*() {
        const port = yield* served
        const client = yield* clientTo(port)
        for (let index = 0; index < cases; index++) {
          isSound(yield* soon(call(client, chance.fork(index)), `case ${index}`))
        }
        yield* serves(port)
      })
  })

  campaign({
    target: "against TCP clients",
    file,
    share: 0.03,
    batch: 20,
    lanes: 8,
    run: (chance, cases) =>
      Effect.gen(function*() {
        const port = yield* served
        for (let index = 0; index < cases; index++) {
          yield* soon(connection(port, chance.fork(index)), `case ${index}`)
        }
        yield* serves(port)
      })
  })
})
