/** The control API's upgrades: orders into the loop, the plan from memory, the NPU's images from the NPU. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { api } from "../control/api.ts"
import { BadRequest, Declined, NotRecorded, NpuUnreachable } from "../control/problems.ts"
import type { OrderTaken, UpgradeRequest } from "../control/upgrade-views.ts"
import { apiVersion } from "../control/views.ts"
import type { Command } from "../decide/input.ts"
import { bothClocks } from "../model/monotonic.ts"
import { normalise } from "../model/version.ts"
import { Npu } from "../npu/npu.ts"
import { actorOf } from "./actor.ts"
import { askNpu } from "./ask-npu.ts"
import { Decider } from "./decider.ts"
import { NextVersion } from "./next-version.ts"
import { imagesView, upgradeView } from "./upgrade-view.ts"

export const upgrades = HttpApiBuilder.group(api, "upgrades", (handlers) =>
  handlers
    .handle("plan", () =>
      Effect.gen(function*() {
        const memory = yield* (yield* Decider).memory
        return upgradeView(memory, (yield* Npu).endpoint, yield* bothClocks)
      }))
    .handle("upgrade", ({ payload, request }) =>
      Effect.gen(function*() {
        const version = yield* versionOf(payload)
        return yield* order({ _tag: "Upgrade", version, stageOnly: payload.stageOnly === true }, actorOf(request))
      }))
    .handle("rollback", ({ request }) => order({ _tag: "Rollback" }, actorOf(request)))
    .handle("release", ({ payload, request }) => order({ _tag: "Release", subject: payload.subject }, actorOf(request)))
    .handle("pause", ({ request }) => order({ _tag: "Pause", paused: true }, actorOf(request)))
    .handle("resume", ({ request }) => order({ _tag: "Pause", paused: false }, actorOf(request)))
    .handle("images", () =>
      Effect.gen(function*() {
        const memory = yield* (yield* Decider).memory
        const { images } = yield* Npu
        const rows = yield* askNpu(
          "ListImage",
          Effect.mapError(
            images,
            ({ class: kind, reason: message }) =>
              kind === "Unreachable" || kind === "TimedOut"
                ? new NpuUnreachable({ message })
                : new Declined({ message })
          )
        )
        return imagesView(memory, rows)
      })))

/** As given, or with `stageOnly` the one that the DPU boots next. */
const versionOf = Effect.fnUntraced(function*({ stageOnly, version }: UpgradeRequest) {
  if (version !== undefined) {
    return yield* Either.match(normalise(version), {
      onLeft: ({ reason }) => Effect.fail(new BadRequest({ message: reason })),
      onRight: Effect.succeed
    })
  }
  if (stageOnly !== true) return undefined
  return yield* Either.match(yield* yield* NextVersion, {
    onLeft: (message) => Effect.fail(new Declined({ message })),
    onRight: Effect.succeed
  })
})

const order = Effect.fn("Control.order")(function*(command: Command, actor: string) {
  const reply = yield* (yield* Decider).command(command, actor)
  if (reply._tag === "Taken") {
    const { message, saga = null, version } = reply
    return { apiVersion, upgrade: saga, version, message } satisfies OrderTaken
  }
  const message = "reason" in reply ? reply.reason : "the daemon took it for something else"
  return yield* reply._tag === "Declined" ? new Declined({ message }) : new NotRecorded({ message })
})
