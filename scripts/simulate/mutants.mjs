/**
 * Faults planted in the daemon, each a small patch that simulation must catch:
 * the proof that the invariants see. `expects` is the invariant that is meant to
 * fire; another that fires first is as good a catch, and the table says which.
 * Those marked `quick` are planted in CI, all of them by `npm run mutants`.
 */
const decide = (file) => `src/decide/${file}.ts`

export const mutants = [
  {
    name: "treats Unknown as Absent",
    expects: "EvidenceFirst",
    file: decide("observe"),
    find: "see(turn, spec, { _tag: \"Unknown\", reason })",
    replace: "see(turn, spec, { _tag: \"Absent\" })"
  },
  {
    name: "takes an unclear state for a leftover",
    expects: "EvidenceFirst",
    file: "src/npu/look.ts",
    find: "return row === undefined",
    replace: "return row === undefined || row.status !== \"RUNNING\""
  },
  {
    name: "believes one list that a container is gone",
    quick: true,
    expects: "EvidenceFirst",
    file: "src/npu/npu.ts",
    find: "if (first.missing.length > 0) seen =",
    replace: `seen = new Map([...seen, ...first.missing.map((name) => [name, { _tag: "Absent" }])])
    if (first.missing.length > 9) seen =`
  },
  {
    name: "takes a partial list for a whole one",
    expects: "EvidenceFirst",
    file: "src/npu/npu.ts",
    find: "Effect.tap(read(name, { all }, policy.rpc.ListContainer), () =>",
    replace:
      "Effect.tap(Effect.catchAll(read(name, { all }, policy.rpc.ListContainer), () => Effect.succeed([])), () =>"
  },
  {
    name: "acts on a look begun before its last action ended",
    expects: "EvidenceFirst",
    file: decide("observe"),
    find: "if (watched.inFlight !== undefined || look.begun < watched.lastActionEnd) return\n  const before",
    replace: "if (watched.inFlight !== undefined) return\n  const before",
    also: [{
      file: decide("observe"),
      find: "turn.setWatched(spec.name, { lookBegun: look.begun,",
      replace: "turn.setWatched(spec.name, { lookBegun: Math.max(look.begun, watched.lastActionEnd),"
    }]
  },
  {
    name: "repeats a call whose outcome is unknown without looking",
    expects: "EvidenceFirst",
    file: decide("question"),
    find: "watched.lookBegun !== undefined && watched.lookBegun >= watched.lastActionEnd",
    replace: "true"
  },
  {
    name: "goes on with what was last seen while the NPU cannot be reached",
    expects: "EvidenceFirst",
    file: decide("verdict"),
    find: "if (!npu.reachable) {",
    replace: "if (false as boolean) {",
    also: [{
      file: decide("observe"),
      find: "blind(turn, spec, \"the NPU cannot be reached\")",
      replace: "void blind"
    }, {
      file: decide("owe"),
      find: "|| turn.memory.npu.reachable !== true ||",
      replace: "||"
    }]
  },
  {
    name: "restarts what it finds running on its first day",
    quick: true,
    expects: "CauseForStop",
    file: decide("question"),
    find: "return isUnhealthy(memory, spec) ? \"Unhealthy\" : undefined",
    replace: "return isUnhealthy(memory, spec) || recordOf(memory, spec.name).restarts > 2 ? \"Unhealthy\" : undefined"
  },
  {
    name: "restarts at the first bad probes",
    expects: "CauseForStop",
    file: decide("question"),
    find: "const badLongEnough = badSince + (health.unhealthyForService[spec.service] ?? health.unhealthyFor)",
    replace: "const badLongEnough = badSince + 5000"
  },
  {
    name: "forgets the grace",
    expects: "CauseForStop",
    file: decide("question"),
    find: "return badUntil >= Math.max(badLongEnough, startedAt + health.grace)",
    replace: "return badUntil >= Math.max(badLongEnough, startedAt)"
  },
  {
    name: "blames a service for silence during an outage",
    expects: "CauseForStop",
    file: decide("observe"),
    find: "excuseProbe(turn, spec)",
    replace: "void excuseProbe"
  },
  {
    name: "drops healthy answers while the NPU is away",
    expects: "CauseForStop",
    file: decide("probe"),
    find: "sighting._tag === \"Running\" || (sighting._tag === \"Unknown\" && lastClear === \"Running\")",
    replace: "sighting._tag === \"Running\" && lastClear === \"Running\"",
    also: [{ file: decide("observe"), find: "excuseProbe(turn, spec)", replace: "void excuseProbe" }]
  },
  {
    name: "names a container after the service alone",
    expects: "OwnContainersOnly",
    file: "src/npu/npu.ts",
    find: "{ name, force: false }",
    replace: "{ name: name.replace(/[0-9]$/, \"\"), force: false }"
  },
  {
    name: "removes leftovers by force",
    quick: true,
    expects: "NeverForced",
    file: "src/npu/npu.ts",
    find: "{ name, force: false }",
    replace: "{ name, force: true }"
  },
  {
    name: "forgets what is in flight",
    expects: "OneActionAtATime",
    file: decide("verdict"),
    find: "if (watched.inFlight !== undefined) {",
    replace: "if (watched.inFlight !== undefined && mono - watched.inFlight.since < 2000) {",
    also: [{
      file: "src/daemon/dispatch.ts",
      find: "`container ${action.container}`,",
      replace: "`container ${action.operation}`,"
    }]
  },
  {
    name: "restarts a stopped intent",
    quick: true,
    expects: "StoppedStaysStopped",
    file: decide("verdict"),
    find: "if (record.desired === \"stopped\") return stoppedVerdict(memory, spec, mono)",
    replace:
      "if (record.desired === \"stopped\" && record.intentAt === \"\") return stoppedVerdict(memory, spec, mono)",
    also: [{
      file: decide("owe"),
      find: "if (record.desired === \"stopped\") {",
      replace: "if (record.desired === \"stopped\" && record.intentAt === \"\") {"
    }]
  },
  {
    name: "forgets intents when it starts",
    expects: "IntentKept",
    file: decide("step"),
    find: "for (const spec of input.specs) turn.setRecord(spec.name, {})",
    replace: "for (const spec of input.specs) turn.setRecord(spec.name, { desired: \"running\" })"
  },
  {
    name: "forgets the ladder",
    quick: true,
    expects: "LadderKept",
    file: decide("owe"),
    find: "level: climbing ? level + 1 : level,",
    replace: "level: 0,"
  },
  {
    name: "doubles the jitter",
    expects: "LadderKept",
    file: "src/policy/ladder.ts",
    find: "(1 + ladder.jitter * (2 * random - 1))",
    replace: "(1 + 2.5 * ladder.jitter * (2 * random - 1))"
  },
  {
    name: "pays a level back for each 20 s of running",
    expects: "LadderKept",
    file: "src/policy/ladder.ts",
    find: "Math.floor(Math.max(0, ranFor) / ladder.payback)",
    replace: "Math.floor(Math.max(0, ranFor) / 20_000)"
  },
  {
    name: "takes every crash after a broken link for a reboot",
    expects: "RebootSeen",
    file: decide("reboot"),
    find: "if (!(several && memory.npu.broke) && !vanished) return new Set()",
    replace: "if (!several && !vanished && gone.length === 0) return new Set()"
  },
  {
    name: "ignores the services before",
    quick: true,
    expects: "DependencyAnswers",
    file: decide("question"),
    find: "for (const service of spec.after) {\n    const dependency",
    replace: "for (const service of spec.after.slice(1)) {\n    const dependency"
  },
  {
    name: "ignores the DPU's turn after a reboot",
    expects: "StaggerKept",
    dpus: 3,
    file: decide("owe"),
    find: "? turn.memory.dpu * turn.memory.policy.outage.staggerPerDpu",
    replace: "? 0"
  },
  {
    name: "starts the version before the present one",
    expects: "RightImage",
    file: decide("question"),
    find:
      "return version === undefined || version === null ? undefined : { repository: spec.repository, tag: version }",
    replace:
      "return version === undefined || version === null ? undefined : { repository: spec.repository, tag: version === \"20260101.1\" ? \"20260101.2\" : version }"
  },
  {
    name: "charges attempts during an outage",
    expects: "OutageNotCharged",
    file: decide("observe"),
    find: "excuseProbe(turn, spec)",
    replace: "excuseProbe(turn, spec)\n    chargeFailure(turn, spec, reason)"
  },
  {
    name: "saves after acting",
    quick: true,
    expects: "DurableFirst",
    file: "src/daemon/decider.ts",
    find: `      const unsavable = yield* save(output, at.mono)
      // What cannot be made durable is decided again, by the rules for that case.
      if (unsavable !== undefined) output = step(memory, input, { ...at, unsavable })
      memory = output.memory`,
    replace: `      memory = output.memory
      const unsavable = undefined`,
    also: [{
      file: "src/daemon/decider.ts",
      find: "yield* setAlarm(output.wakeAt, at.mono)\n    })",
      replace: "yield* setAlarm(output.wakeAt, at.mono)\n      yield* save(output, at.mono)\n    })"
    }]
  },
  {
    name: "answers an operator although nothing was saved",
    expects: "DurableFirst",
    file: decide("command"),
    find: "if (unsavable !== undefined) {\n    return { _tag: \"NotRecorded\"",
    replace: "if (unsavable === \"\") {\n    return { _tag: \"NotRecorded\""
  },
  {
    name: "writes what it cannot read",
    expects: "MemoryLoads",
    file: decide("durable"),
    find: "JSON.stringify({ ...durable, format, mono }, null, 2)",
    replace:
      "JSON.stringify({ ...durable, format, mono: Object.values(durable.containers).some(({ restarts }) => restarts > 3) ? String(mono) : mono }, null, 2)"
  },
  {
    name: "lets looks pile up",
    expects: "LooksInTurn",
    file: "src/health/monitor.ts",
    find: `        const look = yield* npu.look(names, repositories)
        // The look goes out before the probes hear of it: what they find out is then folded after it.
        yield* tell({ _tag: "Looked", look })
        for (const subject of subjects) {
          yield* notify(subject, look)
          yield* keepOutput(subject, look)
        }`,
    replace: `        yield* Effect.fork(Effect.flatMap(npu.look(names, repositories), (look) =>
          Effect.zipRight(
            tell({ _tag: "Looked", look }),
            Effect.forEach(subjects, (subject) => notify(subject, look), { discard: true })
          )))`
  },
  {
    name: "drops a hint's look",
    expects: "HintsHeeded",
    file: "src/daemon/decider.ts",
    find: "if (output.look) yield* monitor.nudge",
    replace: "void monitor.nudge"
  },
  {
    name: "fails inside on an odd list",
    expects: "NoDefect",
    file: decide("observe"),
    find: "const listFailed = (turn: Turn, reason: string): void => {",
    replace:
      "const listFailed = (turn: Turn, reason: string): void => {\n  if (turn.memory.npu.broke) throw new Error(reason)"
  },
  {
    name: "gives up at the top of the ladder",
    expects: "Converges",
    file: decide("verdict"),
    find: "if (record.due.at > mono) {",
    replace: "if (record.due.at > mono || record.level > 8) {"
  },
  {
    name: "never asks again which images there are",
    expects: "Converges",
    file: decide("outcome"),
    find: "turn.setImages({ listing: false, listed: Number.NEGATIVE_INFINITY, nextListing: turn.now.mono + wait })",
    replace: "turn.setImages({ listed: Number.NEGATIVE_INFINITY, nextListing: turn.now.mono + wait })"
  },
  {
    name: "restarts what has run for long",
    expects: "StaysQuiet",
    file: decide("question"),
    find: "if (runsAssigned(memory, spec) === false) return \"WrongVersion\"",
    replace: `if (runsAssigned(memory, spec) === false) return "WrongVersion"
  const seen = memory.npu.lookedAt?.mono ?? 0
  if (seen - (recordOf(memory, spec.name).startedAt ?? seen) > 3_700_000 + 90_000) return "Unhealthy"`
  },
  {
    name: "switches before the images are there",
    expects: "WayBackHeld",
    profile: "upgrades",
    file: decide("upgrade/advance"),
    find: "if (staging(turn.memory, stagedImages(turn.memory), turn.now.mono)._tag !== \"Ready\") return",
    replace: "void staging"
  },
  {
    name: "begins a quarantined set again",
    expects: "QuarantineKept",
    profile: "upgrades",
    file: decide("upgrade/begin"),
    find: "if (bad !== undefined) {",
    replace: "if (bad !== undefined && bad.version === \"\") {"
  },
  {
    name: "changes what is right already",
    expects: "UnaffectedLeftAlone",
    profile: "upgrades",
    file: decide("upgrade/members"),
    find: "return assigned !== undefined && !same(assigned, targetImage(spec, version))",
    replace:
      "return assigned !== undefined && (!same(assigned, targetImage(spec, version)) || spec.service === \"gnmi\")"
  },
  {
    name: "brings back all but the first",
    expects: "SetsUnmixed",
    profile: "upgrades",
    file: decide("upgrade/end"),
    find: "for (const member of switched) {",
    replace: "for (const member of switched.slice(1)) {"
  },
  {
    name: "skips the health gate",
    expects: "GateKept",
    profile: "upgrades",
    file: decide("upgrade/advance"),
    find: "if (!hasPassedGate(turn, member)) return false",
    replace:
      "if (runningInstance(turn.memory, specOf(turn.memory, member)!) === undefined) return false\n  void hasPassedGate"
  },
  {
    name: "ends the probation early",
    expects: "ProbationServed",
    profile: "upgrades",
    file: decide("upgrade/advance"),
    find: "if (observed < turn.memory.policy.upgrade.probation) return",
    replace: "if (observed < turn.memory.policy.upgrade.probation / 2) return"
  },
  {
    name: "charges an outage to the clock of the probation",
    expects: "ProbationServed",
    profile: "upgrades",
    file: decide("upgrade/clock"),
    find: "turn.setUpgrade({ lookedAt: undefined, running: {} })\n    return",
    replace: "return",
    also: [{
      file: decide("upgrade/clock"),
      find: "Math.min(ended - before.lookedAt, longestStep)",
      replace: "ended - before.lookedAt + 0 * longestStep"
    }]
  },
  {
    name: "forgets to record the old set before the switch",
    expects: "WayBackHeld",
    profile: "upgrades",
    file: decide("upgrade/members"),
    find: "previous: assigned === undefined ? null : { image: format(assigned), id: null },",
    replace:
      "previous: assigned === undefined || spec.service !== \"gnmi\" ? null : { image: format(assigned), id: null },"
  },
  {
    name: "restarts what runs as it should while another is switched",
    expects: "CauseForStop",
    profile: "upgrades",
    file: decide("question"),
    find: "return isUnhealthy(memory, spec) ? \"Unhealthy\" : undefined",
    replace: `const saga = memory.durable.upgrade
  const other = saga?.phase === "switching" && saga.members.every(({ container, passed }) => passed || container !== spec.name)
  return isUnhealthy(memory, spec) || other ? "Unhealthy" : undefined`
  },
  {
    name: "loses an operator's stop through an upgrade",
    expects: "IntentKept",
    profile: "upgrades",
    file: decide("upgrade/switch"),
    find: "assigned: image,\n    level: 0,",
    replace: "assigned: image,\n    desired: \"running\",\n    level: 0,"
  },
  {
    name: "does not say that a mixed set stays mixed",
    expects: "SetsUnmixed",
    profile: "upgrades",
    file: decide("upgrade/end"),
    find: "if (assignedVersions(turn.memory).length > 1) {",
    replace: "if (assignedVersions(turn.memory).length > 9) {"
  },
  {
    name: "removes images that others still run",
    expects: "NeededImagesKept",
    profile: "pruning",
    hours: 4,
    dpus: 2,
    file: decide("upgrade/prune"),
    find:
      "&& !memory.upgrade.users.some(({ image }) => same(image, split(candidate)))\n    && Object.entries(fleet).every(",
    replace: "&& Object.entries(fleet).slice(0, 0).every("
  },
  {
    name: "removes the set before as soon as the next is committed",
    expects: "NeededImagesKept",
    profile: "pruning",
    hours: 4,
    file: decide("upgrade/end"),
    find: "pastSets: previousSet === null ? pastSets : [...pastSets, previousSet].slice(-rememberedSets)",
    replace: "pastSets: [...pastSets, previousSet ?? {}, previousOf(turn, saga)].slice(-rememberedSets)",
    also: [{
      file: decide("upgrade/prune"),
      find:
        "...[previousSet?.[spec.name], assigned === undefined ? undefined : format(assigned)].flatMap((name) => name ?? []),",
      replace: "...(assigned === undefined ? [] : [format(assigned)]),"
    }, {
      file: decide("upgrade/prune"),
      find: "runner.ranFor >= pruneAge",
      replace: "runner.ranFor >= 0"
    }]
  },
  {
    name: "puts what failed into no quarantine",
    expects: "QuarantineKept",
    profile: "upgrades",
    file: decide("upgrade/end"),
    find: "if (quarantined) quarantine(turn, saga, reason)",
    replace: "void quarantine"
  },
  {
    name: "goes forward again after the way back has begun",
    expects: "UpgradesOneWay",
    profile: "upgrades",
    file: decide("upgrade/end"),
    find:
      "    phase: \"rollingBack\",\n    beside: {},\n    probation: 0,\n    members: saga.members.map((member) => ({ ...member, passed: true }))",
    replace:
      "    phase: \"switching\",\n    beside: {},\n    probation: 0,\n    members: saga.members.map((member) => ({ ...member, passed: true }))"
  }
]

/** All patches of a mutant. */
export const patchesOf = ({ also = [], file, find, replace }) => [{ file, find, replace }, ...also]

/** The patches of all mutants whose text does not stand in its file exactly once, as sentences. */
export const misfits = (read) =>
  mutants.flatMap((mutant) =>
    patchesOf(mutant).flatMap(({ file, find }) => {
      const times = read(file).split(find).length - 1
      return times === 1 ? [] : [`${mutant.name}: in ${file} the text to patch stands ${times} times: ${find}`]
    })
  )
