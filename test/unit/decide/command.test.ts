import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { statusView } from "../../../src/daemon/views.ts"
import { parse } from "../../../src/model/image.ts"
import { absent, Bench, database, deployed, gnmi, ha, runs, settled, specs, stopped, unclear } from "./bench.ts"

const stop = (container: string) => ({ _tag: "SetDesired", container, desired: "stopped" }) as const
const start = (container: string) => ({ _tag: "SetDesired", container, desired: "running" }) as const
const deploy = (path: string) => ({ _tag: "Deploy", subject: { _tag: "Path", path } }) as const
const fulfilled = (bench: Bench, name: string) =>
  statusView(bench.memory, "npu", specs.find((spec) => spec.name === name)!, bench).intent.fulfilled

describe("stop", () => {
  it("stops, and never starts what was stopped, whatever becomes of it", () => {
    const bench = settled()
    assert.strictEqual(bench.command(stop(ha))._tag, "Recorded")
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
    assert.isFalse(fulfilled(bench, ha))
    bench.end(ha).look({ [ha]: stopped })
    assert.isTrue(fulfilled(bench, ha))
    bench.look({ [ha]: absent }).version("2.0").lookFails(false).look({ [ha]: absent })
    assert.notInclude(bench.take().join(), ha)
  })

  it("stops again what somebody else started", () => {
    const bench = settled()
    bench.command(stop(ha))
    bench.end(ha).look({ [ha]: stopped })
    bench.take()
    bench.look({ [ha]: runs("1.0", "foreign") })
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
  })

  it("stops once a container whose state is not clear, while the NPU answers", () => {
    const bench = settled().look({ [ha]: unclear })
    bench.command(stop(ha))
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
    bench.end(ha).look({ [ha]: unclear }).look({ [ha]: unclear })
    assert.deepStrictEqual(bench.take(), [])
  })

  it("is kept while the NPU is away and done when it returns", () => {
    const bench = settled().lookFails(false)
    assert.strictEqual(bench.command(stop(ha))._tag, "Recorded")
    assert.deepStrictEqual(bench.take(), [])
    bench.look({})
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
  })

  it("ends a crash loop's wait and its debt", () => {
    const bench = settled().look({ [ha]: stopped })
    bench.command(stop(ha))
    assert.isNull(bench.record(ha).due)
  })
})

describe("start", () => {
  it("starts what was stopped, without calling it a crash or a restart", () => {
    const bench = settled()
    bench.command(stop(ha))
    bench.end(ha).look({ [ha]: stopped })
    bench.take()
    bench.command(start(ha))
    bench.imagesHeld()
    bench.end(ha).look({ [ha]: absent })
    bench.end(ha).look({ [ha]: runs("1.0", "b") })
    assert.deepStrictEqual(bench.take(), ["ListImages", `Remove ${ha}`, `Start ${ha}`])
    assert.deepStrictEqual([bench.record(ha).restarts, bench.record(ha).level], [0, 0])
    assert.isTrue(fulfilled(bench, ha))
  })

  it("tries at once what waits on its ladder", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    for (let failure = 0; failure < 4; failure += 1) {
      bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" })
      bench.look({ [ha]: absent })
      bench.take()
      bench.command(start(ha))
      assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
    }
  })

  it("changes nothing about what runs", () => {
    const bench = settled()
    bench.command(start(ha))
    bench.look({})
    assert.deepStrictEqual(bench.take(), [])
    assert.isTrue(fulfilled(bench, ha))
  })
})

describe("deploy", () => {
  it("sends one archive at a time", () => {
    const bench = settled()
    const { operation } = bench.command(deploy("/a.tar")) as { readonly operation: string }
    assert.match(operation, /^op-[0-9a-z]+-1$/)
    const busy = bench.command(deploy("/b.tar"))
    assert.isTrue(busy._tag === "Busy" && busy.reason.includes("/a.tar"))
    bench.endTransfer({ _tag: "Rejected", reason: "it is not a tar" })
    assert.strictEqual(bench.command(deploy("/b.tar"))._tag, "Deploying")
  })

  it("is not repeated by itself when it fails", () => {
    const bench = settled()
    bench.command(deploy("/a.tar"))
    bench.endTransfer({ _tag: "Failed", reason: "no room", unreachable: false })
    bench.take()
    bench.wait(600_000).look({})
    assert.deepStrictEqual(bench.take(), [])
    assert.include(bench.reasons(), "DeployFailed")
  })

  it("promises another try only of what a service shall run", () => {
    const bench = settled()
    const said = (image: string) => {
      bench.command({ _tag: "Deploy", subject: { _tag: "Image", image: Either.getOrThrow(parse(image)) } })
      bench.endTransfer({ _tag: "Failed", reason: "no room", unreachable: false })
      return bench.events.findLast(({ reason }) => reason === "DeployFailed")!.message
    }
    assert.match(said("docker-dash-ha:1.0"), /It is tried again in/)
    assert.strictEqual(said("docker-dash-ha:0.9"), "docker-dash-ha:0.9 was not deployed: no room.")
  })

  it("is told each time, the offloader's own transfers only while they are few", () => {
    const bench = settled()
    bench.command(deploy("/a.tar"))
    assert.deepInclude(bench.events.at(-1), { reason: "Deploying", actor: "unknown", outcome: "accepted" })
    const own = new Bench().version("1.0").look({ [database]: absent })
    own.give({ _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] })
    assert.deepInclude(own.events.at(-1), { reason: "Transferring", actor: "offloadd" })
  })

  it("serves the services that wait for that image", () => {
    const bench = new Bench().version("1.0").look({ [database]: absent })
    bench.give({ _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] })
    bench.endTransfer({ _tag: "Rejected", reason: "no archive" })
    bench.look({ [database]: absent })
    bench.give({ _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] })
    bench.take()
    bench.command(deploy("/database.tar"))
    bench.endTransfer(deployed("docker-database:1.0"))
    assert.deepStrictEqual(bench.take(), ["Deploy /database.tar", `Start ${database}`])
  })
})

describe("memory that cannot be saved", () => {
  it("refuses intents, goes on with recovery, and says both", () => {
    const bench = settled()
    bench.unsavable = "no space left on the device"
    const reply = bench.command(stop(ha))
    assert.isTrue(reply._tag === "NotRecorded" && reply.reason.includes("no space left"))
    assert.strictEqual(bench.record(ha).desired, "running")
    bench.look({ [gnmi]: absent })
    bench.imagesHeld()
    assert.deepStrictEqual(bench.take(), ["ListImages", `Start ${gnmi}`])
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason === "StateNotDurable").length, 1)
  })

  it("changes no version meanwhile, and says so", () => {
    const bench = settled()
    bench.unsavable = "no space left on the device"
    bench.version("2.0").look({}).look({})
    assert.deepStrictEqual(bench.take(), [])
    const status = statusView(bench.memory, "npu", specs[0]!, bench)
    assert.include(status.activity, "no space left")
    bench.unsavable = undefined
    bench.look({})
    assert.deepStrictEqual(bench.take(), ["ListImages"])
  })
})

describe("retry", () => {
  const retry = (...containers: ReadonlyArray<string>) => ({ _tag: "Retry", containers } as const)

  it("ends the wait of the ladder at once and leaves its level", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    for (let failure = 0; failure < 6; failure += 1) {
      bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" })
      bench.look({ [ha]: absent })
      bench.take()
      bench.reasons()
      const { level } = bench.record(ha)
      assert.deepStrictEqual(bench.command(retry(ha)), { _tag: "Retrying", waited: [ha] })
      assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
      assert.strictEqual(bench.record(ha).level, level)
      assert.include(bench.reasons(), "RetryRequested")
    }
  })

  it("ends the wait for another transfer", () => {
    const bench = new Bench().version("1.0").look({ [database]: absent })
    const noImage = { _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] } as const
    bench.give(noImage)
    bench.endTransfer({ _tag: "Rejected", reason: "no archive" })
    bench.look({ [database]: absent })
    bench.give(noImage)
    bench.take()
    assert.deepStrictEqual(bench.command(retry(database)), { _tag: "Retrying", waited: [database] })
    assert.deepStrictEqual(bench.take(), ["Deploy docker-database:1.0"])
  })

  it("ends the wait before the next stop", () => {
    const bench = settled()
    bench.command(stop(ha))
    bench.end(ha, { _tag: "Refused", kind: "Other", reason: "no" }).look({})
    bench.end(ha, { _tag: "Refused", kind: "Other", reason: "no" }).look({})
    bench.take()
    assert.deepStrictEqual(bench.command(retry(ha)), { _tag: "Retrying", waited: [ha] })
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
  })

  it("disturbs nobody who does not wait, and nobody else", () => {
    const bench = settled()
    assert.deepStrictEqual(bench.command(retry(database, gnmi, ha)), { _tag: "Retrying", waited: [] })
    bench.look({})
    assert.deepStrictEqual(bench.take(), [])
    bench.look({ [ha]: absent, [gnmi]: absent })
    bench.imagesHeld()
    for (const name of [gnmi, ha]) bench.end(name, { _tag: "Refused", kind: "Conflict", reason: "port used" })
    bench.look({ [ha]: absent, [gnmi]: absent })
    bench.take()
    bench.command(retry(ha))
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("needs no memory that can be saved", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" }).look({ [ha]: absent })
    bench.unsavable = "no space left on the device"
    bench.take()
    assert.strictEqual(bench.command(retry(ha))._tag, "Retrying")
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("is what status advises while it waits", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" }).look({ [ha]: absent })
    const status = statusView(bench.memory, "npu", specs.find((spec) => spec.name === ha)!, bench)
    assert.include(status.advice.join(), "offloadctl retry ha")
  })
})
