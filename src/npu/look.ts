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

/**
 * `rows` is a second complete list of all, begun after the first ended. What it
 * shows of the others is newer than what was seen of them, and counts.
 */
export const confirmMissing = (
  rows: ReadonlyArray<ContainerRow>,
  missing: ReadonlyArray<string>,
  seen: ReadonlyMap<string, Sighting>
): ReadonlyMap<string, Sighting> => {
  const second = readAll(rows, [...seen.keys(), ...missing])
  const sightings = new Map<string, Sighting>([...seen, ...second.sightings])
  for (const name of second.missing) {
    sightings.set(
      name,
      seen.has(name) ? { _tag: "Unknown", reason: "the second of two lists no longer had it" } : { _tag: "Absent" }
    )
  }
  for (const { asked } of second.unspecified) {
    if (!isLeftover(seen.get(asked))) {
      sightings.set(asked, { _tag: "Unknown", reason: "its state was not clear any more in the second of two lists" })
    }
  }
  return sightings
}

const isLeftover = (sighting: Sighting | undefined): boolean => sighting?._tag === "Stopped" && sighting.leftover

/**
 * `running` is a complete list of the running ones, begun after the list of all
 * ended. What it shows of the others is newer than what was seen of them, and counts.
 */
export const settleUnspecified = (
  running: ReadonlyArray<ContainerRow>,
  { sightings, unspecified }: FirstReading
): ReadonlyMap<string, Sighting> => {
  const read = (name: string, omitted: Sighting): Sighting => {
    const row = running.find(({ names }) => names.includes(name))
    return row === undefined
      ? omitted
      : row.status === "RUNNING"
      ? sightingOf(row)
      : { _tag: "Unknown", reason: "the NPU lists it as running, in no clear state" }
  }
  const again = (name: string, sighting: Sighting): Sighting => {
    switch (sighting._tag) {
      case "Running":
        return read(name, { _tag: "Unknown", reason: "the list of the running ones no longer had it" })
      case "Stopped":
        return read(name, sighting)
      default:
        return sighting
    }
  }
  return new Map([
    ...[...sightings].map(([name, sighting]): [string, Sighting] => [name, again(name, sighting)]),
    ...unspecified.map(({ asked, id, image }): [string, Sighting] => [
      asked,
      read(asked, { _tag: "Stopped", id, image, leftover: true })
    ])
  ])
}
