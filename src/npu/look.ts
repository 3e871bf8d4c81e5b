/**
 * One look: as many lists as it takes to establish, for each container asked
 * for, whether it runs, is stopped, or is not there; Unknown where they do not.
 */
import { sameRepository } from "../model/image.ts"
import type { ImageUser, Sighting } from "../model/look.ts"
import type { ContainerRow } from "./rows.ts"

/** The containers of a complete list of all that have an image of these repositories. */
export const usersOf = (
  rows: ReadonlyArray<ContainerRow>,
  repositories: ReadonlyArray<string>
): ReadonlyArray<ImageUser> =>
  rows.filter(({ image }) => repositories.some((repository) => sameRepository(repository, image.repository)))
    .map(({ image, names, status }) => ({ container: names[0] ?? "", image, running: status === "RUNNING" }))

/** What the first, complete list of all containers says, and what it leaves open. */
export interface FirstReading {
  readonly sightings: ReadonlyMap<string, Sighting>
  /** Names that the list did not have: Absent once a second list confirms it. */
  readonly missing: ReadonlyArray<string>
  /** Names shown as UNSPECIFIED: Stopped once a list of the running ones omits them. */
  readonly unspecified: ReadonlyArray<ContainerRow & { readonly asked: string }>
}

export const readAll = (rows: ReadonlyArray<ContainerRow>, asked: ReadonlyArray<string>): FirstReading => {
  const sightings = new Map<string, Sighting>()
  const missing: Array<string> = []
  const unspecified: Array<ContainerRow & { readonly asked: string }> = []
  for (const name of asked) {
    const matches = rows.filter((row) => row.names.includes(name))
    const row = matches[0]
    if (row === undefined) missing.push(name)
    else if (matches.length > 1 && new Set(matches.map((match) => match.id)).size > 1) {
      sightings.set(name, { _tag: "Unknown", reason: `${matches.length} containers of that name are listed` })
    } else if (row.status === "UNSPECIFIED") unspecified.push({ ...row, asked: name })
    else if (row.status === "NOT_FOUND") missing.push(name)
    else sightings.set(name, sightingOf(row))
  }
  return { sightings, missing, unspecified }
}

const sightingOf = (row: ContainerRow): Sighting =>
  row.status === "RUNNING"
    ? { _tag: "Running", id: row.id, image: row.image, version: row.version }
    : { _tag: "Stopped", id: row.id, image: row.image, leftover: false }

/** `rows` is a second complete list of all, begun after the first ended. */
export const confirmMissing = (rows: ReadonlyArray<ContainerRow>, missing: ReadonlyArray<string>) => {
  const second = readAll(rows, missing)
  const sightings = new Map<string, Sighting>(second.sightings)
  for (const name of second.missing) sightings.set(name, { _tag: "Absent" })
  for (const row of second.unspecified) {
    sightings.set(row.asked, { _tag: "Unknown", reason: "it appeared between two lists, in no clear state" })
  }
  return sightings
}

/** `running` is a complete list of the running ones, begun after the list of all ended. */
export const settleUnspecified = (
  running: ReadonlyArray<ContainerRow>,
  unspecified: FirstReading["unspecified"]
): ReadonlyMap<string, Sighting> =>
  new Map(unspecified.map((row): [string, Sighting] => {
    const found = running.find((candidate) => candidate.names.includes(row.asked))
    if (found === undefined) return [row.asked, { _tag: "Stopped", id: row.id, image: row.image, leftover: true }]
    return found.status === "RUNNING"
      ? [row.asked, sightingOf(found)]
      : [row.asked, { _tag: "Unknown", reason: "the NPU lists it as running, in no clear state" }]
  }))
