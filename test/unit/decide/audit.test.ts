import { assert, describe, it } from "@effect/vitest"

import { absent, Bench, database, deployed, digest, ha, settled, stopped } from "./bench.ts"
import { UpgradeWorld } from "./upgrade/world.ts"

const last = (bench: Bench, reason: string) => bench.events.findLast((event) => event.reason === reason)

describe("the audit", () => {
  it("records a call with what it found, what it left, how it ended and how long it took", () => {
    const bench = settled()
    bench.look({ [ha]: stopped }).imagesHeld()
    const { operation } = bench.watched(ha).inFlight!
    bench.wait(40).end(ha)
    assert.deepInclude(last(bench, "RemoveEnded"), {
      container: ha,
      actor: "offloadd",
      operation,
      outcome: "done",
      before: { image: "docker-dash-ha:1.0" },
      after: null,
      duration: 41
    }, "an end that nothing else is said of leaves a record all the same")
    bench.look({ [ha]: absent }).end(ha, { _tag: "Refused", kind: "Conflict", reason: "the port is in use" })
    const refused = last(bench, "StartFailed")
    assert.deepInclude(refused, { actor: "offloadd", outcome: "refused", before: null, duration: 1 })
    assert.notProperty(refused, "after", "what is there now, nobody has seen")
    assert.notStrictEqual(refused?.operation, operation)
  })

  it("calls unclear what nobody knows", () => {
    const bench = settled()
    bench.command({ _tag: "SetDesired", container: ha, desired: "stopped" })
    bench.end(ha, { _tag: "Ambiguous", reason: "no answer", unreachable: false })
    assert.deepInclude(last(bench, "OutcomeUnknown"), { outcome: "unclear", before: { image: "docker-dash-ha:1.0" } })
  })

  it("records each command with who gave it, also one that is refused", () => {
    const bench = settled()
    bench.unsavable = "the disk is full"
    const actor = "alice (uid 1000), as claimed"
    bench.give({
      _tag: "Commanded",
      id: 7,
      command: { _tag: "SetDesired", container: ha, desired: "stopped" },
      actor
    })
    assert.deepInclude(last(bench, "CommandRefused"), { actor, container: ha, outcome: "refused" })
    bench.unsavable = undefined
    bench.give({ _tag: "Commanded", id: 8, command: { _tag: "Retry", containers: [ha, database] }, actor })
    const told = bench.events.filter(({ reason }) => reason === "RetryRequested")
    assert.lengthOf(told, 2)
    assert.deepInclude(told[0], { actor, outcome: "accepted" })
    assert.strictEqual(told[1]?.actor, actor)
    assert.strictEqual(told[1]?.operation, told[0]?.operation)
  })

  it("records of a transfer what was sent, however it ended", () => {
    const bench = settled()
    const sent = { image: "docker-dash-ha:9", digest: digest("docker-dash-ha:9"), bytes: 1234 }
    bench.command({ _tag: "Deploy", subject: { _tag: "Path", path: "/images/ha.tar" } })
    bench.give({
      _tag: "Transferred",
      operation: bench.memory.images.transfer!.operation,
      outcome: { _tag: "Failed", reason: "the NPU failed inside", unreachable: false },
      sent
    })
    assert.deepInclude(last(bench, "DeployFailed"), { outcome: "failed", sent })
    bench.command({ _tag: "Deploy", subject: { _tag: "Path", path: "/images/ha.tar" } })
    bench.endTransfer({ _tag: "Rejected", reason: "there is no such file" })
    assert.notProperty(last(bench, "ArchiveRejected"), "sent", "nothing was there to be sent")
  })

  it("gives a transfer to whoever asked for it", () => {
    const bench = settled()
    const actor = "root (uid 0), as claimed"
    bench.give({
      _tag: "Commanded",
      id: 1,
      command: { _tag: "Deploy", subject: { _tag: "Path", path: "/a.tar" } },
      actor
    })
    const { operation } = bench.memory.images.transfer!
    assert.deepInclude(last(bench, "Deploying"), { actor, operation, outcome: "accepted" })
    bench.wait(1000).endTransfer(deployed("docker-dash-ha:2.0"))
    assert.deepInclude(last(bench, "Deployed"), {
      actor,
      operation,
      outcome: "done",
      duration: 1001,
      after: { image: "docker-dash-ha:2.0", digest: digest("docker-dash-ha:2.0") }
    })
  })

  it("gives what an operator's rollback says to the upgrade as well", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(15)
    world.events.length = 0
    world.command({ _tag: "Rollback" })
    const told = world.events.filter(({ partOf }) => partOf === "upgrade-1")
    assert.includeMembers(told.map(({ reason }) => reason), [
      "RollbackRequested",
      "Quarantined",
      "UpgradeFailed",
      "Switching"
    ])
    assert.deepInclude(told[0], { actor: "unknown", outcome: "accepted" })
    assert.notStrictEqual(told[0]?.operation, "upgrade-1", "the command is an operation of its own")
  })

  it("tells the end of an upgrade from the beginning of the one that takes its place at once", () => {
    const world = new UpgradeWorld()
    world.refusal = "no room"
    world.upgradeTo("2.0").pass(5)
    world.events.length = 0
    world.upgradeTo("3.0").pass(5)
    const told = (reason: string) => world.events.find((event) => event.reason === reason)
    assert.deepInclude(told("UpgradeSuperseded"), { operation: "upgrade-1", outcome: "cancelled" })
    assert.deepInclude(told("UpgradeBegun"), { operation: "upgrade-2" })
    assert.notProperty(told("UpgradeBegun"), "outcome")
  })

  it("never gives two lives of the daemon the same operation", () => {
    const [one, other] = [new Bench(), new Bench()]
    other.memory = { ...other.memory, life: "" }
    other.wait(5000)
    other.give({ _tag: "Configured", dpu: 2, specs: other.memory.specs, policy: other.memory.policy })
    const operations = [one, other].map((bench) => {
      bench.command({ _tag: "Deploy", subject: { _tag: "Path", path: "/a.tar" } })
      return bench.memory.images.transfer?.operation
    })
    assert.notStrictEqual(operations[0], operations[1])
  })
})
