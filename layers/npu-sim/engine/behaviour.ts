/**
 * How the containers of an image behave, declared by the image itself in the
 * label `offloader.sim.behaviour`, so that a bad version is made by packing
 * another archive. Several words are separated by spaces or commas:
 *
 * - `crash-at-start`       exits as soon as it has started
 * - `crash-after:60s`      exits that long after each start (`ms`, `s`, `m`, `h`)
 * - `never-healthy`        runs, and its port refuses connections
 * - `probe:refuse|hang|wrong`  runs, and its probe is answered so
 * - `healthy-after:5s`     its port refuses connections that long after each start
 * - `bad-command`          cannot be started: INTERNAL, a created container stays
 * - `ignores-stop`         a stop without force never ends
 */
import * as Either from "effect/Either"

export const behaviourLabel = "offloader.sim.behaviour"

/** How a container's port answers: as the service does, or in one of three bad ways. */
export type ProbeMode = "ok" | "refuse" | "hang" | "wrong"

export const probeModes: ReadonlyArray<ProbeMode> = ["ok", "refuse", "hang", "wrong"]

export interface Behaviour {
  /** Exits this long after each start, ms. */
  readonly crashAfter?: number
  /** Its port opens this long after each start, ms. */
  readonly healthyAfter?: number
  readonly probe: ProbeMode
  readonly badCommand: boolean
  readonly ignoresStop: boolean
}

export const wellBehaved: Behaviour = { probe: "ok", badCommand: false, ignoresStop: false }

/** Reads the label's text; Left is a sentence that names the word not understood. */
export const parse = (text: string): Either.Either<Behaviour, string> => {
  let behaviour = wellBehaved
  for (const word of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const next = parseWord(behaviour, word)
    if (next === undefined) return Either.left(`${JSON.stringify(word)} is not a behaviour of ${behaviourLabel}`)
    behaviour = next
  }
  return Either.right(behaviour)
}

/** The behaviour that an image's labels declare; what cannot be read is ignored. */
export const ofLabels = (labels: Readonly<Record<string, string>>): Behaviour => {
  const text = labels[behaviourLabel]
  return text === undefined ? wellBehaved : Either.getOrElse(parse(text), () => wellBehaved)
}

const parseWord = (behaviour: Behaviour, word: string): Behaviour | undefined => {
  const colon = word.indexOf(":")
  const name = colon < 0 ? word : word.slice(0, colon)
  const value = colon < 0 ? undefined : word.slice(colon + 1)
  const time = value === undefined ? undefined : millis(value)
  if (name === "crash-at-start" && value === undefined) return { ...behaviour, crashAfter: 0 }
  if (name === "crash-after" && time !== undefined) return { ...behaviour, crashAfter: time }
  if (name === "healthy-after" && time !== undefined) return { ...behaviour, healthyAfter: time }
  if (name === "never-healthy" && value === undefined) return { ...behaviour, probe: "refuse" }
  if (name === "bad-command" && value === undefined) return { ...behaviour, badCommand: true }
  if (name === "ignores-stop" && value === undefined) return { ...behaviour, ignoresStop: true }
  const mode = probeModes.find((candidate) => candidate === value)
  return name === "probe" && mode !== undefined ? { ...behaviour, probe: mode } : undefined
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

const millis = (text: string): number | undefined => {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text)
  return match === null ? undefined : Number(match[1]) * units[match[2] as keyof typeof units]
}
