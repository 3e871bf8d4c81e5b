import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { asReference } from "../../../layers/npu-sim/engine/core.ts"
import { archived, imagesOf, npu, request, statusOf } from "./npu.ts"

const archive = { images: [archived("db:1")], unpackedBytes: 2000 }

const deploy = (world: ReturnType<typeof npu>, given: {
  readonly announced?: number
  readonly sent?: number
  readonly name?: string
  readonly tag?: string
  readonly archive?: typeof archive | undefined
}) => {
  const { engine } = world
  const { announced = 1000, name = "", sent = announced, tag = "" } = given
  const begun = engine.beginDeploy({ name, tag, imageSize: String(announced) })
  if (Either.isLeft(begun)) return begun.left.code
  const received = engine.receive(begun.right, sent)
  if (Either.isLeft(received)) return received.left.code
  return statusOf(engine.finishDeploy(begun.right, "archive" in given ? given.archive : archive))
}

describe("Deploy answers", () => {
  it("OK and loads the archive under its own names", () => {
    const world = npu()
    assert.strictEqual(deploy(world, {}), "OK")
    assert.deepStrictEqual(imagesOf(world.engine), ["db:1"])
  })

  it("OK and adds the request's name and tag; an empty tag means latest", () => {
    const world = npu()
    assert.strictEqual(deploy(world, { name: "mine", tag: "7" }), "OK")
    assert.strictEqual(deploy(world, { name: "mine" }), "OK")
    assert.strictEqual(deploy(world, { name: "db", tag: "1" }), "OK")
    assert.strictEqual(statusOf(world.engine.unary("StartContainer", request("a", "mine:7"))), "OK")
    assert.strictEqual(statusOf(world.engine.unary("StartContainer", request("b", "mine:latest"))), "OK")
    assert.strictEqual(statusOf(world.engine.unary("StartContainer", request("c", "db:1"))), "OK")
  })

  it("OK and keeps to the archive's names where those win", () => {
    const world = npu({ quirks: { archiveNamesWin: true } })
    assert.strictEqual(deploy(world, { name: "mine", tag: "7" }), "OK")
    assert.deepStrictEqual(imagesOf(world.engine), ["db:1"])
  })

  it("INTERNAL to what is no archive", () => {
    assert.strictEqual(deploy(npu(), { archive: undefined }), "INTERNAL")
  })

  it("INVALID_ARGUMENT to more bytes than announced, or fewer", () => {
    assert.strictEqual(deploy(npu(), { announced: 10, sent: 11 }), "INVALID_ARGUMENT")
    assert.strictEqual(deploy(npu(), { announced: 10, sent: 9 }), "INVALID_ARGUMENT")
    assert.strictEqual(deploy(npu({ quirks: asReference }), { announced: 10, sent: 9 }), "OK")
  })

  it("INVALID_ARGUMENT at the very chunk that is too much, and takes nothing after it", () => {
    const { engine } = npu({ quirks: asReference })
    const transfer = Either.getOrThrow(engine.beginDeploy({ name: "", tag: "", imageSize: "10" }))
    assert.strictEqual(statusOf(engine.receive(transfer, 11)), "INVALID_ARGUMENT")
    assert.strictEqual(statusOf(engine.receive(transfer, 1)), "UNAVAILABLE")
    assert.strictEqual(statusOf(engine.finishDeploy(transfer, archive)), "UNAVAILABLE")
  })

  it("RESOURCE_EXHAUSTED to what the disk cannot take, before, during and after", () => {
    assert.strictEqual(deploy(npu({ diskBytes: 999 }), {}), "RESOURCE_EXHAUSTED")
    assert.strictEqual(deploy(npu({ diskBytes: 1500 }), {}), "RESOURCE_EXHAUSTED")
    const { engine } = npu()
    const transfer = Either.getOrThrow(engine.beginDeploy({ name: "", tag: "", imageSize: "1000" }))
    engine.fillDisk(10)
    assert.strictEqual(statusOf(engine.receive(transfer, 100)), "RESOURCE_EXHAUSTED")
  })

  it("OK without loading anything to a download that brings nothing", () => {
    const { engine } = npu()
    const remoteDownload = { path: "no-such-host:/x", protocol: "SCP" as const }
    const transfer = Either.getOrThrow(engine.beginDeploy({ name: "db", tag: "1", imageSize: "0", remoteDownload }))
    assert.strictEqual(statusOf(engine.finishDeploy(transfer, undefined)), "OK")
    assert.deepStrictEqual(imagesOf(engine), [])
  })

  it("as told, once: damaged, or a success without anything loaded", () => {
    const world = npu()
    world.engine.corruptDeploys(1)
    assert.strictEqual(deploy(world, {}), "INTERNAL")
    world.engine.loseDeploys(1)
    assert.strictEqual(deploy(world, {}), "OK")
    assert.deepStrictEqual(imagesOf(world.engine), [])
    assert.strictEqual(deploy(world, {}), "OK")
    assert.deepStrictEqual(imagesOf(world.engine), ["db:1"])
  })

  it("when loading has taken its time; a reboot meanwhile loads nothing", () => {
    const world = npu({ loadMillis: 500 })
    const { engine } = world
    assert.strictEqual(deploy(world, {}), "PENDING")
    assert.deepStrictEqual(imagesOf(engine), [])
    world.after(500)
    assert.deepStrictEqual(imagesOf(engine), ["db:1"])
    engine.unary("RemoveImage", { name: "db", tag: "1" })
    deploy(world, {})
    engine.reboot()
    world.after(500)
    assert.deepStrictEqual(imagesOf(engine), [])
    assert.strictEqual(engine.freeBytes(), 16 * 2 ** 30)
  })
})
