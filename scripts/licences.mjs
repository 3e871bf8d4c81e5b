/**
 * The licence of every package that ships (all that package-lock.json does not
 * mark as for development) must be one that Apache-2.0 can be shipped with.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { root } from "./prepare.mjs"

const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Python-2.0",
  "Unlicense",
  "Zlib"
])

/** SPDX as packages use it: `A`, `(A OR B)`, `A AND B`; the old `{ type }` and lists of it. */
const acceptable = (licence) => {
  if (Array.isArray(licence)) {
    return licence.some((one) => acceptable(one.type ?? one))
  }
  if (typeof licence === "object" && licence !== null) {
    return acceptable(licence.type)
  }
  if (typeof licence !== "string") {
    return false
  }
  return licence.replace(/[()]/g, " ").split(/\sOR\s/)
    .some((choice) => choice.split(/\sAND\s/).every((part) => allowed.has(part.trim())))
}

const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))
const shipped = Object.entries(packages).filter(([path, entry]) =>
  path !== "" && entry.dev !== true && entry.devOptional !== true
)

const refused = []
let read = 0
for (const [path, entry] of shipped) {
  const file = join(root, path, "package.json")
  if (!existsSync(file)) {
    // A platform's binary that this machine does not install: the lock says its licence, where anything does.
    if (entry.optional !== true || (entry.license !== undefined && !acceptable(entry.license))) {
      refused.push(`${path}: ${entry.optional === true ? entry.license : "is not installed"}`)
    }
    continue
  }
  const { license, licenses, name, version } = JSON.parse(readFileSync(file, "utf8"))
  const licence = license ?? licenses
  read += 1
  if (!acceptable(licence)) {
    refused.push(`${name} ${version}: ${licence === undefined ? "states no licence" : JSON.stringify(licence)}`)
  }
}

for (const line of refused) {
  console.error(line)
}
console.log(`${read} packages ship; ${refused.length} have a licence that is not on the list`)
process.exitCode = refused.length === 0 ? 0 : 1
