/**
 * Lint and format. The arrows between folders are dependency-cruiser's
 * (`.dependency-cruiser.cjs`); what a line may say is held here.
 */
import * as effectPlugin from "@effect/eslint-plugin"
import simpleImportSort from "eslint-plugin-simple-import-sort"
import tseslint from "typescript-eslint"

/** Packages whose root is a barrel: deep imports only, the barrels cost half a second at start. */
const barrels = [
  "effect",
  "@effect/cli",
  "@effect/platform",
  "@effect/platform-node",
  "@effect/printer",
  "@effect/printer-ansi"
].map((name) => ({ name, message: "Import the module itself, as in \"effect/Effect\": the barrel is slow to start." }))

/** `Effect.runPromise(…)` and its family, whatever the namespace is called; `Runtime.runFork(runtime)` is a bridge. */
const runEffect = {
  selector:
    "CallExpression > MemberExpression.callee[property.name=/^run(Promise|PromiseExit|Sync|SyncExit|Fork|Callback)$/]" +
    ":not([object.name=/[rR]untime$/])",
  message: "Effects are run at the composition root in bin/; a layer that bridges callbacks uses its Runtime."
}

const impure = [
  runEffect,
  {
    selector: ":matches(FunctionDeclaration, FunctionExpression, ArrowFunctionExpression)[async=true]",
    message: "No async functions in src: an Effect says what it needs and how it fails."
  },
  { selector: "AwaitExpression", message: "No await in src: yield* an Effect." },
  {
    selector: "NewExpression[callee.name=\"Promise\"], MemberExpression[object.name=\"Promise\"]",
    message: "No Promise in src: use Effect."
  },
  {
    selector: "CallExpression[callee.property.name=/^(promise|tryPromise)$/]",
    message: "Promises are met in layers, not in src."
  },
  { selector: "ImportExpression", message: "No dynamic import in src: bin/ loads lazily what it needs to." },
  {
    selector: "NewExpression[callee.name=\"Date\"][arguments.length=0], CallExpression[callee.name=\"Date\"]",
    message: "Time comes from Effect's Clock."
  },
  // A reference to Promise as a type; src/npu/wire.ts has the one exception.
  {
    selector: "TSTypeReference > Identifier.typeName[name=/^Promise(Like)?$/]",
    message: "No Promise in src: use Effect."
  }
]

const globalsForbiddenInSrc = [
  "console",
  "process",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "fetch",
  "require",
  "Buffer",
  "__dirname",
  "__filename"
].map((name) => ({ name, message: "src knows no clock, console or process: use Effect's services, or a layer." }))

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "node_modules/", ".tmp/", "**/*.cjs"] },
  {
    files: ["**/*.{ts,js,mjs}"],
    plugins: { "@effect": effectPlugin, "simple-import-sort": simpleImportSort },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "simple-import-sort/imports": "error",
      "simple-import-sort/exports": "error",
      "no-var": "error",
      "prefer-const": "error",
      "object-shorthand": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          // simple-import-sort has that matter; two orders would never agree.
          "module.sortImportDeclarations": "maintain",
          "module.sortExportDeclarations": "maintain",
          "arrowFunction.useParentheses": "force"
        }
      }]
    }
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // An Effect generator without a yield, a union written by hand, an empty interface of a Tag: all sound here.
      "require-yield": "off",
      "@typescript-eslint/no-empty-object-type": "off",
      // Type and value of one name is how Schema is written.
      "@typescript-eslint/no-redeclare": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/array-type": ["error", { default: "generic" }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-unnecessary-type-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/only-throw-error": "error"
    }
  },
  {
    files: ["src/**/*.ts", "layers/**/*.ts", "bin/**/*.ts"],
    rules: {
      "no-restricted-imports": ["error", { paths: barrels }],
      "no-restricted-syntax": ["error", { selector: "ExportAllDeclaration", message: "No barrels of our own." }]
    }
  },
  {
    files: ["layers/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", runEffect] }
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...globalsForbiddenInSrc],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Time comes from Effect's Clock." },
        {
          object: "Math",
          property: "random",
          message: "Chance comes from Effect's Random, or from the seed in memory."
        },
        { object: "globalThis", message: "src knows no globals of the platform." }
      ],
      "no-restricted-syntax": ["error", ...impure],
      "no-restricted-imports": ["error", {
        paths: barrels,
        patterns: [{ group: ["node:*"], message: "src knows no node module: that is what layers are for." }]
      }]
    }
  },
  {
    // The loop over the chunks of an upload is a plain loop, so its source is plain as well.
    files: ["src/npu/wire.ts"],
    rules: {
      "no-restricted-syntax": ["error", ...impure.filter((rule) => !rule.selector.startsWith("TSTypeReference"))]
    }
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off" }
  }
)
