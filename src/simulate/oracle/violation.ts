/** What must hold, by name, and how a breach of it is told. */

/** Name → what it demands, a sentence. */
export const invariants = {
  EvidenceFirst:
    "A container is started, removed or stopped only on clear and fresh evidence; nothing is done on Unknown.",
  CauseForStop: "A running container is stopped only for its operator, for lasting ill health, or for its version.",
  OwnContainersOnly: "Only containers of this DPU's catalogue are touched.",
  NeverForced: "Leftovers are removed without force.",
  OneActionAtATime: "There are never two calls in flight that change one container.",
  StoppedStaysStopped: "What an operator stopped is not started until an operator says so.",
  LadderKept: "No restart comes faster than the ladder allows.",
  DependencyAnswers: "A service starts only while those before it run and answer.",
  StaggerKept: "After a reboot of the NPU each DPU waits its turn.",
  RebootSeen: "A reboot of the NPU is concluded only from what reboots look like.",
  RightImage: "What is started is the service's own image, in a version that the DPU has had.",
  OutageNotCharged: "The ladder is climbed only on evidence, never for an NPU that does not answer.",
  DurableFirst: "What an action or an answer relies on is durable before it.",
  IntentKept: "A confirmed intent stands in memory, whatever happens.",
  MemoryLoads: "What is on the disk can always be loaded.",
  LooksInTurn: "Looks never pile up, and never cease.",
  HintsHeeded: "The end of an action, a lost connection or an intent is followed by a look at once.",
  NoDefect: "The program never fails inside.",
  Converges: "Once faults end, what shall run runs and answers within 180 s, and what shall not does not.",
  StaysQuiet: "What runs and answers is left alone.",
  GateKept:
    "An upgrade goes on from a service, forward or back, only once it ran and answered for as long as its gate.",
  ProbationServed: "A set is committed only once all of it was observed to run for as long as its probation.",
  WayBackHeld: "What is stopped for a switch has its way back, and its new image, on the NPU.",
  NeededImagesKept:
    "No image is removed that a container is made from, or that is a DPU's present set, its way back, or its target.",
  SetsUnmixed: "When no upgrade is under way, all services are of one version, or Degraded says why not.",
  QuarantineKept: "A set that failed is put into quarantine, and is not begun again by itself.",
  UpgradesOneWay: "An upgrade goes forward or back, and never forward again: it ends.",
  UnaffectedLeftAlone: "An upgrade changes what is of another version, and nothing else changes what a service runs."
} as const

export type Invariant = keyof typeof invariants

/** Tells of a breach. */
export type Report = (invariant: Invariant, container: string, message: string) => void

export interface Violation {
  readonly invariant: Invariant
  /** Simulated milliseconds. */
  readonly at: number
  readonly dpu: number
  readonly container: string | undefined
  /** A sentence: what was done, and what stood against it. */
  readonly message: string
}
