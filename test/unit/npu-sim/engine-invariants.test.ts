import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"

import { listed, npu, request } from "./npu.ts"

const names = ["a", "b", "c"] as const
const images = ["db:1", "db:2", "loop:1", "bad:1"] as const
const name = fc.constantFrom(...names)
const image = fc.constantFrom(...images)
const port = fc.constantFrom(8080, 8081)

type World = ReturnType<typeof npu>

/** One step of a random life: described for the report, done to the world. */
interface Step {
  readonly what: string
  readonly act: (world: World) => void
}

const step = (what: string, act: (world: World) => void): Step => ({ what, act })

const load = (world: World, ref: string, size: number) => {
  const labels = ref === "loop:1" ? "crash-after:70ms" : ref === "bad:1" ? "bad-command" : ""
  if (world.engine.freeBytes() >= size) world.load(ref, { "offloader.sim.behaviour": labels }, size)
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, image, fc.option(port), fc.constantFrom("NONE" as const, "ALWAYS" as const)).map((
    [name, image, external, policy]
  ) =>
    step(
      `start ${name} ${image} ${external} ${policy}`,
      ({ engine }) =>
        void engine.unary(
          "StartContainer",
          request(name, image, {
            restart: { policy },
            ports: external === null ? [] : [{ internal: 1, external }]
          })
        )
    )
  ),
  fc.tuple(name, fc.boolean()).map(([instanceName, force]) =>
    step(`stop ${instanceName} ${force}`, ({ engine }) => void engine.unary("StopContainer", { instanceName, force }))
  ),
  fc.tuple(name, fc.boolean()).map(([name, force]) =>
    step(`remove ${name} ${force}`, ({ engine }) => void engine.unary("RemoveContainer", { name, force }))
  ),
  fc.tuple(name, image, port, fc.boolean()).map(([instanceName, ref, external, async]) =>
    step(`update ${instanceName} ${ref} ${external}`, ({ engine }) => {
      const [imageName = "", imageTag = ""] = ref.split(":")
      const params = request(instanceName, ref, { ports: [{ internal: 1, external }] })
      engine.unary("UpdateContainer", { instanceName, imageName, imageTag, params, async })
    })
  ),
  fc.tuple(image, fc.boolean()).map(([ref, force]) =>
    step(`remove image ${ref} ${force}`, ({ engine }) => {
      const [name = "", tag = ""] = ref.split(":")
      engine.unary("RemoveImage", { name, tag, force })
    })
  ),
  fc.tuple(image, fc.integer({ min: 1, max: 3000 })).map(([ref, size]) =>
    step(`load ${ref} ${size}`, (world) => load(world, ref, size))
  ),
  fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 0, max: 4000 })).map(([announced, sent]) =>
    step(`half a deploy ${announced} ${sent}`, ({ engine }) => {
      const begun = engine.beginDeploy({ name: "x", tag: "1", imageSize: String(announced) })
      if (Either.isRight(begun)) engine.receive(begun.right, sent)
    })
  ),
  fc.integer({ min: 1, max: 200 }).map((millis) => step(`${millis} ms`, (world) => world.after(millis))),
  name.map((name) => step(`crash ${name}`, ({ engine }) => void engine.crash(name))),
  name.map((name) => step(`vanish ${name}`, ({ engine }) => void engine.vanish(name))),
  fc.tuple(name, image).map(([name, ref]) =>
    step(`replace ${name} ${ref}`, ({ engine }) => {
      const [repository = "", tag = ""] = ref.split(":")
      engine.foreignReplace(name, { repository, tag })
    })
  ),
  fc.constant(step("prune", ({ engine }) => engine.prune())),
  fc.constantFrom("gone" as const, "stopped" as const).map((left) =>
    step(`reboot ${left}`, ({ engine }) => engine.reboot(left))
  ),
  fc.integer({ min: 0, max: 500 }).map((left) => step(`fill disk to ${left}`, ({ engine }) => engine.fillDisk(left))),
  fc.constant(step("clear disk", ({ engine }) => engine.clearDisk()))
)

const holds = ({ engine }: World): void => {
  const state = engine.inspect()
  const all = listed(engine)
  assert.strictEqual(new Set(state.containers.map((container) => container.name)).size, state.containers.length)
  assert.strictEqual(new Set(state.containers.map((container) => container.id)).size, state.containers.length)
  const ports = state.containers.filter((container) => container.state === "running")
    .flatMap((container) => engine.container(container.name)!.request.ports ?? []).map((mapping) => mapping.external)
  assert.strictEqual(new Set(ports).size, ports.length, `two on one port: ${ports.join()}`)
  const used = state.images.reduce((sum, image) => sum + image.size, 0)
  assert.isAtLeast(state.disk.free, 0)
  assert.isAtMost(used + state.disk.filler, state.disk.capacity, "more on the disk than it holds")
  const tags = state.images.flatMap((image) => image.names)
  assert.strictEqual(new Set(tags).size, tags.length, `one name on two images: ${tags.join()}`)
  for (const container of state.containers) {
    assert.strictEqual(
      container.state === "running" && !container.awaitingRestart,
      container.finishedAt === null
        && container.startedAt !== null
    )
  }
  assert.deepStrictEqual(
    all.filter((row) => row.includes(" RUNNING ")),
    listed(engine, false),
    "the running ones of both lists differ"
  )
}

describe("whatever is done to the engine", () => {
  it("names, ports and disk stay sound", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (life) => {
        const world = npu({ diskBytes: 10_000, stopMillis: 40 })
        for (const ref of images) load(world, ref, 500)
        for (const { act } of life) {
          act(world)
          holds(world)
        }
      }),
      { numRuns: 400 }
    )
  })

  it("the same life twice is the same life", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (life) => {
        const run = () => {
          const world = npu({ diskBytes: 10_000 })
          for (const ref of images) load(world, ref, 500)
          for (const { act } of life) act(world)
          return world.engine.inspect()
        }
        assert.deepStrictEqual(run(), run())
      }),
      { numRuns: 100 }
    )
  })
})
