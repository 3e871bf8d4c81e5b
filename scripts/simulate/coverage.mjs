/** What occurred, how often; yields the names of what occurred too seldom. */

/** The least for 1,000 seeds. */
const least = 50

export const coverage = (total, seeds) => {
  const wanted = Math.floor(least * seeds / 1000)
  const thin = []
  for (const [title, counts] of [["faults", total.faults], ["actions", total.actions], ["reasons", total.reasons]]) {
    console.log(title)
    for (const [name, count] of Object.entries(counts).sort(([left], [right]) => left < right ? -1 : 1)) {
      const seldom = count < wanted
      if (seldom) thin.push(name)
      console.log(`  ${String(count).padStart(8)}  ${name}${seldom ? `  (fewer than ${wanted})` : ""}`)
    }
  }
  return thin
}
