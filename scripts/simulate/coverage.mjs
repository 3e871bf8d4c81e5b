/** What occurred, how often; yields the names of what occurred too seldom. */
import { unreached } from "./unreached.mjs"

/** The least for 1,000 seeds. */
const least = 50

const show = (count, name, note = "") => console.log(`  ${String(count).padStart(10)}  ${name}${note}`)

export const coverage = (total, seeds) => {
  const wanted = Math.floor(least * seeds / 1000)
  const thin = []
  for (const [title, counts] of [["faults", total.faults], ["actions", total.actions], ["reasons", total.reasons]]) {
    console.log(title)
    for (const [name, count] of Object.entries(counts).sort(([left], [right]) => left < right ? -1 : 1)) {
      const seldom = count < wanted
      if (seldom) thin.push(name)
      show(count, name, seldom ? `  (fewer than ${wanted})` : "")
    }
  }
  return thin
}

const nameOf = ({ arm, place, text }) => `${place}  ${arm}  ${text}`

/**
 * Of the judgement's branches: each file's rarest, then all that were taken too
 * seldom. Those that no simulation takes stand in a list, with the reason, and a
 * line of that list that fits no branch, or one that is taken, is told as well.
 */
export const branchCoverage = (names, counts, seeds) => {
  const wanted = Math.floor(least * seeds / 1000)
  const branches = names.map((name, number) => ({ ...name, count: counts[number] ?? 0, excuse: excuseFor(name) }))
  const files = new Map()
  for (const branch of branches) files.set(fileOf(branch), [...files.get(fileOf(branch)) ?? [], branch])
  console.log(
    "branches of the judgement: how many, and how often the rarest was taken of those that simulation can take"
  )
  for (const [file, own] of files) {
    const reachable = own.filter(({ excuse }) => excuse === undefined)
    show(Math.min(...reachable.map(({ count }) => count)), `${file}  ${reachable.length} of ${own.length}`)
  }
  const thin = branches.filter(({ count, excuse }) => excuse === undefined && count < wanted)
  for (const branch of thin) show(branch.count, nameOf(branch), `  (fewer than ${wanted})`)
  const idle = unreached.filter((entry) => !branches.some(({ excuse }) => excuse === entry))
  const wrong = branches.filter(({ count, excuse }) => excuse !== undefined && count > 0)
  for (const { file, text } of idle) console.log(`  no such branch in the list of those not taken: ${file}  ${text}`)
  for (const branch of wrong) show(branch.count, nameOf(branch), "  (listed as not taken)")
  return [...thin, ...wrong].map(nameOf).concat(idle.map(({ file, text }) => `${file}  ${text}`))
}

const fileOf = ({ place }) => place.replace(/:.*/, "").replace("src/decide/", "")

const excuseFor = (branch) =>
  unreached.find(({ arm, file, line, text }) =>
    file === fileOf(branch) && branch.text.startsWith(text) && (arm === undefined || arm === branch.arm)
    && (line === undefined || branch.line.includes(line))
  )
