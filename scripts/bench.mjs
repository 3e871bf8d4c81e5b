/**
 * `npm run bench -- NAME [ARGUMENT…]` runs bench/NAME.ts; without a name it says
 * which there are. The bundles are built first, since it is they that are measured.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"

import { ensureBuild, ensureNode, ensurePackages, foreground, root, stop, tool } from "./prepare.mjs"

const names = readdirSync(join(root, "bench")).filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3))

const [name, ...rest] = process.argv.slice(2)
if (name === undefined || !names.includes(name)) {
  stop(`${name === undefined ? "" : `no benchmark is called ${name}. `}npm run bench -- ${names.join(" | ")}`)
}

ensureNode()
ensurePackages()
ensureBuild()
process.exitCode = await foreground(tool("tsx"), [join(root, "bench", `${name}.ts`), ...rest])
