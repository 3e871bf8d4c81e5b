/** All faults, by the names that an operator of the lab gives. */
import type { Fault } from "./fault.ts"
import { certificatesExpired, certificatesRotated } from "./faults/certificates.ts"
import { clockAhead, clockBehind, clockPastCertificates, daemonKill, diskFull, upgrade } from "./faults/dpu.ts"
import { answersLost, blackHole, cableCut, garbage, portRefused, requestsLost, resetStorm } from "./faults/network.ts"
import { containerKill, npuPowerCycle, npuRestart } from "./faults/npu.ts"

export const faults = {
  "cable-cut": cableCut,
  "black-hole": blackHole,
  "answers-lost": answersLost,
  "requests-lost": requestsLost,
  "port-refused": portRefused,
  "reset-storm": resetStorm,
  garbage,
  "npu-restart": npuRestart,
  "npu-power-cycle": npuPowerCycle,
  "container-kill": containerKill,
  "daemon-kill": daemonKill,
  "disk-full": diskFull,
  "clock-ahead": clockAhead,
  "clock-behind": clockBehind,
  "clock-past-certificates": clockPastCertificates,
  "certificates-rotated": certificatesRotated,
  "certificates-expired": certificatesExpired,
  upgrade
} as const satisfies Readonly<Record<string, Fault>>

export type FaultName = keyof typeof faults
