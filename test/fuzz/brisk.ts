/** A policy for peers that keep silent: deadlines so short that their silence costs little. */
import { defaults, type Policy } from "../../src/policy/policy.ts"

/** Milliseconds. */
export const deadline = 50

const { rpc } = defaults
const pace = { base: 5, factor: 2, cap: 20, jitter: 0.2, payback: 12_000 }

export const brisk: Policy = {
  ...defaults,
  rpc: {
    ...rpc,
    ListContainer: { ...rpc.ListContainer, deadline, backoff: 1 },
    ListImage: { ...rpc.ListImage, deadline, backoff: 1 },
    StartContainer: { ...rpc.StartContainer, deadline },
    StopContainer: { ...rpc.StopContainer, deadline },
    RemoveContainer: { ...rpc.RemoveContainer, deadline },
    Deploy: { ...rpc.Deploy, idle: deadline, load: deadline }
  },
  monitoring: { ...defaults.monitoring, period: 2 },
  hints: { ...defaults.hints, ...pace },
  restart: pace,
  transfer: pace,
  // One death of a fiber is one too many.
  supervision: { ...defaults.supervision, restarts: 0 }
}
