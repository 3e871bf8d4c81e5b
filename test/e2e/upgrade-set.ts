/** What tests of upgrades on real containers share: a set on podman, versions good and bad, and how a set ends. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

import { answering, type Contents, control, type Lab, packImages, startDaemon, until, Waited } from "../../bin/lab.ts"
import { UpgradeView } from "../../src/control/upgrade-views.ts"
import { allRunning, calls, makePodmanSwitch } from "./switch.ts"

export const first = "20260101.1"
export const second = "20260202.2"

/** A short gate and a short probation, so that a test sees their ends: no policy for a switch. */
const shortGateAndProbation = {
  monitoring: { period: "200ms" },
  upgrade: { gate: "1s", gateLooks: 2, probation: "5s", unhealthyFor: "4s", saveEvery: "500ms" }
}

/** `bad`: what is wrong with which service of the second version. */
export type Bad = { readonly service: string; readonly how: "crashes on start" | "never healthy" }

const contents = (bad: Bad | undefined): Contents => (spec, version) => {
  const good = answering(spec, version)
  if (bad?.service !== spec.service) return good
  const serve = bad.how === "crashes on start"
    ? "#!/bin/busybox sh\necho cannot start\nexit 1\n"
    : "#!/bin/busybox sh\ntrap 'exit 0' TERM\n/bin/busybox sleep 100000 &\nwait\n"
  return { ...good, files: { ...good.files, "/serve": serve } }
}

/** An NPU on podman, the archives of two versions, and a daemon to be started against it. */
export const ready = (bad?: Bad) =>
  Effect.gen(function*() {
    const { lab, npu, podman } = yield* makePodmanSwitch(first, answering)
    yield* packImages(lab, second, contents(bad))
    const policy = join(lab.folder, "short-gate-and-probation.json")
    writeFileSync(policy, JSON.stringify(shortGateAndProbation))
    return {
      lab,
      podman,
      daemon: startDaemon(lab, npu.endpoint, ["--service-host", "127.0.0.1", "--policy", policy])
    }
  })

/** Every service runs this version and answers. */
export const runs = (lab: Lab, version: string) =>
  until(
    lab,
    `all run ${version} and answer`,
    (list) => allRunning(list) && list.containers.every((one) => one.version === version && one.healthy === "True"),
    "150 seconds"
  )

/** The plan, once the last upgrade has ended and none is under way. */
export const over = (lab: Lab, outcome: NonNullable<UpgradeView["last"]>["outcome"]) => {
  let last = "no plan"
  return control(lab).plan.pipe(
    Effect.flatMap(Schema.decodeUnknown(UpgradeView)),
    Effect.tap((view) => Effect.sync(() => last = JSON.stringify(view, null, 1))),
    Effect.mapError(({ message }) => new Waited({ message })),
    Effect.filterOrFail(
      (view) => view.phase === "idle" && view.last?.outcome === outcome,
      () => new Waited({ message: outcome })
    ),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeoutFail({
      duration: "150 seconds",
      onTimeout: () => new Waited({ message: `the upgrade did not end as ${outcome}; last: ${last}` })
    })
  )
}

/** As it must end: the second version committed, or the first again and the second in quarantine. */
export const endsAsItShould = (lab: Lab, bad: Bad | undefined) =>
  Effect.gen(function*() {
    const view = yield* over(lab, bad === undefined ? "committed" : "rolledBack")
    yield* runs(lab, bad === undefined ? second : first)
    assert.deepStrictEqual(view.quarantine.map(({ version }) => version), bad === undefined ? [] : [second])
    assert.isNull(view.degraded)
    return view
  })

/** The starts that the NPU received since there were so many, as services. */
export const startsSince = (lab: Lab, count: number): ReadonlyArray<string> => startsOf(lab).slice(count)

export const startsOf = (lab: Lab): ReadonlyArray<string> =>
  calls(lab).filter(({ method }) => method === "StartContainer").map(({ subject }) => subject)
