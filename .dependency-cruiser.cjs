"use strict"

/**
 * The arrows of the house (docs/architecture.md), as rules:
 *
 *   bin → layers → src, and proto/ is a leaf that layers may read
 *   model ← policy ← npu, health, decide ← daemon ← simulate
 *   model, policy ← control ← daemon, cli
 *
 * A folder that is not listed here may import nothing of src but itself: a new
 * one gets its line before it gets its first import.
 */

/** Folder of src → the folders of src that it may import beside itself. */
const arrows = {
  model: [],
  policy: ["model"],
  npu: ["model", "policy"],
  health: ["model", "policy", "npu"],
  decide: ["model", "policy"],
  control: ["model", "policy"],
  daemon: ["model", "policy", "npu", "health", "decide", "control"],
  cli: ["model", "policy", "control"],
  simulate: ["model", "policy", "npu", "health", "decide", "control", "daemon"]
}

const known = Object.keys(arrows).join("|")

/** The packages that each folder of src may use; the rest of src has `effect` alone. */
const packagesOf = {
  control: ["effect", "@effect/platform"],
  // The handlers of the control API.
  daemon: ["effect", "@effect/platform"],
  cli: ["effect", "@effect/cli", "@effect/printer", "@effect/printer-ansi"]
}

/** As dependency-cruiser resolves it: node_modules/NAME/… */
const packagePattern = (names) => `^node_modules/(?:${names.join("|")})/`

const srcArrows = Object.entries(arrows).map(([folder, allowed]) => ({
  name: `src-${folder}-imports`,
  severity: "error",
  comment: `src/${folder} may import ${allowed.length === 0 ? "nothing else of src" : allowed.join(", ")}`,
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: `^src/(?:${[folder, ...allowed].join("|")})/` }
}))

const srcPackages = Object.keys(arrows).map((folder) => ({
  name: `src-${folder}-packages`,
  severity: "error",
  comment: `src/${folder} may use ${(packagesOf[folder] ?? ["effect"]).join(", ")} and no other package`,
  from: { path: `^src/${folder}/` },
  to: {
    dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-bundled", "npm-no-pkg", "npm-unknown"],
    pathNot: packagePattern(packagesOf[folder] ?? ["effect"])
  }
}))

module.exports = {
  forbidden: [
    ...srcArrows,
    ...srcPackages,
    {
      name: "src-folder-known",
      severity: "error",
      comment: "every file of src lives in a folder that this configuration knows",
      from: { path: "^src/", pathNot: `^src/(?:${known})/` },
      to: {}
    },
    {
      name: "src-knows-no-layer",
      severity: "error",
      comment: "src imports no layer, no proto, no binary and no test",
      from: { path: "^src/" },
      to: { path: "^(?:layers|proto|bin|test|bench|scripts)/" }
    },
    {
      name: "src-knows-no-node",
      severity: "error",
      comment: "src imports no module of the platform",
      from: { path: "^src/" },
      to: { dependencyTypes: ["core"] }
    },
    {
      name: "layers-stand-alone",
      severity: "error",
      comment: "no layer imports another, except sim, which builds on npu-sim",
      from: { path: "^layers/([^/]+)/", pathNot: "^layers/sim/" },
      to: { path: "^layers/", pathNot: "^layers/$1/" }
    },
    {
      name: "sim-builds-on-npu-sim",
      severity: "error",
      comment: "layers/sim imports no layer but npu-sim",
      from: { path: "^layers/sim/" },
      to: { path: "^layers/", pathNot: "^layers/(?:sim|npu-sim)/" }
    },
    {
      name: "layers-know-no-binary",
      severity: "error",
      comment: "layers import src and proto only",
      from: { path: "^layers/" },
      to: { path: "^(?:bin|test|bench|scripts)/" }
    },
    {
      name: "proto-is-a-leaf",
      severity: "error",
      comment: "proto imports nothing of ours but the types of the messages it defines",
      from: { path: "^proto/" },
      to: { path: "^(?:src|layers|bin|test|bench|scripts)/", pathNot: "^src/npu/messages\\.ts$" }
    },
    {
      name: "proto-imports-types",
      severity: "error",
      comment: "what proto takes from src is types only",
      from: { path: "^proto/" },
      to: { path: "^src/", dependencyTypesNot: ["type-only"] }
    },
    {
      name: "proto-is-for-layers",
      severity: "error",
      comment: "proto is read by layers, its own scripts and tests",
      from: { path: "^bin/" },
      to: { path: "^proto/" }
    },
    {
      name: "bin-is-no-library",
      severity: "error",
      comment: "what bin composes is not imported; bin itself may share among its files",
      from: { path: "^(?:src|layers|proto)/" },
      to: { path: "^bin/" }
    },
    {
      name: "product-knows-no-tests",
      severity: "error",
      comment: "nothing that ships imports tests, benchmarks or scripts",
      from: { path: "^(?:src|layers|proto|bin)/" },
      to: { path: "^(?:test|bench|scripts)/" }
    },
    {
      name: "no-development-packages",
      severity: "error",
      comment: "nothing that ships imports a package of devDependencies",
      from: { path: "^(?:src|layers|bin)/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] }
    },
    {
      name: "no-circles",
      severity: "error",
      comment: "no circular imports; a circle of types only is still a circle in the reader's head",
      from: {},
      to: { circular: true }
    },
    {
      name: "resolvable",
      severity: "error",
      comment: "every import resolves",
      from: {},
      to: { couldNotResolve: true }
    }
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(?:dist|coverage|node_modules/\\.cache)/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json", ".d.ts"]
    }
  }
}
