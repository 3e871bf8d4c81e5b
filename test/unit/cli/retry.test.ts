import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { ControlClient, make } from "../../../src/cli/control-client.ts"
import { settle } from "../../../src/cli/problem.ts"
import { retry, type RetryOptions } from "../../../src/cli/retry.ts"
import { Screen } from "../../../src/cli/screen.ts"
import { apiVersion } from "../../../src/control/views.ts"

const run = (options: Partial<RetryOptions>, waited: ReadonlyArray<string> = []) => {
  const said = { out: "", err: "", asked: "" }
  return settle(retry({ container: undefined, all: false, output: "table", ...options })).pipe(
    Effect.provideService(
      ControlClient,
      make((method, path, body) =>
        Effect.sync(() => {
          said.asked = `${method} ${path} ${body}`
          const view = { apiVersion, containers: ["gnmidpu0", "dash-hadpu0"], waited }
          return { status: 202, body: JSON.stringify(view) }
        })
      )
    ),
    Effect.provideService(Screen, {
      out: (text) => Effect.sync(() => void (said.out += text)),
      err: (text) => Effect.sync(() => void (said.err += text)),
      colour: false,
      redraws: false,
      columns: 80
    }),
    Effect.map((code) => ({ code, ...said }))
  )
}

describe("retry", () => {
  it.effect("asks for one, and says which waited", () =>
    Effect.gen(function*() {
      const { asked, code, out } = yield* run({ container: "gn/mi" }, ["gnmidpu0"])
      assert.deepStrictEqual([code, asked], [0, "POST /v1/containers/gn%2Fmi/retry {}"])
      assert.include(out, "gnmidpu0 is tried at once")
      assert.include(out, "dash-hadpu0 was not waiting")
    }))

  it.effect("asks for all", () =>
    Effect.gen(function*() {
      const { asked, out } = yield* run({ all: true, output: "json" })
      assert.strictEqual(asked, "POST /v1/retry {}")
      assert.deepStrictEqual(JSON.parse(out).waited, [])
    }))

  it.effect("wants to be told which, and only once", () =>
    Effect.gen(function*() {
      for (const options of [{}, { container: "gnmi", all: true }]) {
        const { asked, code, err } = yield* run(options)
        assert.deepStrictEqual([code, asked], [2, ""])
        assert.include(err, "--all")
      }
    }))
})
