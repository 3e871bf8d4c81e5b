/**
 * One project for each folder of test/. The first three run in two processes,
 * e2e and long one file at a time: they share the machine's container engine,
 * its network and its clock.
 */
import { defineConfig } from "vitest/config"

// Where it is set, every process that a test starts takes three times as long to start.
delete process.env["NODE_EXTRA_CA_CERTS"]

const project = (name: string, seconds: number, alone: boolean) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: seconds * 1000,
    hookTimeout: Math.max(30, seconds) * 1000,
    poolOptions: { forks: { minForks: 1, maxForks: 2, singleFork: alone } }
  }
})

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: true,
    reporters: ["default", "./scripts/reporter.mjs"],
    coverage: {
      provider: "v8",
      experimentalAstAwareRemapping: true,
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "html", "json-summary"],
      thresholds: { lines: 90 }
    },
    projects: [
      project("unit", 60, false),
      project("simulation", 60, false),
      project("integration", 60, false),
      project("e2e", 120, true),
      project("interop", 600, true),
      project("fuzz", 7200, false),
      project("long", 3600, true)
    ]
  }
})
