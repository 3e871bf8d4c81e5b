/**
 * `npm run lab`: a whole SmartSwitch on this machine, to play with until Ctrl-C.
 * `npm run lab -- VERB …` from another terminal injects faults and heals them.
 */
import { join } from "node:path"

import { ensureBuild, ensureNode, ensurePackages, foreground, root } from "./prepare.mjs"

ensureNode()
ensurePackages()
ensureBuild()
process.exitCode = await foreground(process.execPath, [join(root, "dist", "smartswitch.cjs"), ...process.argv.slice(2)])
