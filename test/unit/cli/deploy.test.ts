import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import type { ControlClientShape } from "../../../src/cli/control-client.ts"
import { deploy, type DeployOptions } from "../../../src/cli/deploy.ts"
import { settle } from "../../../src/cli/problem.ts"
import type { DeployRequest, DeployStatus } from "../../../src/control/views.ts"
import { noDaemon, recorder, run, type Setting } from "./console.ts"
import * as views from "./views.ts"

const mebi = 1024 * 1024
const image = "docker-sonic-gnmi:20241211.35"
const sending = (sentBytes: number) =>
  views.deployStatus({ image, phase: "sending", sentBytes, totalBytes: 100 * mebi })
const ended = (over: Partial<DeployStatus>) =>
  views.deployStatus({
    image,
    phase: "done",
    sentBytes: 100 * mebi,
    totalBytes: 100 * mebi,
    endedAt: "2026-01-01T00:00:08.000Z",
    ...over
  })

/** A daemon whose transfer shows these, one at each look, the last for ever; a cancel answers `cancelled`. */
const daemon = (
  looks: ReadonlyArray<DeployStatus | "away">,
  cancelled: DeployStatus = ended({ outcome: "cancelled" })
) => {
  const asked: Array<DeployRequest> = []
  let cancels = 0
  let look = 0
  const client: Partial<ControlClientShape> = {
    deploy: (request) =>
      Effect.sync(() => {
        asked.push(request)
        return views.deployStatus()
      }),
    deployment: () =>
      Effect.suspend(() => {
        const answer = looks[Math.min(look++, looks.length - 1)]
        return answer === undefined || answer === "away" ? Effect.fail(noDaemon) : Effect.succeed(answer)
      }),
    cancel: () => Effect.sync(() => (cancels += 1, cancelled))
  }
  return { client, asked, cancels: () => cancels }
}

const send = (
  client: Partial<ControlClientShape>,
  options: Partial<DeployOptions> = {},
  setting: Setting = {},
  pass = 60
) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(Date.parse("2026-01-01T00:00:00.000Z"))
    const fiber = yield* Effect.fork(
      run(settle(deploy({ image, timeout: undefined, output: "table", ...options })), { client, ...setting })
    )
    yield* TestClock.adjust(`${pass} seconds`)
    return yield* Fiber.join(fiber)
  })

const success = ended({ outcome: "succeeded", message: "listed by the NPU" })

describe("deploy", () => {
  it.effect("shows plain lines off a terminal and says what was deployed", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(0), sending(25 * mebi), sending(26 * mebi), sending(50 * mebi), success])
      const { code, err, out } = yield* send(client)
      assert.strictEqual(code, 0)
      assert.strictEqual(out, `deployed ${image} (100.0 MiB in 8.0 s): listed by the NPU\n`)
      assert.strictEqual(
        err,
        `/tmp/gnmi.tar: checking the archive
${image}: sending, 0 %, 0 B of 100.0 MiB
${image}: sending, 25 %, 25.0 MiB of 100.0 MiB, 125.0 MiB/s, 1 s left
${image}: sending, 50 %, 50.0 MiB of 100.0 MiB, 83.3 MiB/s, 1 s left
`
      )
    }))

  it.effect("says something every five seconds where it is slow", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(1)])
      const { err } = yield* send(client, { timeout: 12_000 })
      assert.strictEqual(err.match(/sending, 0 %/g)?.length, 3)
    }))

  it.effect("draws a bar on a terminal, and takes it away", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(0), sending(50 * mebi), success])
      const { err } = yield* send(client, {}, { screen: { redraws: true, columns: 140 } })
      assert.include(err, "[###############...............] 50 %, 50.0 MiB of 100.0 MiB, 250.0 MiB/s, 1 s left")
      assert.isTrue(err.endsWith("\r\u001B[K"))
      for (const line of err.split("\r")) assert.isBelow(line.length, 140 + 3)
    }))

  const outcome = (name: DeployStatus["outcome"], code: number, sentence: RegExp) =>
    it.effect(`exits ${code} where it is ${name}`, () =>
      Effect.gen(function*() {
        const result = yield* send(daemon([ended({ outcome: name, message: "so it was\n" })]).client)
        assert.strictEqual(result.code, code)
        assert.match(result.err, sentence)
        assert.include(result.err, "so it was\\n")
        assert.strictEqual(result.out, "")
      }))
  outcome("rejected", 1, /rejected, nothing was sent/)
  outcome("failed", 1, /the deploy failed/)
  outcome("unreachable", 5, /could not be reached/)
  outcome("cancelled", 1, /by somebody else/)

  it.effect("--timeout cancels and says what the read-back showed", () =>
    Effect.gen(function*() {
      const { cancels, client } = daemon(
        [sending(1)],
        ended({ outcome: "cancelled", message: "the image is not listed" })
      )
      const { code, err } = yield* send(client, { timeout: 3000 })
      assert.deepStrictEqual([code, cancels()], [6, 1])
      assert.include(err, "the deploy was not over after 3 s: the image is not listed")
    }))

  it.effect("--timeout exits 5 where the NPU is away, and does not wait for a read-back of it", () =>
    Effect.gen(function*() {
      const { cancels, client } = daemon([sending(1)], sending(1))
      const away = views.npu({ reachable: false, reason: "it is dark" })
      const { code, err } = yield* send(
        { ...client, version: Effect.succeed(views.version({ npu: away })) },
        { timeout: 3000 },
        {},
        4
      )
      assert.deepStrictEqual([code, cancels()], [5, 1])
      assert.include(err, "the deploy was cancelled after 3 s: the NPU cannot be reached (it is dark)")
    }))

  it.effect("--timeout waits for no read-back longer once the NPU is seen to be away", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(1)], sending(1))
      const away = views.npu({ reachable: false, reason: "it is dark" })
      const version = Effect.map(Clock.currentTimeMillis, (now) =>
        views.version(now < Date.parse("2026-01-01T00:00:05.000Z") ? {} : { npu: away }))
      const { code, err } = yield* send({ ...client, version }, { timeout: 3000 }, {}, 6)
      assert.strictEqual(code, 5)
      assert.include(err, "the deploy was cancelled after 3 s: the NPU cannot be reached (it is dark)")
    }))

  it.effect("--timeout waits for the read-back, and counts a success at the last moment", () =>
    Effect.gen(function*() {
      const { client } = daemon([...Array<DeployStatus>(16).fill(sending(1)), success], sending(1))
      assert.strictEqual((yield* send(client, { timeout: 3000 })).code, 0)
    }))

  it.effect("gives up on a read-back that does not come", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(1)], sending(1))
      const { code, err } = yield* send(client, { timeout: 3000 })
      assert.strictEqual(code, 6)
      assert.include(err, "still reading back")
    }))

  it.effect("Ctrl-C cancels, also where the daemon does not say what became of it", () =>
    Effect.gen(function*() {
      const { cancels, client } = daemon([sending(1)], sending(1))
      const { client: whole, said, screen } = recorder({ client })
      const fiber = yield* Effect.fork(
        run(settle(deploy({ image, timeout: undefined, output: "table" })), { client: whole, screen })
      )
      yield* TestClock.adjust("1 seconds")
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(interrupted)
      assert.strictEqual(cancels(), 1)
      assert.include(
        said.err,
        "offloadctl: the deploy was interrupted: it is cancelled; offloadd is still reading back"
      )
    }))

  it.effect("Ctrl-C while a time-out is being cancelled says where to look", () =>
    Effect.gen(function*() {
      const { client } = daemon([sending(1)], sending(1))
      const { client: whole, said, screen } = recorder({ client })
      const fiber = yield* Effect.fork(
        run(settle(deploy({ image, timeout: 1000, output: "table" })), { client: whole, screen })
      )
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      assert.include(said.err, "the deploy is being cancelled; what arrived is read back")
    }))

  it.effect("exits 4 where the daemon goes away, and says what to do", () =>
    Effect.gen(function*() {
      const { code, err } = yield* send(daemon([sending(1), "away"]).client)
      assert.strictEqual(code, 4)
      assert.include(err, "Run the same deploy again")
    }))

  it.effect("exits 1 where another transfer is under way", () =>
    Effect.gen(function*() {
      const busy = { _tag: "Busy", message: "another transfer is under way", operation: "op-0" } as const
      assert.strictEqual((yield* send({ deploy: () => Effect.fail(busy) })).code, 1)
    }))

  const reads = (written: string, files: ReadonlyArray<string>, expected: DeployRequest | RegExp) =>
    it.effect(`reads ${JSON.stringify(written)} with ${files.length === 0 ? "no file" : "a file"} of that name`, () =>
      Effect.gen(function*() {
        const { asked, client } = daemon([success])
        const { code, err } = yield* send(client, { image: written }, { files })
        if (expected instanceof RegExp) {
          assert.deepStrictEqual([code, asked], [2, []])
          assert.match(err, expected)
        } else assert.deepStrictEqual([code, asked], [0, [expected]])
      }))
  reads("a:1", [], { image: "a:1" })
  reads("a:1", ["a:1"], { path: "/here/a:1" })
  reads("./a.tar", ["./a.tar"], { path: "/here/./a.tar" })
  reads("/x/a.tar", ["/x/a.tar"], { path: "/x/a.tar" })
  reads("/x/a.tar", [], /there is no file \/x\/a\.tar/)
  reads("images/a.tar", [], /there is no file \/here\/images\/a\.tar/)
  reads("host:5000/a:1", [], { image: "host:5000/a:1" })
  reads("gnmi", [], /there is no file \/here\/gnmi, and it is no NAME:TAG either \(.*has no tag/)
  reads("A:1", [], /is not an image name/)

  it.effect("prints the end as JSON", () =>
    Effect.gen(function*() {
      const { out } = yield* send(daemon([success]).client, { output: "json" })
      assert.deepStrictEqual(JSON.parse(out), success)
    }))
})
