/**
 * Branches of src/decide that no simulation takes, and why. A branch is named by
 * its file and how its text begins, by its arm where that is not enough, and by a
 * part of the source's line where it begins. Who finds that one is taken after
 * all takes it off the list: the run says so.
 */
const groups = [
  {
    reason: "The catalogue of a DPU does not change in a run, so that nothing is ever about a service that it lacks.",
    branches: [
      { file: "probe.ts", arm: "if", text: "spec === undefined" },
      { file: "upgrade/clock.ts", arm: "?", text: "undefined", line: "spec === undefined ? undefined" },
      { file: "upgrade/count.ts", arm: "??", text: "[]", line: "specOf(memory, member)" },
      { file: "upgrade/stage.ts", arm: "?", text: "undefined", line: "spec === undefined ? undefined" }
    ]
  },
  {
    reason: "An action and a transfer end once, and in the life of the daemon that began them.",
    branches: [
      { file: "audit.ts", arm: "if", text: "inFlight?.operation !== input.operation" },
      { file: "audit.ts", arm: "if", text: "transfer?.operation !== input.operation" },
      { file: "outcome.ts", arm: "if", text: "spec === undefined || inFlight === undefined" },
      { file: "outcome.ts", arm: "if", text: "transfer === undefined || transfer.operation" },
      { file: "upgrade/prune.ts", arm: "if", text: "turn.memory.upgrade.pruning !== image" }
    ]
  },
  {
    reason: "A daemon is configured once, before it can be asked anything; then every condition has its moment.",
    branches: [
      { file: "step.ts", arm: ":", text: "turn.memory.life" },
      { file: "conditions.ts", arm: "??", text: "now", line: "standings?.[type]?.since ?? now" },
      { file: "conditions.ts", arm: "??", text: "now", line: "standings?.Upgrading.since ?? now" },
      { file: "conditions.ts", arm: "??", text: "now", line: "standings?.Degraded.since ?? now" }
    ]
  },
  {
    reason: "What is unreachable always has its reason.",
    branches: [
      { file: "conditions.ts", arm: "??", text: "\"no answer\"" },
      { file: "verdict.ts", arm: "??", text: "\"it does not answer\"" }
    ]
  },
  {
    reason: "Whatever makes a container wait for its start, or counts against it, has written down why.",
    branches: [
      { file: "conditions.ts", arm: "??", text: "\"it stopped\"" },
      { file: "verdict.ts", arm: "??", text: "\"it stopped\"" },
      { file: "upgrade/advance.ts", arm: "?", text: "\"\"", line: "lastReason === null ? \"\"" }
    ]
  },
  {
    reason: "The prober gives a reason with every answer but a good one.",
    branches: [
      { file: "probe.ts", arm: "??", text: "\"it gave a wrong answer\"" },
      { file: "probe.ts", arm: "??", text: "\"it did not answer\"" },
      { file: "probe.ts", arm: "??", text: "\"no answer\"" },
      { file: "owe.ts", arm: "??", text: "\"no answer\"" }
    ]
  },
  {
    reason: "The decoder names at least one fault of what it does not take.",
    branches: [{ file: "durable.ts", arm: "?", text: "\"it cannot be read\"" }]
  },
  {
    reason: "A catalogue in which a service comes after one that is not there is refused.",
    branches: [{ file: "question.ts", arm: "if", text: "dependency === undefined" }]
  },
  {
    reason: "The client tells what the NPU's server speaks when that changes, and only then.",
    branches: [{ file: "capable.ts", arm: "if", text: "sameSpeech(before, speech)" }]
  },
  {
    reason: "Every look asks for all services of the catalogue, and the client answers for each.",
    branches: [{
      file: "observe.ts",
      arm: "??",
      text: "{ _tag: \"Unknown\", reason: \"the look did not include it\" }"
    }]
  },
  {
    reason: "The simulated engine gives every container an id.",
    branches: [{ file: "observe.ts", arm: "?", text: "null", line: "sighting.id === \"\"" }]
  },
  {
    reason: "What was seen to run has a moment since when, until it is seen not to.",
    branches: [
      { file: "contest.ts", arm: "?", text: "Number.POSITIVE_INFINITY" },
      { file: "question.ts", arm: "??", text: "since?.mono" },
      { file: "question.ts", arm: "??", text: "badSince" }
    ]
  },
  {
    reason: "Once a look has come, the NPU is known to answer.",
    branches: [{ file: "upgrade/prune.ts", arm: "if", text: "npu.reachable !== true" }]
  },
  {
    reason: "A start in flight has its image.",
    branches: [{ file: "outcome.ts", arm: "?", text: "record.startedVersion" }]
  },
  {
    reason: "The daemon tells the step every row of a list of images.",
    branches: [{ file: "outcome.ts", arm: "??", text: "[]", line: "input.rows ?? []" }]
  },
  {
    reason: "Of a wrong version is only what runs and was assigned another.",
    branches: [
      { file: "owe.ts", arm: ":", text: "\"another version\"" },
      { file: "owe.ts", arm: "?", text: "\"the DPU's version\"" }
    ]
  },
  {
    reason: "Once the last member has passed, the set goes on probation in the same turn.",
    branches: [{ file: "upgrade/explain.ts", arm: "?", text: "`${saga.id}: every service is switched`" }]
  },
  {
    reason: "What was on probation was assigned an image.",
    branches: [{ file: "upgrade/end.ts", arm: "??", text: "[]", line: "assigned ?? []" }]
  },
  {
    reason: "Only a service that was assigned an image becomes a member of an upgrade, and is turned only to an image.",
    branches: [
      { file: "upgrade/members.ts", arm: "?", text: "null", line: "assigned === undefined ? null" },
      { file: "upgrade/switch.ts", arm: "if", text: "spec === undefined || image === undefined" },
      { file: "upgrade/switch.ts", arm: "?", text: "\"nothing\"" },
      { file: "upgrade/switch.ts", arm: "?", text: "\"\"", line: "before === undefined" }
    ]
  },
  {
    reason: "Only a rollback that an operator ordered has no failure of its own, and all its members have a way back.",
    branches: [
      { file: "upgrade/end.ts", arm: "??", text: "\"it was rolled back\"", line: "fates.join" }
    ]
  },
  {
    reason: "What is missing and is not sent at once waits for the pace that its last failure set.",
    branches: [
      { file: "upgrade/stage.ts", arm: "??", text: "\"it failed\"" },
      { file: "upgrade/stage.ts", arm: "??", text: "Number.POSITIVE_INFINITY" }
    ]
  },
  {
    reason: "Branches are counted with one DPU on the NPU: what another may have to go back to comes with several.",
    branches: [
      { file: "upgrade/prune.ts", arm: "function", text: "({ before }: Runner" },
      { file: "upgrade/prune.ts", arm: "function", text: "({ ranFor }) =>", line: "before.slice(" },
      { file: "upgrade/prune.ts", arm: "function", text: "({ image }) =>", line: "before.slice(" },
      { file: "upgrade/prune.ts", arm: "||", text: "!waysBack(runner" },
      { file: "upgrade/prune.ts", arm: "function", text: "(name) =>", line: "waysBack(runner" }
    ]
  },
  {
    reason: "Memory of the release before tells of no other DPU, and of no upgrade under way.",
    branches: [
      { file: "upgrade/record.ts", arm: "function", text: "() =>", line: "      { default: () => [] }" },
      { file: "upgrade/record.ts", arm: "function", text: "() =>", line: "    beside: " }
    ]
  }
]

export const unreached = groups.flatMap(({ branches, reason }) => branches.map((branch) => ({ ...branch, reason })))
