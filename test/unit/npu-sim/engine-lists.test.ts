import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { imagesOf, listed, npu, request, statusOf } from "./npu.ts"

describe("ListContainer", () => {
  it("shows the running ones, or all, with a slash before the name", () => {
    const { engine, load } = npu()
    load("host:5000/db:1")
    engine.unary("StartContainer", { imageName: "host:5000/db", tag: "1", instanceName: "a" })
    engine.unary("StartContainer", { imageName: "host:5000/db", tag: "1", instanceName: "b" })
    engine.crash("b")
    assert.deepStrictEqual(listed(engine), ["/a RUNNING host:5000/db:1", "/b STOPPED host:5000/db:1"])
    assert.deepStrictEqual(listed(engine, false), ["/a RUNNING host:5000/db:1"])
  })

  it("shows an image's id once its name means another image", () => {
    const { engine, load } = npu()
    load("db:1")
    engine.unary("StartContainer", request("a"))
    const id = Either.getOrThrow(engine.collect("ListImage", {}))[0]!.id
    engine.vanishImage({ repository: "db", tag: "1" })
    assert.deepStrictEqual(listed(engine), [`/a RUNNING ${id}`])
  })

  it("reads RUNNING through a crash loop under restart ALWAYS", () => {
    const { after, engine, load } = npu()
    load("db:1", { "offloader.sim.behaviour": "crash-after:50ms" })
    engine.unary("StartContainer", request("a", "db:1", { restart: { policy: "ALWAYS" } }))
    for (let step = 0; step < 100; step++) {
      after(37)
      assert.deepStrictEqual(listed(engine), ["/a RUNNING db:1"])
    }
    assert.isAbove(engine.container("a")!.restarts, 3)
  })

  it("can be empty, complete and OK although containers run", () => {
    const { engine, load } = npu()
    load("db:1")
    engine.unary("StartContainer", request("a"))
    engine.emptyLists(1)
    assert.deepStrictEqual(listed(engine), [])
    assert.deepStrictEqual(listed(engine), ["/a RUNNING db:1"])
  })

  it("can show UNSPECIFIED, and then leave it out of the running ones", () => {
    const { engine, load } = npu()
    load("db:1")
    engine.unary("StartContainer", request("a"))
    engine.unspecified("a", true)
    assert.deepStrictEqual(listed(engine), ["/a UNSPECIFIED db:1"])
    assert.deepStrictEqual(listed(engine, false), [])
  })

  it("honours limit and filters", () => {
    const { engine, load } = npu()
    load("db:1")
    for (const name of ["a1", "a2", "b1"]) {
      engine.unary("StartContainer", request(name, "db:1", { labels: { tenant: name[0]! } }))
    }
    const names = (more: object) =>
      Either.getOrThrow(engine.collect("ListContainer", { all: true, ...more })).map((row) => row.name)
    assert.deepStrictEqual(names({ limit: 2 }), ["/a1", "/a2"])
    assert.deepStrictEqual(names({ filter: [{ key: "name", value: ["b"] }] }), ["/b1"])
    assert.deepStrictEqual(names({ filter: [{ key: "label", value: ["tenant=a"] }] }), ["/a1", "/a2"])
  })
})

describe("ListImage", () => {
  it("has one row for each id: the first repository, the tags of all", () => {
    const { engine } = npu()
    for (const [name, tag] of [["db", "1"], ["other", "2"], ["db", ""]] as const) {
      const transfer = Either.getOrThrow(engine.beginDeploy({ name, tag, imageSize: "1" }))
      engine.receive(transfer, 1)
      const image = { configDigest: `sha256:${"a".repeat(64)}`, repoTags: [], architecture: "", labels: {} }
      assert.strictEqual(statusOf(engine.finishDeploy(transfer, { images: [image], unpackedBytes: 1 })), "OK")
    }
    assert.deepStrictEqual(imagesOf(engine), ["db:1,2,latest"])
  })

  it("may put a host before a short name, and still finds it by the short one", () => {
    const { engine, load } = npu({ quirks: { shortNamePrefix: "localhost/" } })
    load("db:1")
    load("host:5000/db:1")
    assert.deepStrictEqual(imagesOf(engine), ["localhost/db:1", "host:5000/db:1"])
    assert.strictEqual(statusOf(engine.unary("StartContainer", request("a"))), "OK")
    assert.deepStrictEqual(listed(engine), ["/a RUNNING localhost/db:1"])
  })

  it("shows what lost its name to another image as <none>, until a prune", () => {
    const { engine, load } = npu()
    load("db:latest")
    const transfer = Either.getOrThrow(engine.beginDeploy({ name: "db", tag: "", imageSize: "1" }))
    engine.receive(transfer, 1)
    const image = { configDigest: `sha256:${"b".repeat(64)}`, repoTags: [], architecture: "", labels: {} }
    engine.finishDeploy(transfer, { images: [image], unpackedBytes: 1 })
    assert.sameMembers([...imagesOf(engine)], ["<none>:<none>", "db:latest"])
    engine.prune()
    assert.deepStrictEqual(imagesOf(engine), ["db:latest"])
  })
})
