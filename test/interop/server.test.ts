/** The unmodified daemon on the reference server over podman. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import {
  answering,
  type Contents,
  type Lab,
  offloadctl,
  packImages,
  setVersion,
  startDaemon,
  until
} from "../../bin/lab.ts"
import { packTo } from "../../layers/images/pack.ts"
import { startPodman, whyNoPodman } from "../../layers/lab/podman.ts"
import type { ContainerList } from "../../src/control/views.ts"
import { allRunning, byName, makeSwitch } from "../e2e/switch.ts"
import { skip } from "../needs.ts"
import { serveReference, version, whyNoReference } from "./reference.ts"

const missing = whyNoReference() ?? whyNoPodman()

const first = "20260101.1"
const second = "20260201.2"
const bad = "20260301.3"

/** Of the bad version gnmi dies at once. */
const failing: Contents = (spec, tag) => {
  const sound = answering(spec, tag)
  return spec.service === "gnmi"
    ? { ...sound, files: { ...sound.files, "/serve": "#!/bin/busybox sh\necho cannot start\nexit 3\n" } }
    : sound
}

/** What upgrades take minutes for on a switch. */
const policy = { upgrade: { gate: "2s", probation: "10s", unhealthyFor: "8s" } }

const allOf = (tag: string) => (list: ContainerList): boolean =>
  allRunning(list) && list.containers.every((one) => one.version === tag && one.healthy === "True")

const says = (lab: Lab, pattern: RegExp, ...args: ReadonlyArray<string>) =>
  Effect.map(offloadctl(lab, args), ({ code, output }) => {
    assert.strictEqual(code, 0, `${args.join(" ")}: ${output}`)
    assert.match(output, pattern, args.join(" "))
  })

/** Asks again until the answer is as it should be. */
const soon = <A, E>(asked: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.retry(Effect.sandbox(asked), Schedule.spaced("500 millis")).pipe(Effect.unsandbox)

describe("the daemon on the reference server", () => {
  // Its own default is larger than a message may be; both must do.
  for (const chunkSize of [1_000_000, 5_000_000]) {
    it.scopedLive(
      `with chunks of ${chunkSize}: list, images, deploy, start, stop, remove, logs, recovery, upgrade, rollback`,
      (context) =>
        Effect.gen(function*() {
          if (missing !== undefined) return skip(context, missing)
          console.log(`the reference server is ${version()}`)
          const lab = yield* makeSwitch
          const podman = yield* startPodman(lab.folder)
          yield* packImages(lab, first, answering)
          yield* packImages(lab, second, answering)
          yield* packImages(lab, bad, failing)
          yield* setVersion(lab, first)
          const endpoint = yield* serveReference(podman.socket, chunkSize)
          const policyFile = join(lab.folder, "policy.json")
          writeFileSync(policyFile, JSON.stringify(policy))
          yield* startDaemon(lab, endpoint, ["--service-host", "127.0.0.1", "--policy", policyFile])

          // Deploy, images, start, list.
          yield* until(lab, "three running and answering", allOf(first), "120 seconds")
          const [, gnmi, ha] = lab.containers
          yield* says(lab, new RegExp(`${gnmi!.name}.*Running`), "list")
          yield* says(lab, /serving on/, "logs", "gnmi")

          // Recovery after a crash, its leftover removed.
          const pid = yield* podman.run("inspect", ha!.name, "--format", "{{.State.Pid}}")
          process.kill(Number(pid), "SIGKILL")
          yield* until(lab, "ha is back", (list) => allRunning(list) && byName(list, ha!.name).restarts === 1)

          // A stop that holds, and its end. podman 4.3 refuses the server's stop without force.
          yield* says(lab, /is stopped/, "stop", "gnmi")
          assert.notInclude(yield* podman.run("ps", "--format", "{{.Names}}"), gnmi!.name)
          yield* says(lab, /is running/, "start", "gnmi")

          // An image that no service asked for.
          const archive = join(lab.folder, "another.tar")
          yield* packTo(archive, { names: ["docker-dash-ha:20260401.4"], ...answering(ha!, "20260401.4") })
          yield* says(lab, /^deployed /m, "deploy", archive)
          assert.include(
            yield* podman.run("images", "--format", "{{.Repository}}:{{.Tag}}"),
            "docker-dash-ha:20260401.4"
          )

          // An upgrade, and one that fails and is taken back.
          yield* setVersion(lab, second)
          yield* until(lab, "the second version", allOf(second), "180 seconds")
          // Until it is committed, the way back leads to the first.
          yield* soon(says(lab, /UpgradeCommitted/, "events"))
          yield* setVersion(lab, bad)
          yield* until(
            lab,
            "the bad version is tried",
            (list) => list.containers.some((one) => one.version === bad),
            "180 seconds"
          )
          yield* until(lab, "the second version is back", allOf(second), "180 seconds")
          yield* says(lab, /RolledBack/, "events")
        }),
      600_000
    )
  }
})
