/** Checks at the removal of an image: nobody on the NPU may need it. */
import type { Durable } from "../../decide/durable.ts"
import { same, split } from "../../model/image.ts"
import type { Policy } from "../../policy/policy.ts"
import type { Call, Entry } from "../trace.ts"
import type { DpuJournal } from "./journal.ts"
import type { Report } from "./violation.ts"

/** A container that nobody has seen for so many times `pruneAge` is gone for good. */
const forgotten = 7

interface Presence {
  readonly image: string
  /** Since when it is on the NPU, or since when it no longer is. */
  readonly since: number
  readonly gone: boolean
}

/** What is on the NPU, running or not, and what was. */
export class Containers {
  private readonly known = new Map<string, Presence & { readonly id: string }>()

  see({ at, container, id, image, what }: Extract<Entry, { _tag: "Engine" }>): void {
    if (what === "Started") this.known.set(container, { image, id, since: at, gone: false })
    else if (what === "Removed" && this.known.get(container)?.id === id) {
      this.known.set(container, { image, id, since: at, gone: true })
    }
  }

  /** Whether a container that could be seen then holds the image. */
  userOf(image: string, since: number): string | undefined {
    for (const [name, { gone, image: held, since: from }] of this.known) {
      if (!gone && from < since && same(split(held), split(image))) return name
    }
    return undefined
  }

  /** Whether it is on the NPU, or was until not so long ago that it must count as gone for good. */
  counts(name: string, now: number, { upgrade }: Policy): boolean {
    const presence = this.known.get(name)
    return presence !== undefined && (!presence.gone || now - presence.since < forgotten * upgrade.pruneAge)
  }
}

export const removing = (
  journal: DpuJournal,
  dpus: ReadonlyArray<DpuJournal>,
  call: Call,
  containers: Containers,
  policy: Policy,
  report: Report
): void => {
  const { image } = call
  const user = containers.userOf(image, journal.decidedSince(call.begun))
  if (user !== undefined) report("NeededImagesKept", user, `${image} is to be removed, and ${user} is made from it`)
  if (call.force) report("NeverForced", "", `${image} is to be removed by force`)
  for (const other of dpus) {
    const { memory } = other
    const needed = memory === undefined
      ? []
      : other === journal
      ? [...held(memory), ...wanted(journal, memory)]
      // Nobody sees a DPU that has nothing on the NPU, nor where another is about to go.
      : held(memory).filter(({ container }) => containers.counts(container, call.begun, policy))
    const need = needed.find((one) => same(split(one.image), split(image)))
    if (need !== undefined) {
      report("NeededImagesKept", need.container, `${image} is to be removed, and is ${need.why} of dpu${other.dpu}`)
    }
  }
}

interface Need {
  readonly container: string
  readonly image: string
  /** Reads on as "… of dpu3". */
  readonly why: string
}

/** What a DPU runs, and what it may go back to. */
const held = ({ containers, previousSet, upgrade }: Durable): ReadonlyArray<Need> => [
  ...Object.entries(containers).flatMap(([container, { assigned, owned }]) => {
    const isNew = upgrade?.members.some((member) => member.container === container && member.target === assigned)
    return assigned === null || !owned || isNew === true ? [] : [{ container, image: assigned, why: "the present set" }]
  }),
  ...Object.entries(previousSet ?? {}).map(([container, image]) => ({ container, image, why: "the set before" })),
  ...(upgrade?.members ?? []).flatMap(({ container, previous }) =>
    previous === null ? [] : [{ container, image: previous.image, why: "the way back" }]
  )
]

/** Where it is to go, by its version, by an order, or once an operator says so. */
const wanted = ({ containers }: DpuJournal, memory: Durable): ReadonlyArray<Need> => [
  ...(memory.upgrade?.members ?? []).map(({ container, target }) => ({ container, image: target, why: "the target" })),
  ...[memory.ordered ?? memory.dpuVersion, memory.staged].flatMap((version) =>
    version === null
      ? []
      : [...containers.values()].map(({ spec }) => ({
        container: spec.name,
        image: `${spec.repository}:${version}`,
        why: "wanted"
      }))
  )
]
