/**
 * Runs the tests, after installing and building what they need.
 *
 *   npm test            what can run here; each skip is printed with its reason
 *   npm run test:all    the same, and a skip is a failure
 *   npm run test:long   soaks, long simulations, a million hostile cases
 *   npm run test:fuzz   hostile peers: 20,000 cases, or OFFLOADER_FUZZ_CASES
 *   npm run test:interop   the reference server and client, where they are installed
 *   npm run coverage    with line coverage of src/, from all that runs in-process
 *
 * Further arguments are Vitest's: `npm test -- test/unit/ladder.test.ts`.
 */
import { ensureBuild, ensureNode, ensurePackages, foreground, stop, tool } from "./prepare.mjs"

const usual = ["unit", "simulation", "integration", "e2e"]
const modes = {
  usual: { projects: usual, args: [], env: {} },
  all: { projects: usual, args: [], env: { OFFLOADER_REQUIRE_ALL: "1" } },
  long: { projects: ["long", "fuzz"], args: [], env: { OFFLOADER_FUZZ_CASES: "1000000" } },
  interop: { projects: ["interop"], args: [], env: {} },
  fuzz: { projects: ["fuzz"], args: [], env: {} },
  // Processes that tests start are not covered: of the simulations only the first seeds run.
  coverage: {
    projects: ["unit", "simulation", "integration"],
    args: ["--coverage"],
    env: { SIMULATION_SEEDS: "4", SIMULATION_HOURS: "0.1" }
  }
}

const [mode = "usual", ...rest] = process.argv.slice(2)
const chosen = modes[mode] ?? stop(`no kind of test run is called ${mode}; there are ${Object.keys(modes).join(", ")}`)

ensureNode()
ensurePackages()
ensureBuild()
process.exitCode = await foreground(
  tool("vitest"),
  ["run", ...chosen.projects.flatMap((project) => ["--project", project]), ...chosen.args, ...rest],
  chosen.env
)
