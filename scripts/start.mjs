/**
 * `npm start`: installs and builds what is missing, then shows the main job
 * against a simulated NPU until Ctrl-C.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"

import { ensureBuild, ensureNode, ensurePackages, foreground, root, stop } from "./prepare.mjs"

ensureNode()
ensurePackages()
ensureBuild()

const demo = join(root, "dist", "demo.cjs")
if (!existsSync(demo)) {
  stop("dist/demo.cjs was not built")
}
process.exitCode = await foreground(process.execPath, [demo, ...process.argv.slice(2)])
