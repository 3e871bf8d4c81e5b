import { assert, describe, it } from "@effect/vitest"

import * as behaviour from "../../../layers/npu-sim/engine/behaviour.ts"
import type { EngineEvent } from "../../../layers/npu-sim/engine/core.ts"
import { imagesOf, listed, npu, request, statusOf } from "./npu.ts"

const started = (labels: Record<string, string> = {}) => {
  const world = npu({ listensOn: (name) => name === "a" ? 6381 : undefined })
  world.load("db:1", labels)
  world.load("db:2")
  world.engine.unary("StartContainer", request("a"))
  return world
}

describe("an image declares how its containers behave", () => {
  const labels = (text: string) => ({ [behaviour.behaviourLabel]: text })

  it("crash-at-start", () => {
    const { after, engine } = started(labels("crash-at-start"))
    after(0)
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
  })

  it("crash-after:60s, at each start", () => {
    const { after, engine } = started(labels("crash-after:60s"))
    after(59_999)
    assert.deepStrictEqual(listed(engine), ["/a RUNNING db:1"])
    after(1)
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
    assert.strictEqual(engine.container("a")!.exitCode, 1)
    assert.strictEqual(engine.container("a")!.finishedAt, 1_060_000)
    engine.unary("RemoveContainer", { name: "a" })
    engine.unary("StartContainer", request("a"))
    after(60_000)
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
  })

  it("never-healthy, probe:hang and healthy-after:5s", () => {
    assert.strictEqual(started(labels("never-healthy")).engine.probePort(6381), "refuse")
    assert.strictEqual(started(labels("probe:hang")).engine.probePort(6381), "hang")
    const { after, engine } = started(labels("healthy-after:5s"))
    assert.strictEqual(engine.probePort(6381), "refuse")
    after(5000)
    assert.strictEqual(engine.probePort(6381), "ok")
  })

  it("in words that are refused when they mean nothing", () => {
    for (const text of ["crash", "crash-after:", "crash-after:5", "crash-after:5d", "probe:dead", "never-healthy:1s"]) {
      assert.strictEqual(statusOfParse(text), "Left", text)
    }
    assert.strictEqual(statusOfParse("crash-after:1.5m, ignores-stop"), "Right")
  })
})

const statusOfParse = (text: string) => behaviour.parse(text)._tag

describe("faults", () => {
  it("crash leaves a leftover, vanish leaves nothing", () => {
    const { engine } = started()
    assert.strictEqual(engine.probePort(6381), "ok")
    assert.strictEqual(statusOf(engine.crash("a", 137)), "OK")
    assert.strictEqual(engine.probePort(6381), "refuse")
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
    assert.strictEqual(statusOf(engine.crash("a")), "FAILED_PRECONDITION")
    assert.strictEqual(statusOf(engine.vanish("a")), "OK")
    assert.deepStrictEqual(listed(engine), [])
    assert.strictEqual(statusOf(engine.vanish("a")), "NOT_FOUND")
  })

  it("a probe can be made to hang, and mended", () => {
    const { engine } = started()
    engine.probe("a", "hang")
    assert.strictEqual(engine.probeMode("a"), "hang")
    engine.probe("a", "ok")
    assert.strictEqual(engine.probePort(6381), "ok")
  })

  it("an image vanishes under its container, which goes on", () => {
    const { engine } = started()
    assert.strictEqual(statusOf(engine.vanishImage({ repository: "db", tag: "1" })), "OK")
    assert.deepStrictEqual(imagesOf(engine), ["db:2"])
    assert.match(listed(engine)[0]!, /^\/a RUNNING sha256:/)
  })

  it("prune removes what does not run, by command and by the day", () => {
    const { after, engine, load } = npu({ pruneEveryMillis: 86_400_000 })
    load("db:1")
    for (const name of ["a", "b"]) engine.unary("StartContainer", request(name))
    engine.crash("b")
    after(86_399_999)
    assert.strictEqual(listed(engine).length, 2)
    after(1)
    assert.deepStrictEqual(listed(engine), ["/a RUNNING db:1"])
    engine.crash("a")
    after(86_400_000)
    assert.deepStrictEqual(listed(engine), [])
  })

  it("others stop and replace containers", () => {
    const { engine } = started()
    assert.strictEqual(statusOf(engine.foreignReplace("a", { repository: "db", tag: "2" })), "OK")
    assert.deepStrictEqual(listed(engine), ["/a RUNNING db:2"])
    assert.strictEqual(statusOf(engine.foreignStop("a")), "OK")
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:2"])
    assert.strictEqual(statusOf(engine.foreignStop("a")), "FAILED_PRECONDITION")
  })

  it("a reboot takes all containers, or leaves them stopped; images stay", () => {
    const { engine } = started()
    engine.reboot("stopped")
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
    engine.reboot()
    assert.deepStrictEqual(listed(engine), [])
    assert.deepStrictEqual(imagesOf(engine), ["db:1", "db:2"])
  })

  it("a full disk can be cleared", () => {
    const { engine } = started()
    const free = engine.freeBytes()
    engine.fillDisk(5)
    assert.strictEqual(engine.freeBytes(), 5)
    engine.clearDisk()
    assert.strictEqual(engine.freeBytes(), free)
    engine.setDisk(10)
    assert.strictEqual(engine.freeBytes(), 0)
  })

  it("a changed behaviour holds from the next start", () => {
    const { after, engine } = started()
    engine.setBehaviour({ repository: "db", tag: "1" }, { ...behaviour.wellBehaved, crashAfter: 10 })
    after(100)
    assert.deepStrictEqual(listed(engine), ["/a RUNNING db:1"])
    engine.vanish("a")
    engine.unary("StartContainer", request("a"))
    after(10)
    assert.deepStrictEqual(listed(engine), ["/a STOPPED db:1"])
  })
})

describe("restart policies", () => {
  it("ON_FAILURE gives up after its attempts, ALWAYS does not", () => {
    const { after, engine, load } = npu()
    load("db:1", { [behaviour.behaviourLabel]: "crash-after:1ms" })
    engine.unary("StartContainer", request("few", "db:1", { restart: { policy: "ON_FAILURE", attempts: 2 } }))
    engine.unary("StartContainer", request("many", "db:1", { restart: { policy: "UNLESS_STOPPED" } }))
    after(10_000)
    assert.deepStrictEqual(listed(engine), ["/few STOPPED db:1", "/many RUNNING db:1"])
    assert.strictEqual(engine.container("few")!.restarts, 2)
    assert.isAbove(engine.container("many")!.restarts, 4)
  })
})

describe("an end that was to come", () => {
  const labels = { [behaviour.behaviourLabel]: "crash-after:60s" }

  it("does not come to a container that was removed before", () => {
    const { after, engine, load } = npu()
    load("db:1", labels)
    engine.unary("StartContainer", request("a"))
    engine.unary("RemoveContainer", { name: "a", force: true })
    let events = 0
    engine.subscribe(() => events++)
    after(120_000)
    assert.strictEqual(events, 0)
  })

  it("counts from the last start", () => {
    const { after, engine, load } = npu()
    load("db:1", labels)
    engine.unary("StartContainer", request("a", "db:1", { restart: { policy: "ALWAYS" } }))
    after(30_000)
    engine.crash("a")
    after(59_000)
    assert.strictEqual(engine.container("a")!.restarts, 1)
    after(2000)
    assert.strictEqual(engine.container("a")!.exitCode ?? engine.container("a")!.restarts, 1)
  })
})

describe("events", () => {
  it("tell of starts, logs, ends and removals, in order and with their own time", () => {
    const { after, engine, load } = npu({ stopMillis: 30 })
    load("db:1")
    const seen: Array<string> = []
    const stop = engine.subscribe((event: EngineEvent) => seen.push(`${event.at - 1_000_000} ${event._tag}`))
    engine.unary("StartContainer", request("a"))
    engine.unary("StopContainer", { instanceName: "a" })
    after(500)
    engine.unary("RemoveContainer", { name: "a" })
    stop()
    engine.unary("StartContainer", request("a"))
    assert.deepStrictEqual(seen, ["0 Logged", "0 Started", "0 Logged", "30 Exited", "500 Removed"])
  })
})
