/** The oracle's judgement, of traces made by hand. */
import { assert, describe, it } from "@effect/vitest"

import { type Durable, encode, initial, initialContainer } from "../../../src/decide/durable.ts"
import type { ContainerSpec } from "../../../src/model/catalogue.ts"
import type { ListContainerResponse } from "../../../src/npu/messages.ts"
import { defaults } from "../../../src/policy/policy.ts"
import { Oracle } from "../../../src/simulate/oracle/oracle.ts"
import type { Invariant } from "../../../src/simulate/oracle/violation.ts"
import type { Call, Entry } from "../../../src/simulate/trace.ts"
import { database, gnmi, ha, specs } from "../decide/bench.ts"

/** Of DPU 0, unless there are several. */
const judged = (
  trace: ReadonlyArray<Entry>,
  quiet = 300_000,
  containers: ReadonlyArray<ReadonlyArray<ContainerSpec>> = [specs]
): ReadonlyArray<Invariant> => {
  const oracle = new Oracle({
    policy: defaults,
    containers,
    quiet,
    badVersions: [],
    unobtainable: ""
  })
  for (const entry of trace) oracle.see(entry)
  return oracle.violations.map(({ invariant }) => invariant)
}

const atLevel = (level: number): string =>
  encode({ ...initial(1), containers: { [database]: { ...initialContainer, owned: true, level } } }, 0)

const up = (durable?: string): Entry => ({ _tag: "Up", at: 0, dpu: 0, life: 1, durable })

type Saved = Extract<Entry, { _tag: "Saved" }>

/** A save, and how it ended: well, where nothing is said. */
const saved = (at: number, text: string, how: Partial<Pick<Saved, "ok" | "durable">> = {}): ReadonlyArray<Entry> => [
  { _tag: "Saving", at, dpu: 0, text },
  { _tag: "Saved", at, dpu: 0, ok: true, durable: text, ...how }
]

const save = (at: number, level: number, before?: string): ReadonlyArray<Entry> =>
  saved(at, atLevel(level), before === undefined ? {} : { ok: false, durable: before })

/** What is shown of an image that has lost its name. */
const nameless = "sha256:0123456789ab"

let calls = 0

const call = (method: Call["method"], begun: number): Call => ({
  number: calls += 1,
  method,
  container: "",
  image: "",
  force: false,
  all: true,
  dpu: 0,
  life: 1,
  begun
})

type Answer = Extract<Entry, { _tag: "Answered" }>

/** A call, and how it ended so many milliseconds later: with OK, where nothing is said. */
const answered = (asked: Call, how: Partial<Pick<Answer, "error" | "rows">> = {}, later = 1): ReadonlyArray<Entry> => [
  { _tag: "Called", at: asked.begun, call: asked },
  {
    _tag: "Answered",
    at: asked.begun + later,
    call: asked,
    error: undefined,
    rows: undefined,
    images: undefined,
    ...how
  }
]

const question = (method: Call["method"], at: number): ReadonlyArray<Entry> => answered(call(method, at))

/** A list of all; each row is the name, the id and the image of what runs. */
const listed = (
  at: number,
  ...rows: ReadonlyArray<readonly [name: string, id: string, imageName?: string]>
): ReadonlyArray<Entry> =>
  answered(call("ListContainer", at), {
    rows: rows.map(([name, id, imageName = "docker-database:1.0"]) => ({
      id,
      name,
      imageName,
      status: "RUNNING",
      labels: {}
    }))
  })

const retry = (at: number, answer: string | undefined): Entry => ({
  _tag: "Asked",
  at,
  dpu: 0,
  container: database,
  what: "retry",
  answer
})

const unlisting: Entry = {
  _tag: "Fault",
  at: 10,
  index: 0,
  fault: { _tag: "ServerReplaced", at: 10, length: 60_000, lacks: "everything", described: false },
  phase: "begins"
}

describe("a hint", () => {
  const asked = (looks: ReadonlyArray<Entry>): ReadonlyArray<Invariant> =>
    judged([
      up(),
      unlisting,
      retry(1000, undefined),
      ...looks,
      { _tag: "Quiet", at: 1500 }
    ])

  it("is not heeded where no look follows upon the answer", () => {
    assert.deepStrictEqual(asked([retry(1000, "Retrying")]), ["HintsHeeded"])
  })

  for (const method of ["ListContainer", "Time"] as const) {
    it(`is heeded where ${method} is asked for before or after whoever asked hears of it, at that moment`, () => {
      const [called, ended] = question(method, 1000)
      assert.deepStrictEqual(asked([retry(1000, "Retrying"), called!, ended!]), [])
      assert.deepStrictEqual(asked([called!, retry(1000, "Retrying"), ended!]), [])
    })
  }
})

describe("a level of the ladder", () => {
  const kept = atLevel(9)

  it("is not climbed without evidence", () => {
    assert.deepStrictEqual(judged([up(kept), ...save(1000, 10)]), ["OutageNotCharged"])
    assert.deepStrictEqual(judged([up(kept), ...save(1000, 0), ...save(2000, 9)]), ["OutageNotCharged"])
  })

  it("is not climbed where a save that was to set it back failed, and what it said is dropped", () => {
    assert.deepStrictEqual(judged([up(kept), ...save(1000, 0, kept), ...save(2000, 0, kept), ...save(3000, 9)]), [])
  })

  it("is climbed once for a call that failed, also where the save that was to say so failed first", () => {
    const started = { ...call("StartContainer", 500), container: database }
    const error = { code: "INTERNAL", origin: "peer" } as const
    const failed = answered(started, { error }, 100)
    const charges = (...saves: ReadonlyArray<Entry>): number =>
      judged([up(kept), ...failed, ...saves]).filter((invariant) => invariant === "OutageNotCharged").length
    assert.strictEqual(charges(...save(1000, 10, kept), ...save(2000, 10)), 0)
    assert.strictEqual(charges(...save(1000, 10), ...save(2000, 11)), 1)
  })
})

describe("a start where the wanted version is in quarantine", () => {
  const quarantine: Durable["quarantine"] = [{ version: "2.0", images: [], reason: "it failed", at: "" }]
  const found = { ...initialContainer, owned: true }
  const containers = {
    [database]: { ...found, assigned: "docker-database:1.5" },
    [gnmi]: { ...found, assigned: "docker-sonic-gnmi:1.5" }
  }

  const started = (tag: string, memory: Partial<Durable>): ReadonlyArray<Invariant> => {
    const text = encode({ ...initial(1), ...memory }, 0)
    return judged([
      up(text),
      { _tag: "Version", at: 1, dpu: 0, version: "2.0" },
      {
        _tag: "Called",
        at: 2,
        call: { ...call("StartContainer", 2), container: ha, image: `docker-dash-ha:${tag}` }
      }
    ])
  }

  it("is from the version that all others are assigned, also where the DPU never had it", () => {
    assert.notInclude(started("1.5", { quarantine, containers }), "RightImage")
  })

  it("is from it again, for as long as it is assigned that, also once nothing is in quarantine any more", () => {
    const texts = [{ containers, quarantine }, { containers }].map((memory) => encode({ ...initial(1), ...memory }, 0))
    const image = "docker-dash-ha:1.5"
    const again = texts.flatMap((text, index): ReadonlyArray<Entry> => [
      ...saved(index * 1000, text),
      ...answered({ ...call("StartContainer", index * 1000 + 2), container: ha, image })
    ])
    assert.notInclude(
      judged([up(), { _tag: "Version", at: 0, dpu: 0, version: "2.0" }, ...again]),
      "RightImage"
    )
  })

  it("is from no other one, and from none where the others differ or nothing is in quarantine", () => {
    assert.include(started("1.6", { quarantine, containers }), "RightImage")
    assert.include(started("1.5", { containers }), "RightImage")
    const mixed = { ...containers, [gnmi]: { ...found, assigned: "docker-sonic-gnmi:1.6" } }
    assert.include(started("1.5", { quarantine, containers: mixed }), "RightImage")
  })
})

describe("a reboot of the NPU", () => {
  const said = (count?: number, at = 5000): Entry => ({
    _tag: "Said",
    at,
    dpu: 0,
    event: {
      sequence: 1,
      at: "",
      severity: "warning",
      reason: "NpuRebooted",
      message: `The NPU seems to have restarted. No longer there: ${database}, ${gnmi}; started again.`,
      ...(count === undefined ? {} : { count })
    }
  })

  it("is concluded from nothing where all was whole, and not by a summary that tells of it again", () => {
    assert.deepStrictEqual(judged([up(), said()]), ["RebootSeen"])
    assert.deepStrictEqual(judged([up(), said(2)]), [])
  })

  it("is concluded again from what vanished alone after a time that counts from the conclusion, not from its word", () => {
    const memory = atLevel(0)
    const both = [[database, "one"], [gnmi, "two", "docker-sonic-gnmi:1.0"]] as const
    const again = (begun: number): ReadonlyArray<Invariant> => {
      const saving: Entry = { _tag: "Saving", at: begun, dpu: 0, text: memory }
      const second = said(undefined, 5000 + defaults.restart.payback - 1000)
      return judged([
        up(memory),
        ...[...listed(4998), ...listed(4999), saving].sort((one, other) => one.at - other.at),
        { _tag: "Saved", at: 5000, dpu: 0, ok: true, durable: memory },
        said(),
        ...listed(second.at - 2000, ...both),
        ...listed(second.at - 1000),
        ...listed(second.at - 1),
        second
      ])
    }
    assert.notInclude(again(1000), "RebootSeen")
    assert.include(again(5000), "RebootSeen")
  })

  describe("has each DPU wait its turn", () => {
    const dpu = 1
    const ofTheDpu = (entry: Entry): Entry => {
      if (entry._tag === "Called" || entry._tag === "Answered") return { ...entry, call: { ...entry.call, dpu } }
      return "dpu" in entry ? { ...entry, dpu } : entry
    }
    const owing = (due: Durable["containers"][string]["due"]): string =>
      encode({ ...initial(1), containers: { [database]: { ...initialContainer, owned: true, due } } }, 0)
    const turn = owing({ at: 5500, cause: "NpuReboot" })
    const begun: Call = { ...call("StartContainer", 5003), container: database, image: "docker-database:1.0" }
    /** What comes before the word of the reboot, and between it and the start. */
    const started = (between: ReadonlyArray<Entry>, before = saved(5000, turn)): ReadonlyArray<Invariant> => {
      const start: Entry = { _tag: "Called", at: 5003, call: begun }
      const trace = [up(turn), ...before, said(), ...between, start]
      return judged(trace.map(ofTheDpu), 300_000, [[], specs])
    }

    it("in general", () => assert.include(started([]), "StaggerKept"))

    it("unless an operator wants its service started", () => {
      const wanted = {
        _tag: "Commanded",
        at: 5000,
        dpu,
        container: database,
        desired: "running",
        phase: "asked"
      } as const
      assert.notInclude(started([wanted]), "StaggerKept")
    })

    it("unless it turns out to be there", () => {
      assert.notInclude(started(listed(5001, [database, "one"])), "StaggerKept")
    })

    it("unless it turned out to be there while a slow disk held up the word of the reboot", () => {
      const crashed = saved(5000, owing({ at: 5000, cause: "Crash" }))
      const slow = (...shown: ReadonlyArray<Entry>): ReadonlyArray<Entry> => [
        { _tag: "Saving", at: 1000, dpu, text: owing(null) },
        ...shown,
        { _tag: "Saved", at: 5000, dpu, ok: true, durable: owing(null) },
        ...saved(5000, turn)
      ]
      assert.notInclude(started(crashed, slow(...listed(2000, [database, "one"]), ...listed(3000))), "StaggerKept")
      assert.include(started(crashed, slow(...listed(2000), ...listed(3000))), "StaggerKept")
      assert.include(started([], slow(...listed(2000, [database, "one"]), ...listed(3000))), "StaggerKept")
    })
  })
})

describe("memory that cannot be saved", () => {
  const held = { ...initialContainer, owned: true, startedId: "one", startedVersion: "1.0" }
  const memory = (record: Partial<Durable["containers"][string]>): string =>
    encode({ ...initial(1), containers: { [database]: { ...held, ...record } } }, 0)
  const stop = (at: number): Entry => ({
    _tag: "Called",
    at,
    call: { ...call("StopContainer", at), container: database }
  })
  const version = (at: number, version = "1.0"): Entry => ({ _tag: "Version", at, dpu: 0, version })
  const failed = (text: string, durable: string): ReadonlyArray<Entry> => saved(1002, text, { ok: false, durable })
  const engine: Entry = {
    _tag: "Engine",
    at: 0,
    what: "Started",
    container: database,
    id: "one",
    image: "docker-database:1.0"
  }

  it("lets no version be changed, and is no reason to take a stop for that: the disk may have what was not known to be there", () => {
    const before = memory({ assigned: "docker-database:1.0" })
    const after = memory({ assigned: "docker-database:2.0" })
    const stopped = (loaded: string, meant = after): ReadonlyArray<Invariant> =>
      judged([
        up(loaded),
        version(1, "2.0"),
        engine,
        ...listed(1000, [database, "one"]),
        ...failed(meant, meant),
        stop(1003)
      ])
    assert.notInclude(stopped(before), "DurableFirst")
    assert.notInclude(stopped(encode(initial(1), 0), before), "DurableFirst", "it was found, and taken over as it is")
    assert.include(stopped(after), "DurableFirst")
  })

  it("holds nothing against the restart of what was adopted when its image had lost its name", () => {
    const stopped = (startedVersion: string | null): ReadonlyArray<Invariant> => {
      const text = memory({ startedVersion })
      return judged([
        up(text),
        version(1, "2.0"),
        engine,
        ...listed(1000, [database, "one", nameless]),
        ...failed(text, text),
        stop(1003)
      ])
    }
    assert.deepStrictEqual(stopped(null), ["CauseForStop"])
    assert.include(stopped("1.0"), "DurableFirst")
  })

  it("holds nothing against the restart of one that has been unwell for long enough, although its version is wrong", () => {
    const stopped = (from: number): ReadonlyArray<Invariant> => {
      const text = memory({})
      const probes = [-10, 0, 20_000, 40_000, 60_000].map((after): Entry => ({
        _tag: "Probed",
        at: from + after,
        dpu: 0,
        container: database,
        begun: from + after,
        result: after < 0 ? "Healthy" : "Unhealthy"
      }))
      return judged([
        up(text),
        version(1, "2.0"),
        engine,
        ...listed(990, [database, "one"]),
        ...probes,
        ...failed(text, text).map((entry) => ({ ...entry, at: 61_002 })),
        ...listed(61_050, [database, "one"]),
        stop(61_053)
      ])
    }
    assert.notInclude(stopped(1000), "DurableFirst")
    assert.include(stopped(1100), "DurableFirst")
  })
})

const inOrder = (trace: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  trace.toSorted((left, right) => left.at - right.at)

describe("a start within its ladder's wait", () => {
  const memory = (image: string): string =>
    encode({ ...initial(1), containers: { [database]: { ...initialContainer, owned: true, assigned: image } } }, 0)
  const [before, after] = ["docker-database:1.0", "docker-database:2.0"] as const
  /** The second comes at the ladder's foot; a third needs an excuse. */
  const starts = (...images: ReadonlyArray<string>): ReadonlyArray<Entry> =>
    images.flatMap((image, index) =>
      answered({ ...call("StartContainer", 1000 + 100 * index), container: database, image })
    )

  it("is excused by another image than what was started before, not by one that only stands in the memory", () => {
    const started = (...images: ReadonlyArray<string>) =>
      judged([up(memory(before)), ...saved(100, memory(after)), ...starts(...images)])
    assert.notInclude(started(before, before, after), "LadderKept")
    assert.include(started(before, before, before), "LadderKept")
    assert.include(started(after, before, before), "LadderKept")
  })

  it("is excused by the end of an outage, for as long as a slow disk may have kept the daemon from hearing of it", () => {
    const start = (at: number) => answered({ ...call("StartContainer", at), container: database, image: before })
    const gone = { error: { code: "UNAVAILABLE", origin: "local" } } as const
    const write = (from: number, to: number): ReadonlyArray<Entry> => {
      const [saving, ended] = saved(from, memory(before))
      return [saving!, { ...ended!, at: to }]
    }
    const third = (writing: number) => {
      const outage = [1200, 1300, 1400].flatMap((at) => answered(call("ListContainer", at), gone))
      const trace = [
        ...outage,
        ...listed(1500),
        ...write(writing, 1700),
        ...start(1700),
        ...write(1700, 2000),
        ...start(2000)
      ]
      return judged([
        up(memory(before)),
        ...saved(100, memory(before)),
        ...start(900),
        ...start(1000),
        ...inOrder(trace)
      ])
    }
    assert.notInclude(third(1450), "LadderKept")
    assert.include(third(1650), "LadderKept")
  })

  it("is excused where all is gone while memory cannot be saved, as after a reboot of the NPU", () => {
    const all = starts(before, before, before)
    const started = (ok: boolean, ...there: ReadonlyArray<readonly [string, string]>) =>
      judged([
        up(memory(before)),
        ...saved(100, memory(before), { ok }),
        ...all.slice(0, 4),
        ...listed(1110, ...there),
        ...listed(1120, ...there),
        ...all.slice(4)
      ])
    assert.notInclude(started(false), "LadderKept")
    assert.include(started(true), "LadderKept")
    assert.include(started(false, [gnmi, "one"], [ha, "two"]), "LadderKept", "only one is gone")
  })
})

describe("a look that fails", () => {
  it("goes on where its second try meets another server, which has no such list", () => {
    const gone = { code: "UNAVAILABLE", origin: "local" } as const
    const lacking = { code: "UNIMPLEMENTED", origin: "peer" } as const
    const stopped = (...tries: ReadonlyArray<typeof gone | typeof lacking>): ReadonlyArray<Invariant> =>
      judged([
        up(),
        ...listed(1000, [database, "one"]),
        ...tries.flatMap((error, index) => answered(call("ListContainer", 2000 + 10 * index), { error })),
        { _tag: "Called", at: 2600, call: { ...call("StopContainer", 2600), container: database } }
      ])
    assert.notInclude(stopped(gone, lacking), "EvidenceFirst")
    assert.include(stopped(gone, gone), "EvidenceFirst")
    assert.include(stopped(gone, lacking, lacking), "EvidenceFirst")
  })
})

describe("a question for a sign of life", () => {
  it("that is never answered says nothing once a list has come from the next server", () => {
    const [asked, expired] = answered(
      call("Time", 900),
      { error: { code: "DEADLINE_EXCEEDED", origin: "local" } },
      200
    )
    const stopped = (...lists: ReadonlyArray<Entry>): ReadonlyArray<Invariant> =>
      judged([
        up(),
        ...listed(5, [database, "one"]),
        unlisting,
        asked!,
        { ...unlisting, at: 950, phase: "ends" },
        ...lists,
        expired!,
        { _tag: "Called", at: 1600, call: { ...call("StopContainer", 1600), container: database } }
      ])
    assert.notInclude(stopped(...listed(1000, [database, "one"])), "EvidenceFirst")
    assert.include(stopped(), "EvidenceFirst")
  })
})

describe("what runs at the end", () => {
  const plain = specs.filter(({ name }) => name === database).map((spec): ContainerSpec => {
    const { probe: _, ...rest } = spec
    return rest
  })

  const ended = (quarantined: string): ReadonlyArray<Invariant> =>
    judged(
      [
        up(encode({
          ...initial(1),
          quarantine: [{ version: quarantined, images: [], reason: "it failed", at: "" }],
          containers: { [database]: { ...initialContainer, owned: true, assigned: "docker-database:1.0" } }
        }, 0)),
        { _tag: "Version", at: 1, dpu: 0, version: "3.0" },
        { _tag: "Engine", at: 2, what: "Started", container: database, id: "one", image: "docker-database:1.0" },
        { _tag: "Quiet", at: 3 },
        ...listed(1000, [database, "one"]),
        ...listed(190_000, [database, "one"])
      ],
      300_000,
      [plain]
    )

  it("may be of another version than the DPU only where that is in quarantine", () => {
    assert.notInclude(ended("3.0"), "Converges")
    assert.include(ended("2.0"), "Converges")
  })
})

describe("what a service runs", () => {
  const change = (startedVersion: string | null): ReadonlyArray<Invariant> => {
    const container = { ...initialContainer, owned: true, startedId: "one", startedVersion }
    const memory = (assigned: string): string =>
      encode({ ...initial(1), containers: { [database]: { ...container, assigned } } }, 0)
    return judged([
      up(memory("docker-database:1.0")),
      { _tag: "Version", at: 1, dpu: 0, version: "2.0" },
      ...listed(1000, [database, "one", nameless]),
      { _tag: "Saving", at: 1002, dpu: 0, text: memory("docker-database:2.0") }
    ])
  }

  it("may be taken over where it has lost its image's name and is remembered to be the version that is wanted", () => {
    assert.deepStrictEqual(change("2.0"), [])
    assert.deepStrictEqual(change("1.0"), ["UnaffectedLeftAlone"])
    assert.deepStrictEqual(change(null), ["UnaffectedLeftAlone"])
  })
})

describe("the removal of a leftover", () => {
  const leftover = {
    id: "0123456789ab",
    name: `/${database}`,
    imageName: "docker-database:1.0",
    status: "STOPPED",
    labels: {},
    hash: ""
  } as unknown as ListContainerResponse

  const removed = (at: number): ReadonlyArray<Invariant> => {
    const lists = [1000, 2000, 2001].flatMap((at, index) =>
      answered(
        call("ListContainer", at),
        index === 0 ? { rows: [leftover] } : { error: { code: "DEADLINE_EXCEEDED", origin: "local" } }
      )
    )
    const remove = { ...call("RemoveContainer", at), container: database }
    return judged([up(), ...lists, { _tag: "Called", at, call: remove }])
  }

  it("was decided at the latest when its last output began to be fetched", () => {
    assert.notInclude(removed(2002 + defaults.evidence.deadline), "EvidenceFirst")
    assert.include(removed(2003 + defaults.evidence.deadline), "EvidenceFirst")
  })
})

/** To 2.0, of one service. */
const upgradeOf = (
  container: string,
  phase: "switching" | "probation",
  passed: boolean
): NonNullable<Durable["upgrade"]> => ({
  id: "upgrade-1",
  kind: "upgrade",
  version: "2.0",
  by: "version",
  phase,
  members: [
    { container, target: "", digest: null, previous: null, side: "new", passed, restarts: 0, unready: 0 }
  ],
  beside: {},
  probation: 0,
  failure: null
})

describe("a gate, of a service that is shown as a leftover meanwhile,", () => {
  const lost = { error: { code: "DEADLINE_EXCEEDED", origin: "local" } } as const
  const leftover = { rows: [{ id: "one", name: database, imageName: "", status: "UNSPECIFIED", labels: {} }] } as const
  const passed = (third: Partial<Answer>): ReadonlyArray<Invariant> => {
    const saved = (isPassed: boolean): string =>
      encode({ ...initial(1), upgrade: upgradeOf(database, "switching", isPassed) }, 0)
    return judged([
      up(saved(false)),
      ...listed(1000, [database, "one"]),
      { _tag: "Probed", at: 1100, dpu: 0, container: database, begun: 1099, result: "Healthy" },
      ...answered(call("ListContainer", 5000), leftover),
      ...answered({ ...call("ListContainer", 5001), all: false }, { rows: [] }),
      ...answered(call("ListContainer", 5002), third),
      ...listed(9000, [database, "one"]),
      { _tag: "Probed", at: 9100, dpu: 0, container: database, begun: 9099, result: "Healthy" },
      { _tag: "Saving", at: 1001 + defaults.upgrade.gate, dpu: 0, text: saved(true) }
    ])
  }

  it("goes on where that look failed: nothing was seen", () => {
    assert.notInclude(passed(lost), "GateKept")
  })

  it("begins anew where that look was whole", () => {
    assert.include(passed(leftover), "GateKept")
  })
})

describe("a probation", () => {
  const text = encode({ ...initial(1), upgrade: upgradeOf(database, "probation", true) }, 0)
  const committed = (observed: number): ReadonlyArray<Invariant> => {
    const lastUpgrade = {
      id: "upgrade-1",
      kind: "upgrade",
      version: "2.0",
      outcome: "committed",
      reason: "",
      at: ""
    } as const
    const end = encode({ ...initial(1), lastUpgrade }, 0)
    const looks = Array.from({ length: (observed + 1000) / 1000 }, (_, second): ReadonlyArray<Entry> => [
      ...listed(second * 1000 + 1, [database, "one"]),
      ...(second === 300 ? saved(second * 1000 + 500, text, { ok: false, durable: undefined }) : []),
      ...(second === 302 ? saved(second * 1000 + 500, text) : [])
    ])
    return judged([up(text), ...looks.flat(), { _tag: "Saving", at: observed + 100, dpu: 0, text: end }])
  }

  it("goes on where its memory is torn on the disk: the daemon has it yet", () => {
    assert.notInclude(committed(defaults.upgrade.probation), "ProbationServed")
  })

  it("is not served before its time", () => {
    assert.include(committed(defaults.upgrade.probation - 100_000), "ProbationServed")
  })
})

describe("an upgrade", () => {
  const probation = upgradeOf(database, "probation", true)
  const switching = upgradeOf(database, "switching", true)
  const [member] = probation.members
  const joined = { ...member!, container: ha, side: "old", passed: false } as const
  const then = (before: Partial<Durable>, after: Partial<Durable>): ReadonlyArray<Invariant> =>
    judged([
      up(encode({ ...initial(1), ...before }, 0)),
      { _tag: "Saving", at: 1000, dpu: 0, text: encode({ ...initial(1), ...after }, 0) }
    ])

  it("goes back from probation to the switch only with what was found meanwhile", () => {
    const { members } = switching
    assert.include(then({ upgrade: probation }, { upgrade: switching }), "UpgradesOneWay")
    const upgrade = { ...switching, members: [...members, joined] }
    assert.notInclude(then({ upgrade: probation }, { upgrade }), "UpgradesOneWay")
  })

  it("is brought back while it is wanted only with its set, or the one on probation before it, in quarantine", () => {
    const members = [{ ...member!, previous: { image: "docker-database:1.0", id: null } }]
    const staged = { ...probation, phase: "staging", version: "3.0", members } as const
    const upgrade = { ...staged, phase: "rollingBack", failure: "it failed" } as const
    const ran = { [database]: { ...initialContainer, owned: true, assigned: "docker-database:2.0" } }
    const back = (...versions: ReadonlyArray<string>): ReadonlyArray<Invariant> => {
      const meant = { dpuVersion: "3.0", containers: ran }
      const quarantine = versions.map((version) => ({ version, images: [], reason: "", at: "" }))
      return then({ ...meant, upgrade: staged }, { ...meant, upgrade, quarantine })
    }
    assert.include(back(), "QuarantineKept")
    assert.include(back("1.0"), "QuarantineKept")
    assert.notInclude(back("2.0"), "QuarantineKept")
    assert.notInclude(back("3.0"), "QuarantineKept")
  })
})

describe("an upgrade that does not end", () => {
  const converged = (desired: "running" | "stopped", runs?: string): ReadonlyArray<Invariant> => {
    const text = encode({
      ...initial(1),
      upgrade: upgradeOf(ha, "probation", true),
      containers: {
        [database]: { ...initialContainer, desired },
        [ha]: { ...initialContainer, owned: true, assigned: "docker-dash-ha:2.0" }
      }
    }, 0)
    return judged([
      { _tag: "Commanded", at: 0, dpu: 0, container: database, desired, phase: "asked" },
      up(text),
      { _tag: "Quiet", at: 1 },
      ...runs === undefined
        ? [{ _tag: "Down", at: 2, dpu: 0, life: 1, how: "stopped", reason: "" } as const]
        : Array.from({ length: 150 }, (_, look) => listed(10_000 * look + 10, [ha, "one", `docker-dash-ha:${runs}`]))
          .flat(),
      { _tag: "Version", at: 1_495_000, dpu: 0, version: "2.0" }
    ], 1_500_000)
  }

  it("is none that an operator holds up, who stopped what a member comes after", () => {
    assert.deepStrictEqual(converged("running"), ["Converges"])
    assert.deepStrictEqual(converged("stopped"), [])
  })

  it("is held up as well where that member runs on as another version, and not where it runs as it should", () => {
    assert.deepStrictEqual(converged("stopped", "1.0"), [])
    assert.deepStrictEqual(converged("stopped", "2.0"), ["Converges"])
  })
})

describe("a service that lists had no more", () => {
  const followed = (id: string): ReadonlyArray<Invariant> =>
    judged([
      up(),
      ...listed(1000, [database, "one"]),
      { _tag: "Probed", at: 1100, dpu: 0, container: database, begun: 1099, result: "Healthy" },
      ...listed(2000),
      ...listed(2001),
      ...listed(3000, [database, id]),
      {
        _tag: "Called",
        at: 4000,
        call: { ...call("StartContainer", 4000), container: gnmi, image: "docker-sonic-gnmi:1.0" }
      }
    ])

  it("answers on where the same instance is there again, so that what comes after it may start", () => {
    assert.notInclude(followed("one"), "DependencyAnswers")
  })

  it("is not known to answer where it is another instance", () => {
    assert.include(followed("two"), "DependencyAnswers")
  })
})
