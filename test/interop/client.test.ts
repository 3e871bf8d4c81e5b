/** The reference client against npu-sim: in memory, and over podman. */
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { answering, startNpuSim } from "../../bin/lab.ts"
import { makeLab } from "../../bin/lab.ts"
import { packTo } from "../../layers/images/pack.ts"
import { startPodman, whyNoPodman } from "../../layers/lab/podman.ts"
import { dist } from "../e2e/switch.ts"
import { skip } from "../needs.ts"
import { referenceClient, version, whyNoReference } from "./reference.ts"

const image = ["--image", "docker-dash-ha", "--tag", "1"]

describe("the reference client on npu-sim", () => {
  for (const engine of ["memory", "docker"] as const) {
    it.scopedLive(`over ${engine}: list, push, start, stop, logs, remove`, (context) =>
      Effect.gen(function*() {
        const missing = whyNoReference() ?? (engine === "docker" ? whyNoPodman() : undefined)
        if (missing !== undefined) return skip(context, missing)
        console.log(`the reference client is ${version()}`)
        const lab = yield* makeLab(dist)
        const options = engine === "memory"
          ? []
          : ["--engine", "docker", "--docker-socket", (yield* startPodman(lab.folder)).socket]
        const { endpoint } = yield* startNpuSim(lab, options)
        const client = (...args: ReadonlyArray<string>) => referenceClient(endpoint, ...args)
        const instance = ["--instance", "interop"]

        const archive = join(lab.folder, "ha.tar")
        const ha = lab.containers[2]!
        yield* packTo(archive, { names: ["docker-dash-ha:1"], ...answering(ha, "1") })
        yield* client("image", "push", ...image, "--file", archive)
        assert.match(yield* client("image", "list"), /docker-dash-ha/)

        const port = `PORT=${ha.probe!.port}`
        yield* client("container", "start", ...image, ...instance, "--command", "/serve", "--env", port)
        const running = yield* client("container", "list")
        assert.match(running, /interop/)
        assert.match(running, /RUNNING/i)
        const said = yield* client("container", "logs", ...instance)
        if (engine === "docker") assert.match(said, /serving on/)

        yield* client("container", "stop", ...instance, "--force")
        assert.notMatch(yield* client("container", "list"), /interop/)
        assert.match(yield* client("container", "list", "--all"), /interop/)
        yield* client("container", "remove", ...instance)
        assert.notMatch(yield* client("container", "list", "--all"), /interop/)
        yield* client("image", "remove", ...image)
        assert.notMatch(yield* client("image", "list"), /docker-dash-ha/)
      }), 180_000)
  }
})
