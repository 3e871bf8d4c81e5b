import { assert, describe, it } from "@effect/vitest"

import { asReference } from "../../../layers/npu-sim/engine/core.ts"
import { detailsOf, imagesOf, listed, npu, request, statusOf } from "./npu.ts"

/** db:1 and db:2 loaded; `up` runs, `left` has exited, `made` was created and never ran. */
const furnished = (options: Parameters<typeof npu>[0] = {}) => {
  const world = npu(options)
  world.load("db:1")
  world.load("db:2")
  world.load("broken:1", { "offloader.sim.behaviour": "bad-command" })
  const { engine } = world
  engine.unary("StartContainer", request("up", "db:1", { ports: [{ internal: 80, external: 8080 }] }))
  engine.unary("StartContainer", request("left"))
  engine.crash("left")
  engine.unary("StartContainer", request("made", "broken:1"))
  return world
}

describe("StartContainer answers", () => {
  const cases = [
    ["a new name", request("new"), "OK"],
    ["an unknown image", request("new", "nothing:1"), "NOT_FOUND"],
    ["an unknown tag", request("new", "db:9"), "NOT_FOUND"],
    ["no tag, which means latest", request("new", "db"), "NOT_FOUND"],
    ["an instance name alone", request("left", ""), "NOT_FOUND"],
    ["a running name", request("up"), "ALREADY_EXISTS"],
    ["a stopped leftover", request("left"), "ALREADY_EXISTS"],
    ["a created leftover", request("made"), "ALREADY_EXISTS"],
    ["a port used", request("new", "db:1", { ports: [{ internal: 1, external: 8080 }] }), "UNAVAILABLE"],
    [
      "a bad restart policy",
      request("new", "db:1", { restart: { policy: "SOMETIMES" as "ALWAYS" } }),
      "FAILED_PRECONDITION"
    ],
    ["an empty user", request("new", "db:1", { runAs: { user: "", group: "x" } }), "FAILED_PRECONDITION"],
    ["open quotes", request("new", "db:1", { cmd: "sh -c 'oops" }), "INVALID_ARGUMENT"],
    ["closed quotes", request("new", "db:1", { cmd: "sh -c \"it's \\\"fine\\\"\" 'a'" }), "OK"],
    ["a bad command", request("new", "broken:1"), "INTERNAL"],
    ["a slash in the name", request("/new"), "INVALID_ARGUMENT"],
    ["the name an engine gives to short names", request("new", "localhost/db:1"), "OK"]
  ] as const
  for (const [what, given, expected] of cases) {
    it(`${expected} to ${what}`, () => {
      assert.strictEqual(statusOf(furnished().engine.unary("StartContainer", given)), expected)
    })
  }

  it("and a bad command leaves a created container that blocks the name", () => {
    const { engine } = furnished()
    engine.unary("StartContainer", request("new", "broken:1"))
    assert.include(listed(engine), "/new UNSPECIFIED broken:1")
    assert.strictEqual(statusOf(engine.unary("StartContainer", request("new"))), "ALREADY_EXISTS")
  })

  it("and the reference's INTERNAL over a leftover, where told to", () => {
    const { engine } = furnished({ quirks: asReference })
    assert.strictEqual(statusOf(engine.unary("StartContainer", request("left"))), "INTERNAL")
    assert.strictEqual(statusOf(engine.unary("StartContainer", request("up"))), "ALREADY_EXISTS")
  })

  it("and a port that something else took", () => {
    const { engine } = furnished({ listensOn: () => 6381 })
    engine.foreignStop("up")
    engine.blockPort(6381, true)
    const reply = engine.unary("StartContainer", request("new"))
    assert.strictEqual(statusOf(reply), "UNAVAILABLE")
    assert.strictEqual(detailsOf(reply), "port used: 6381")
    engine.blockPort(6381, false)
    assert.strictEqual(statusOf(engine.unary("StartContainer", request("new"))), "OK")
  })
})

describe("StopContainer answers", () => {
  it("without force when the process has ended, with force at once", () => {
    const { after, engine } = furnished({ stopMillis: 100 })
    const reply = engine.unary("StopContainer", { instanceName: "up" })
    assert.strictEqual(statusOf(reply), "PENDING")
    assert.include(listed(engine), "/up RUNNING db:1")
    after(99)
    assert.strictEqual(statusOf(reply), "PENDING")
    after(1)
    assert.strictEqual(statusOf(reply), "OK")
    assert.include(listed(engine), "/up STOPPED db:1")
    assert.strictEqual(statusOf(engine.unary("StopContainer", { instanceName: "up", force: true })), "NOT_FOUND")
  })

  it("NOT_FOUND to what is unknown or not running", () => {
    const { engine } = furnished()
    for (const instanceName of ["nobody", "left", "made", "/up"]) {
      assert.strictEqual(statusOf(engine.unary("StopContainer", { instanceName })), "NOT_FOUND", instanceName)
    }
  })

  it("never, without force, where the process ignores it; force ends both", () => {
    const { after, engine, load } = furnished()
    load("deaf:1", { "offloader.sim.behaviour": "ignores-stop" })
    engine.unary("StartContainer", request("deaf", "deaf:1"))
    const reply = engine.unary("StopContainer", { instanceName: "deaf" })
    after(86_400_000)
    assert.strictEqual(statusOf(reply), "PENDING")
    assert.strictEqual(statusOf(engine.unary("StopContainer", { instanceName: "deaf", force: true })), "OK")
    assert.strictEqual(statusOf(reply), "OK")
  })

  it("and keeps a restart policy from bringing it back", () => {
    const { after, engine } = furnished()
    engine.unary("StartContainer", request("loop", "db:1", { restart: { policy: "ALWAYS" } }))
    engine.unary("StopContainer", { instanceName: "loop", force: true })
    after(60_000)
    assert.include(listed(engine), "/loop STOPPED db:1")
  })
})

describe("RemoveContainer answers", () => {
  const cases = [
    ["a stopped one", { name: "left" }, "OK"],
    ["a created one", { name: "made" }, "OK"],
    ["a running one", { name: "up" }, "FAILED_PRECONDITION"],
    ["a running one by force", { name: "up", force: true }, "OK"],
    ["an unknown one", { name: "nobody" }, "NOT_FOUND"],
    ["a leading slash", { name: "/left" }, "INVALID_ARGUMENT"]
  ] as const
  for (const [what, given, expected] of cases) {
    it(`${expected} to ${what}`, () => {
      assert.strictEqual(statusOf(furnished().engine.unary("RemoveContainer", given)), expected)
    })
  }
})

describe("RemoveImage answers", () => {
  const cases = [
    ["an image that nothing uses", { name: "db", tag: "2" }, "OK"],
    ["one that a container runs", { name: "db", tag: "1" }, "FAILED_PRECONDITION"],
    ["one that a container runs, by force", { name: "db", tag: "1", force: true }, "FAILED_PRECONDITION"],
    ["one that a leftover was made of", { name: "broken", tag: "1" }, "FAILED_PRECONDITION"],
    ["one that a leftover was made of, by force", { name: "broken", tag: "1", force: true }, "OK"],
    ["an unknown image", { name: "db", tag: "9" }, "NOT_FOUND"],
    ["an empty tag, which means latest", { name: "db", tag: "" }, "NOT_FOUND"]
  ] as const
  for (const [what, given, expected] of cases) {
    it(`${expected} to ${what}`, () => {
      assert.strictEqual(statusOf(furnished().engine.unary("RemoveImage", given)), expected)
    })
  }

  it("and only a name goes while the image has another, but not the one a container was started by", () => {
    const { engine, load } = furnished()
    load("alias:7", {}, 1000, "db:1")
    assert.include(imagesOf(engine), "db:1,7")
    assert.strictEqual(statusOf(engine.unary("RemoveImage", { name: "db", tag: "1" })), "FAILED_PRECONDITION")
    assert.strictEqual(statusOf(engine.unary("RemoveImage", { name: "alias", tag: "7" })), "OK")
    assert.include(imagesOf(engine), "db:1")
  })

  it("and the reference's UNAVAILABLE, where told to", () => {
    const { engine } = furnished({ quirks: asReference })
    assert.strictEqual(statusOf(engine.unary("RemoveImage", { name: "db", tag: "1" })), "UNAVAILABLE")
  })
})

describe("UpdateContainer answers", () => {
  const update = (instanceName: string, imageTag: string, more = {}) => ({
    instanceName,
    imageName: "db",
    imageTag,
    ...more
  })

  it("OK after it broke the old one, then made the new", () => {
    const { after, engine } = furnished({ stopMillis: 50 })
    const reply = engine.unary("UpdateContainer", update("up", "2"))
    assert.strictEqual(statusOf(reply), "PENDING")
    assert.strictEqual(statusOf(engine.unary("StopContainer", { instanceName: "up" })), "UNAVAILABLE")
    assert.strictEqual(statusOf(engine.unary("UpdateContainer", update("up", "2"))), "UNAVAILABLE")
    after(50)
    assert.strictEqual(statusOf(reply), "OK")
    assert.include(listed(engine), "/up RUNNING db:2")
  })

  it("OK at once where asked for async", () => {
    const { after, engine } = furnished({ stopMillis: 50 })
    assert.strictEqual(statusOf(engine.unary("UpdateContainer", update("up", "2", { async: true }))), "OK")
    assert.include(listed(engine), "/up RUNNING db:1")
    after(50)
    assert.include(listed(engine), "/up RUNNING db:2")
  })

  it("NOT_FOUND and FAILED_PRECONDITION before anything is stopped", () => {
    const { engine } = furnished()
    assert.strictEqual(statusOf(engine.unary("UpdateContainer", update("nobody", "2"))), "NOT_FOUND")
    assert.strictEqual(statusOf(engine.unary("UpdateContainer", update("up", "9"))), "NOT_FOUND")
    assert.strictEqual(statusOf(engine.unary("UpdateContainer", update("left", "2"))), "FAILED_PRECONDITION")
    assert.include(listed(engine), "/up RUNNING db:1")
  })

  it("INTERNAL with `restored` in its text where the new one cannot start", () => {
    const { after, engine } = furnished()
    const reply = engine.unary("UpdateContainer", { instanceName: "up", imageName: "broken", imageTag: "1" })
    after(1000)
    assert.strictEqual(statusOf(reply), "INTERNAL")
    assert.match(detailsOf(reply), /; restored$/)
    assert.include(listed(engine), "/up RUNNING db:1")
  })

  it("and a reboot meanwhile leaves nothing running", () => {
    const { after, engine } = furnished()
    const reply = engine.unary("UpdateContainer", update("up", "2"))
    engine.reboot()
    after(1000)
    assert.strictEqual(statusOf(reply), "UNAVAILABLE")
    assert.deepStrictEqual(listed(engine), [])
  })
})

describe("volumes", () => {
  it("are created again without harm, held by containers, removed once", () => {
    const { engine } = furnished()
    assert.strictEqual(statusOf(engine.unary("CreateVolume", { name: "v" })), "OK")
    assert.strictEqual(statusOf(engine.unary("CreateVolume", { name: "v" })), "OK")
    const mounting = request("m", "db:1", {
      volumes: [{ name: "v", mountPoint: "/v" }, { name: "/etc", mountPoint: "/e" }]
    })
    engine.unary("StartContainer", mounting)
    assert.strictEqual(statusOf(engine.unary("RemoveVolume", { name: "v" })), "FAILED_PRECONDITION")
    engine.vanish("m")
    assert.strictEqual(statusOf(engine.unary("RemoveVolume", { name: "v" })), "OK")
    assert.strictEqual(statusOf(engine.unary("RemoveVolume", { name: "v" })), "NOT_FOUND")
  })
})
