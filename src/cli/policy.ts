/** `offloadctl policy`: the numbers that the daemon decides by, and the time line of retries that they make. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import { PolicyView, policyView } from "../control/policy-view.ts"
import { format } from "../policy/duration-text.ts"
import type { Rung } from "../policy/explain.ts"
import { defaults } from "../policy/policy.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { table } from "./table.ts"
import { understood } from "./understood.ts"

export interface PolicyOptions {
  /** The built-in policy, which needs no daemon. */
  readonly defaults: boolean
  readonly output: Format
}

export const policy = Effect.fn("policy")(function*(options: PolicyOptions) {
  const view = options.defaults ? policyView(defaults) : yield* active
  const encoded = encode(view)
  if (options.output === "json") yield* printJson(encoded)
  else yield* print(renderPolicy(view, encoded.policy, (yield* Screen).colour))
  return ExitCode.done
})

const encode = Schema.encodeSync(PolicyView)

const active = Effect.flatMap(ControlClient, (client) => understood(PolicyView, "policy")(client.policy))

const renderPolicy = (view: PolicyView, written: unknown, colour: boolean): string =>
  [
    "Calls to the NPU",
    table(
      [
        { title: "Call" },
        { title: "Deadline", right: true },
        { title: "Tries", right: true },
        { title: "Answer Within", right: true },
        { title: "Tried Again After" },
        { title: "Read Back After" }
      ],
      view.calls.map((call) =>
        [
          call.method,
          format(call.deadline),
          String(call.tries),
          call.longest === null ? "N/A" : format(call.longest),
          call.retried.join(", ") || "N/A",
          call.readBack.join(", ") || "N/A"
        ].map((text) => ({ text }))
      ),
      colour
    ),
    ...([
      ["Restarts of a container that fails", view.ladders.restart],
      ["Transfers of an image that fail", view.ladders.transfer],
      ["Logs followed again that broke off", view.ladders.hints]
    ] as const).flatMap(([title, rungs]) => ["", title, ladderTable(rungs, colour)]),
    "",
    "All values, as a policy file writes them",
    ...flatten(written, "").filter(([name]) => !name.includes(".on.")).map(([name, value]) => `  ${name}  ${value}`)
  ].join("\n")

const ladderTable = (rungs: ReadonlyArray<Rung>, colour: boolean): string =>
  table(
    [
      { title: "Failures", right: true },
      { title: "Wait", right: true },
      { title: "With Jitter", right: true },
      { title: "Since The First", right: true }
    ],
    rungs.map((rung, index) =>
      [
        `${index + 1}${index === rungs.length - 1 ? " and more" : ""}`,
        rung.wait === 0 ? "none" : format(rung.wait),
        rung.wait === 0 ? "none" : `${format(rung.shortest)} to ${format(rung.longest)}`,
        format(rung.after)
      ].map((text) => ({ text }))
    ),
    colour
  )

const flatten = (value: unknown, path: string): ReadonlyArray<readonly [string, string]> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === "" ? key : `${path}.${key}`))
    : [[path, String(value)]]
