/** Bundles the simulation's worker, with patches to the program under test, or with counters in it, where asked for. */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"

import { root } from "../prepare.mjs"
import { isJudged, makeMarker, prelude } from "./branches.mjs"

/**
 * Patches are exact: `{ file, find, replace }`, and `find` must stand in the
 * file once. A patch that does not fit is an error, never a silent no-op. With
 * `counting`, yields the branches that the bundle counts.
 */
export const bundleWorker = async (outfile, { counting = false, patches = [] } = {}) => {
  const esbuild = await import("esbuild")
  const marker = counting ? makeMarker() : undefined
  const applied = new Set()
  await esbuild.build({
    entryPoints: [join(root, "scripts/simulate/worker.ts")],
    absWorkingDir: root,
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "error",
    banner: counting ? { js: prelude } : {},
    plugins: !counting && patches.length === 0 ? [] : [{
      name: "patches and counters",
      setup(build) {
        build.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
          const file = relative(root, path).replaceAll("\\", "/")
          const mine = patches.filter((patch) => patch.file === file)
          const marks = marker !== undefined && isJudged(file)
          if (mine.length === 0 && !marks) return undefined
          let contents = readFileSync(path, "utf8")
          for (const patch of mine) {
            const parts = contents.split(patch.find)
            if (parts.length !== 2) {
              throw new Error(`${file}: the text to patch stands there ${parts.length - 1} times: ${patch.find}`)
            }
            contents = parts.join(patch.replace)
            applied.add(patch)
          }
          return { contents: marks ? marker.mark(file, contents) : contents, loader: "ts" }
        })
      }
    }]
  })
  const missed = patches.filter((patch) => !applied.has(patch))
  if (missed.length > 0) throw new Error(`${missed[0].file} is not part of the program`)
  return marker === undefined ? [] : marker.names
}
