/** Small things that tables and sentences are made of. */
import { plain } from "../model/plain.ts"

export type Colour = "red" | "green" | "yellow" | "bold"

const codes: Readonly<Record<Colour, number>> = { bold: 1, red: 31, green: 32, yellow: 33 }

export const paint = (on: boolean, colour: Colour | undefined, text: string): string =>
  on && colour !== undefined ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text

/** The same without what colours it. */
export const withoutColour = (text: string): string => text.replace(/\u001B\[[0-9;]*m/g, "")

export { plain }

/** `N/A` for nothing, as SONiC's tables have it. */
export const orNothing = (text: string | null): string => text === null || text === "" ? "N/A" : plain(text)

/** Numbers inside names compare as numbers: dpu2 before dpu10. */
export const naturally = (left: string, right: string): number => {
  const parts = (text: string) => text.match(/\d+|\D+/g) ?? []
  const [ours, theirs] = [parts(left), parts(right)]
  for (const [index, part] of ours.entries()) {
    const other = theirs[index]
    if (other === undefined) return 1
    if (part === other) continue
    const difference = Number(part) - Number(other)
    if (!Number.isNaN(difference) && difference !== 0) return difference
    return part < other ? -1 : 1
  }
  return ours.length - theirs.length
}

const span = (millis: number): string => {
  const seconds = Math.round(Math.abs(millis) / 1000)
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

/** `3s ago`, `in 12s`; `now` within half a second, nothing for a time that does not read. */
export const age = (time: string, now: number): string => {
  const millis = now - Date.parse(time)
  if (Number.isNaN(millis)) return "at an unknown time"
  const text = span(millis)
  if (text === "0s") return "now"
  return millis >= 0 ? `${text} ago` : `in ${text}`
}

/** A time with its age: `2026-01-01T00:00:00.000Z (3s ago)`. */
export const dated = (time: string | null, now: number): string =>
  time === null ? "N/A" : `${plain(time)} (${age(time, now)})`

/** Bytes in the unit that leaves one to four digits before the point. */
export const bytes = (count: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
