/** What the NPU's server answers: whether it lets us in, what it speaks and lacks, how its clock stands. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

import type { Finding } from "../../src/cli/doctor.ts"
import { deedsOf, type Speech } from "../../src/model/speech.ts"
import type { NpuService } from "../../src/npu/npu.ts"
import type { WireService } from "../../src/npu/wire.ts"
import { failure, notChecked, ok, warning } from "./finding.ts"

const patience = Duration.seconds(5)

/** Any answer but a denial says that we are let in. */
export const authentication = (wire: WireService): Effect.Effect<Finding> => {
  const check = "authentication"
  return Effect.match(wire.unary("Time", {}, patience), {
    onSuccess: () => ok(check, "the NPU answers calls of this DPU"),
    onFailure: ({ code, details, origin }) =>
      origin === "local"
        ? failure(check, `no call comes through (${details || code})`, "see whether the server hangs; restart it")
        : code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED"
        ? failure(
          check,
          `the NPU does not let this DPU in (${code}${details === "" ? "" : `: ${details}`})`,
          "give what it asks for: a certificate that it knows (--tls-cert, --tls-key; GNMI_CLIENT_CERT on the NPU) "
            + "or --credentials"
        )
        : ok(check, "the NPU answers calls of this DPU")
  })
}

/** Looks until what the server speaks is known. */
export const dialect = (npu: NpuService): Effect.Effect<{ readonly finding: Finding; readonly speech?: Speech }> => {
  const check = "dialect"
  const learnt = Stream.merge(
    npu.speech,
    Stream.drain(Stream.repeatEffect(Effect.delay(npu.look([]), 50)))
  ).pipe(Stream.runHead, Effect.map(Option.getOrThrow))
  return Effect.raceFirst(learnt, npu.attend).pipe(
    Effect.timeoutOption(patience),
    Effect.map(Option.match({
      onNone: () => ({
        finding: failure(
          check,
          "what the NPU's server speaks could not be found out: it does not answer questions of that kind",
          "see the server's log on the NPU"
        )
      }),
      onSome: (speech) => ({ speech, finding: findingOf(check, speech) })
    }))
  )
}

const findingOf = (check: string, { by, dialect, missing }: Speech): Finding => {
  if (dialect === "none") {
    return failure(
      check,
      "the NPU's server has no gNOI Containerz",
      "install a SONiC image on the NPU whose server has it"
    )
  }
  const known = `Containerz as of the ${dialect} dialect, known by its ${by}`
  if (missing.length === 0) return ok(check, `${known}; nothing that is needed is known to be missing`)
  if (missing.every((capability) => capability === "logs")) {
    return warning(
      check,
      `${known}; it cannot send logs`,
      "offloadd does without; the last words of a container are lost"
    )
  }
  return failure(
    check,
    `${known}; it cannot ${deedsOf(missing)}`,
    `a newer gNOI server on the NPU${
      missing.includes("deploy") ? "; to bring images to this one, offloadd needs --remote-source" : ""
    }`
  )
}

/** Milliseconds of difference that certificates and logs can live with, and that they cannot. */
const tolerable = 2000
const intolerable = 60_000

export const clock = (wire: WireService): Effect.Effect<Finding> =>
  Effect.gen(function*() {
    const check = "clock"
    const before = yield* Clock.currentTimeMillis
    const answer = yield* Effect.either(wire.unary("Time", {}, patience))
    const after = yield* Clock.currentTimeMillis
    if (Either.isLeft(answer)) return notChecked(check, `the NPU does not tell its time (${answer.left.code})`)
    const difference = Number(answer.right.time) / 1e6 - (before + after) / 2
    if (!Number.isFinite(difference)) return notChecked(check, "the NPU's time makes no sense")
    const size = Math.max(0, Math.abs(difference) - (after - before) / 2)
    const words = size === 0
      ? "the NPU's clock and this one agree"
      : `the NPU's clock is ${(size / 1000).toFixed(1)} s ${difference > 0 ? "ahead of" : "behind"} this one`
    if (size <= tolerable) return ok(check, words)
    const cure = "set both clocks: chronyc tracking, on the DPU and on the NPU"
    return size <= intolerable
      ? warning(check, words, cure)
      : failure(check, `${words}: certificates may count as expired or not yet valid`, cure)
  })

/** The wire has no call that tells it. */
export const room = notChecked(
  "room on the NPU",
  "gNOI Containerz does not tell it; an image that does not fit is refused before anything is stopped"
)
