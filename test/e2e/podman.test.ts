/** The main job on real containers: npu-sim over podman, real archives, real processes. */
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { answering, type Lab, offloadctl, startDaemon, until } from "../../bin/lab.ts"
import { packTo } from "../../layers/images/pack.ts"
import { whyNoPodman } from "../../layers/lab/podman.ts"
import { skip } from "../needs.ts"
import { allRunning, byName, makePodmanSwitch } from "./switch.ts"

const version = "20260101.1"

const daemonOf = (lab: Lab, endpoint: string) => startDaemon(lab, endpoint, ["--service-host", "127.0.0.1"])

const missing = whyNoPodman()

describe("the main job on podman", () => {
  it.scopedLive(
    "brings up three services, heals a kill, keeps a stop, deploys an archive",
    (context) =>
      Effect.gen(function*() {
        if (missing !== undefined) return skip(context, missing)
        const { lab, npu, podman } = yield* makePodmanSwitch(version, answering)
        const [, gnmi, ha] = lab.containers
        // Somebody else's container on the same engine.
        yield* podman.run("load", "-i", join(lab.images, `docker-database-${version}.tar`))
        yield* podman.run(
          "run",
          "-d",
          "--name",
          "bgp",
          "--network",
          "host",
          "-e",
          "PORT=0",
          `docker-database:${version}`
        )
        const foreign = (yield* podman.run("inspect", "bgp", "--format", "{{.Id}} {{.State.StartedAt}}")).trim()

        yield* Effect.scoped(Effect.gen(function*() {
          yield* daemonOf(lab, npu.endpoint)
          yield* until(lab, "three running and answering", (list) =>
            allRunning(list) && list.containers.every(({ healthy }) =>
              healthy === "True"
            ))
          const pid = (yield* podman.run("inspect", ha!.name, "--format", "{{.State.Pid}}")).trim()
          process.kill(Number(pid), "SIGKILL")
          yield* until(lab, "ha is back", (list) => allRunning(list) && byName(list, ha!.name).restarts === 1)
          assert.notStrictEqual((yield* podman.run("inspect", ha!.name, "--format", "{{.State.Pid}}")).trim(), pid)
          const stop = yield* offloadctl(lab, ["stop", "gnmi"])
          assert.strictEqual(stop.code, 0, stop.output)
        }))

        yield* daemonOf(lab, npu.endpoint)
        yield* until(
          lab,
          "the stop holds",
          (list) =>
            list.npu.reachable === true && byName(list, gnmi!.name).state === "Stopped" &&
            byName(list, ha!.name).state === "Running"
        )
        assert.notInclude(yield* podman.run("ps", "--format", "{{.Names}}"), gnmi!.name)

        const archive = join(lab.folder, "another.tar")
        yield* packTo(archive, { names: ["docker-dash-ha:20260301.3"], ...answering(ha!, "20260301.3") })
        const deploy = yield* offloadctl(lab, ["deploy", archive])
        assert.strictEqual(deploy.code, 0, deploy.output)
        console.log(deploy.output)
        assert.match(yield* podman.run("images", "--format", "{{.Repository}}:{{.Tag}}"), /docker-dash-ha:20260301\.3/)

        assert.strictEqual(
          (yield* podman.run("inspect", "bgp", "--format", "{{.Id}} {{.State.StartedAt}}")).trim(),
          foreign
        )
      }),
    120_000
  )
})
