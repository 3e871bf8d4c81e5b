import { relative } from "node:path"

/**
 * A Vitest reporter for the end of a run: every skipped test with its reason,
 * then one last line, `N passed, N failed` and, where there are any, `N skipped`.
 *
 * With OFFLOADER_REQUIRE_ALL=1 a skipped test is a failed one.
 *
 * The reason is what a test gives to `ctx.skip("…")`. Inside an Effect that gets
 * lost on the way out; there a test sets `ctx.task.meta.skipReason` beforehand.
 */
export default class Summary {
  #passed = 0
  #failed = 0
  #skipped = []

  onTestRunStart() {
    this.#passed = 0
    this.#failed = 0
    this.#skipped = []
  }

  onTestRunEnd(modules, unhandledErrors) {
    for (const module of modules) {
      // A file that cannot be loaded holds no test that could fail.
      this.#failed += module.errors().length > 0 ? 1 : 0
      for (const suite of module.children.allSuites()) {
        this.#failed += suite.errors().length > 0 ? 1 : 0
      }
      for (const test of module.children.allTests()) {
        this.#count(module, test)
      }
    }
    this.#failed += unhandledErrors.length
    this.#print(process.env.OFFLOADER_REQUIRE_ALL === "1")
  }

  #count(module, test) {
    const result = test.result()
    if (result.state === "passed") {
      this.#passed += 1
    } else if (result.state === "skipped") {
      this.#skipped.push({
        module: relative(process.cwd(), module.moduleId),
        name: test.fullName,
        reason: result.note ?? test.meta().skipReason
      })
    } else {
      this.#failed += 1
    }
  }

  #print(requireAll) {
    if (this.#skipped.length > 0) {
      console.log(requireAll ? "\nSkipped, where nothing may be:" : "\nSkipped:")
    }
    for (const [reason, tests] of groupBy(this.#skipped, (test) => test.reason ?? "no reason given")) {
      console.log(`  ${reason}`)
      for (const test of tests) {
        console.log(`    ${test.module} > ${test.name}`)
      }
    }
    const failed = this.#failed + (requireAll ? this.#skipped.length : 0)
    if (failed > 0) {
      process.exitCode = 1
    }
    const skipped = this.#skipped.length === 0 || requireAll ? "" : `, ${this.#skipped.length} skipped`
    // After everything that Vitest's own reporter and the coverage still print.
    process.once("exit", () => console.log(`${this.#passed} passed, ${failed} failed${skipped}`))
  }
}

const groupBy = (items, key) => {
  const groups = new Map()
  for (const item of items) {
    groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  }
  return groups
}
