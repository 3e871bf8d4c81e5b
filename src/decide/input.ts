/** What goes into the step function and what comes out of it. */
import type { ContainerSpec, DpuNumber } from "../model/catalogue.ts"
import type { EventBody, Sent } from "../model/event.ts"
import type { ImageRef, StoredImage } from "../model/image.ts"
import type { Look } from "../model/look.ts"
import type { Room } from "../model/room.ts"
import type { Speech } from "../model/speech.ts"
import type { SonicVersion } from "../model/version.ts"
import type { Policy } from "../policy/policy.ts"
import type { ContainerAction, Memory, Moment } from "./memory.ts"

/** How a mutating call ended, as far as the step needs to know. */
export type Outcome =
  | { readonly _tag: "Done" }
  /** It may or may not have taken effect: the next look tells. */
  | { readonly _tag: "Ambiguous"; readonly reason: string; readonly unreachable: boolean }
  | {
    readonly _tag: "Refused"
    readonly kind: "NotFound" | "Conflict" | "NoRoom" | "Unsupported" | "Other"
    readonly reason: string
  }

/** How a transfer ended. */
export type TransferOutcome =
  /** `configDigest`: of the archive that was sent, as `sha256:…`. */
  | { readonly _tag: "Deployed"; readonly image: string; readonly configDigest: string }
  /** The NPU says so, and offers nothing that would prove it. */
  | { readonly _tag: "Unproven"; readonly image: string; readonly reason: string }
  /** Nothing was sent: the archive is missing or unfit. */
  | { readonly _tag: "Rejected"; readonly reason: string }
  | {
    readonly _tag: "Failed"
    readonly reason: string
    readonly unreachable: boolean
    /** Where the NPU had no room: who holds it, of which the reason names the largest. */
    readonly room?: Room
  }
  | { readonly _tag: "Cancelled"; readonly reason: string }

/** What an operator asks for. `id` pairs the reply with the request. */
export type Command =
  | { readonly _tag: "SetDesired"; readonly container: string; readonly desired: "running" | "stopped" }
  | { readonly _tag: "Deploy"; readonly subject: DeploySubject }
  /** Whatever these wait for by the clock, they shall not wait for it any longer. */
  | { readonly _tag: "Retry"; readonly containers: ReadonlyArray<string> }
  /** To a version, or to the DPU's; `stageOnly` brings the images alone. */
  | { readonly _tag: "Upgrade"; readonly version: string | undefined; readonly stageOnly: boolean }
  | { readonly _tag: "Rollback" }
  /** Ends a quarantine: of a version, `name:tag`, or digest. */
  | { readonly _tag: "Release"; readonly subject: string }
  /** Automatic upgrades only. */
  | { readonly _tag: "Pause"; readonly paused: boolean }

/** A transfer's subject: an image to be found in the images folder, or one archive. */
export type DeploySubject =
  | { readonly _tag: "Image"; readonly image: ImageRef }
  | { readonly _tag: "Path"; readonly path: string }

export type Input =
  /** First of all inputs, and again when catalogue or policy change. */
  | {
    readonly _tag: "Configured"
    readonly dpu: DpuNumber
    readonly specs: ReadonlyArray<ContainerSpec>
    readonly policy: Policy
  }
  | { readonly _tag: "VersionRead"; readonly version: SonicVersion }
  | { readonly _tag: "VersionUnreadable"; readonly reason: string }
  | { readonly _tag: "Looked"; readonly look: Look }
  | {
    readonly _tag: "Probed"
    readonly container: string
    readonly begun: number
    readonly ended: number
    readonly result: "Healthy" | "Unhealthy" | "Unknown"
    readonly reason: string | undefined
  }
  | { readonly _tag: "ConnectionLost"; readonly reason: string }
  /** What the NPU's server turned out to speak. */
  | { readonly _tag: "Spoken"; readonly speech: Speech }
  | {
    readonly _tag: "ImagesListed"
    readonly held: ReadonlyArray<string>
    readonly asked: ReadonlyArray<string>
    /** Every image of the catalogue's repositories that the NPU holds. */
    readonly rows?: ReadonlyArray<StoredImage>
  }
  | { readonly _tag: "ImagesNotListed"; readonly reason: string }
  | {
    readonly _tag: "Acted"
    readonly container: string
    readonly action: ContainerAction
    readonly operation: string
    readonly outcome: Outcome
  }
  /** `sent`: what was found to send, and how much of it went; absent where nothing was found. */
  | {
    readonly _tag: "Transferred"
    readonly operation: string
    readonly outcome: TransferOutcome
    readonly sent?: Sent
  }
  /** `actor`: who asks, as far as that is known. */
  | { readonly _tag: "ImageRemoved"; readonly image: string; readonly operation: string; readonly outcome: Outcome }
  /** What the DPU has of the archives that were to be kept, and why not the others. */
  | {
    readonly _tag: "ArchivesKept"
    readonly operation: string
    readonly kept: ReadonlyArray<string>
    readonly notKept: ReadonlyArray<{ readonly image: string; readonly reason: string }>
  }
  | { readonly _tag: "Commanded"; readonly id: number; readonly command: Command; readonly actor?: string }
  /** A moment asked for by `wakeAt` has come. */
  | { readonly _tag: "Woke" }

/** What the daemon is to do. A mutating call is made once for each. */
export type Action =
  | {
    readonly _tag: "Start"
    readonly operation: string
    readonly container: string
    readonly spec: ContainerSpec
    readonly image: ImageRef
  }
  | { readonly _tag: "Stop"; readonly operation: string; readonly container: string; readonly force: boolean }
  /** `instance` is the engine's id of the leftover. */
  | {
    readonly _tag: "Remove"
    readonly operation: string
    readonly container: string
    readonly instance: string
  }
  /** Never by force: the server itself refuses where a container uses it after all. */
  | { readonly _tag: "RemoveImage"; readonly operation: string; readonly image: ImageRef }
  | { readonly _tag: "ListImages"; readonly images: ReadonlyArray<ImageRef> }
  /** Copies archives into the state folder; what is there and is neither of these nor to be spared is removed. */
  | {
    readonly _tag: "KeepArchives"
    readonly operation: string
    readonly images: ReadonlyArray<ImageRef>
    readonly spare: ReadonlyArray<ImageRef>
  }
  /** `running`: what was seen to run on the NPU last, of which its architecture may be learnt. */
  | {
    readonly _tag: "Deploy"
    readonly operation: string
    readonly subject: DeploySubject
    readonly running: ReadonlyArray<RunningImage>
  }

export interface RunningImage {
  readonly container: string
  readonly image: ImageRef
}

/** The answer to a command. */
export type Reply =
  | { readonly _tag: "Recorded"; readonly at: number }
  | { readonly _tag: "Deploying"; readonly operation: string }
  /** `waited`: those of them that were waiting for a moment to come. */
  | { readonly _tag: "Retrying"; readonly waited: ReadonlyArray<string> }
  | { readonly _tag: "Busy"; readonly operation: string; readonly reason: string }
  | { readonly _tag: "NotRecorded"; readonly reason: string }
  /** `saga`: the id that the upgrade has or will have; undefined where none comes of it. */
  | { readonly _tag: "Taken"; readonly saga: string | undefined; readonly version: string; readonly message: string }
  /** It cannot be done as things stand. */
  | { readonly _tag: "Declined"; readonly reason: string }

/** What a step has besides memory and input. */
export interface Circumstances extends Moment {
  /** Why memory cannot be saved now, or undefined where it can. */
  readonly unsavable: string | undefined
}

export interface Output {
  readonly memory: Memory
  readonly actions: ReadonlyArray<Action>
  readonly events: ReadonlyArray<EventBody>
  readonly replies: ReadonlyArray<{ readonly id: number; readonly reply: Reply }>
  /** Whether a look is wanted earlier than its period says. */
  readonly look: boolean
  /** When time alone will change the decision; mono, undefined for never. */
  readonly wakeAt: number | undefined
}
