/** Faults of the certificates, replaced in their files while everything runs. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import { valid, type Validity } from "../../../layers/lab/certificates.ts"
import { ProcessError } from "../../../layers/lab/process.ts"
import { type Fault, over } from "../fault.ts"
import type { SmartSwitch } from "../switch.ts"

export const certificatesRotated: Fault = {
  summary: "every certificate of NPU and DPUs is replaced by a new one, and then all connections break",
  on: "switch",
  inject: (lab) => Effect.as(Effect.zipRight(reissue(lab, valid, /renewed/), lab.npu.administer("cut")), over),
  tells: "CertificateRenewed"
}

export const certificatesExpired: Fault = {
  summary:
    "every certificate of NPU and DPUs is replaced by one that expired yesterday, and then all connections break",
  on: "switch",
  inject: (lab) =>
    Effect.as(
      reissue(lab, { from: -3, until: -1 }, /expired/),
      // Those before are in use still, or no connection could be made now.
      Effect.zipRight(lab.npu.administer("cut"), reissue(lab, valid, /renewed/))
    ),
  tells: "CertificateExpired",
  tellsEnd: "CertificateRenewed"
}

/** Done when npu-sim has said what it makes of its own; what the daemons make of theirs is looked at elsewhere. */
const reissue = (
  { authority, dpus, npu }: SmartSwitch,
  validity: Validity,
  says: RegExp
): Effect.Effect<void, ProcessError> =>
  Effect.gen(function*() {
    const said = () => npu.server.log().split("\n").filter((line) => says.test(line)).length
    const before = said()
    yield* Effect.forEach(
      [{ name: "npu", address: npu.address }, ...dpus],
      ({ address, name }) => authority.issue(name, address, validity),
      { discard: true }
    )
    yield* Effect.sync(said).pipe(
      Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (count) => count > before }),
      Effect.timeoutFail({
        duration: "60 seconds",
        onTimeout: () => new ProcessError({ message: `npu-sim has not said ${says} of its certificate within 60 s` })
      })
    )
  })
