/** Who holds the room of the NPU's image store, as far as its lists and this DPU's archives tell. */

/** An image of the store, whoever brought it there. */
export interface StoreHolding {
  /** Its names; empty where it has lost them all. */
  readonly names: ReadonlyArray<string>
  /** As the NPU's list shows it. */
  readonly id: string
  /** The list tells no size: that of the same image on this DPU, undefined where it has none. */
  readonly bytes: number | undefined
  /** Containers of all DPUs that were made from it; empty where nothing refers to it. */
  readonly usedBy: ReadonlyArray<string>
}

/** The state of the store when an image found no room in it. */
export interface Room {
  /** Bytes of the archive that found none. */
  readonly needed: number
  /** Bytes that were free, where the server's refusal says so. */
  readonly free: number | undefined
  /** Largest first, those of unknown size last. */
  readonly holdings: ReadonlyArray<StoreHolding>
}

/** Bytes of all images whose size is known. */
export const knownBytes = ({ holdings }: Room): number => holdings.reduce((sum, { bytes = 0 }) => sum + bytes, 0)

/** Bytes that would have to be freed; undefined where the server does not say what is free. */
export const missingBytes = ({ free, needed }: Room): number | undefined =>
  free === undefined ? undefined : Math.max(0, needed - free)

/** How many are named in a sentence; all are in the plan's JSON. */
const named = 3

/** A clause that names the largest few. */
export const roomText = (room: Room): string => {
  const { holdings, needed } = room
  const missing = missingBytes(room)
  const unused = holdings.filter(({ usedBy }) => usedBy.length === 0).length
  const first = holdings.slice(0, named).map(holdingText).join("; ")
  const more = holdings.length - named
  return `it needs ${megabytes(needed)}${missing === undefined ? "" : `, of which ${megabytes(missing)} are missing`}; `
    + `the NPU holds ${holdings.length} images (${megabytes(knownBytes(room))} of known size), ${unused} of them unused`
    + (holdings.length === 0 ? "" : `: ${first}${more > 0 ? `; and ${more} more` : ""}`)
}

/** `docker-database:1.0 (412 MB, used by databasedpu0)`. */
const holdingText = ({ bytes, id, names, usedBy }: StoreHolding): string =>
  `${names.length === 0 ? id.slice(0, 12) : names.join(" ")} (${
    bytes === undefined ? "size unknown" : megabytes(bytes)
  }, ${usedBy.length === 0 ? "unused" : `used by ${usedBy.join(", ")}`})`

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`
