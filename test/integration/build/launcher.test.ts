/** scripts/launch.cjs: what stands before each bundle and keeps its code cache. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterEach, assert, beforeEach, describe, it } from "vitest"

const launcher = readFileSync(new URL("../../../scripts/launch.cjs", import.meta.url), "utf8")

const program = `
const greet = (who) => "hello " + who
if (process.argv[2] === "part") console.log(require("./part.cjs").text, require("./part.cjs") === require("./part.cjs"))
else console.log(greet(process.argv[2]), require("node:path").basename(__filename))
`

let dist: string

beforeEach(() => {
  dist = mkdtempSync(join(tmpdir(), "launcher-"))
  mkdirSync(join(dist, "lib"))
  writeFileSync(join(dist, "lib", "main-1.cjs"), program)
  writeFileSync(join(dist, "lib", "part-1.cjs"), "exports.text = \"a part\"")
  install({ main: "main-1.cjs", part: "part-1.cjs" })
})

afterEach(() => rmSync(dist, { recursive: true }))

const install = (bundles: Record<string, string>) =>
  writeFileSync(
    join(dist, "main.cjs"),
    launcher.replace("const BUNDLES = {}", `const BUNDLES = ${JSON.stringify(bundles)}`)
  )

const run = (
  argument: string,
  { flags = [], env = {} }: { flags?: Array<string>; env?: Record<string, string> } = {}
) =>
  execFileSync(process.execPath, [...flags, join(dist, "main.cjs"), argument], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", ...env }
  }).trim()

const caches = () => readdirSync(join(dist, "cache")).sort()

const theCache = () => {
  const [only, ...others] = caches()
  assert.deepStrictEqual(others, [])
  return join(dist, "cache", only ?? "")
}

/** A cache that was used is left alone; one that was not is replaced by another file. */
const identity = (file: string) => statSync(file, { bigint: true }).ino

describe("the launcher", () => {
  it("writes the cache in the first run and uses it from then on", () => {
    assert.strictEqual(run("world"), "hello world main-1.cjs")
    const written = identity(theCache())
    assert.strictEqual(run("again"), "hello again main-1.cjs")
    assert.strictEqual(identity(theCache()), written)
  })

  it.each([
    ["a flipped bit", (bytes: Buffer) => bytes.fill(bytes.readUInt8(100) ^ 1, 100, 101)],
    ["a cache cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ["an empty file", () => Buffer.alloc(0)],
    ["what is no cache", () => Buffer.from("hello, this is not a code cache at all")]
  ])("does not run %s, and makes it anew", (_, spoil) => {
    run("world")
    const file = theCache()
    const good = readFileSync(file)
    writeFileSync(file, spoil(Buffer.from(good)))
    assert.strictEqual(run("world"), "hello world main-1.cjs")
    const mended = identity(file)
    run("world")
    assert.strictEqual(identity(file), mended)
  })

  it("makes a cache anew that is sound but that V8 rejects", () => {
    run("world")
    const file = theCache()
    const bundle = join(dist, "lib", "main-1.cjs")
    // Under the same name, which the build never does.
    writeFileSync(bundle, `${readFileSync(bundle, "utf8")}// longer`)
    const before = identity(file)
    assert.strictEqual(run("world"), "hello world main-1.cjs")
    assert.notStrictEqual(identity(file), before)
  })

  it("keeps caches of other bundles and of other flags apart", () => {
    run("world")
    run("world", { flags: ["--optimize-for-size"] })
    assert.strictEqual(caches().length, 2)
    writeFileSync(join(dist, "lib", "main-2.cjs"), program.replace("hello", "howdy"))
    install({ main: "main-2.cjs" })
    assert.strictEqual(run("world"), "howdy world main-2.cjs")
    assert.strictEqual(caches().length, 3)
  })

  it("loads a lazy part once, and only when it is asked for", () => {
    run("world")
    assert.strictEqual(caches().length, 1)
    assert.strictEqual(run("part"), "a part true")
    assert.strictEqual(caches().length, 2)
  })

  it("does without where it cannot write, and where it is told to", () => {
    writeFileSync(join(dist, "cache"), "in the way")
    assert.strictEqual(run("world"), "hello world main-1.cjs")
    rmSync(join(dist, "cache"))
    assert.strictEqual(run("world", { env: { OFFLOADER_CODE_CACHE: "off" } }), "hello world main-1.cjs")
    assert.throws(() => caches(), /ENOENT/)
  })

  it("leaves nothing aside behind", () => {
    run("world")
    run("world", { env: { OFFLOADER_CODE_CACHE: "write" } })
    assert.isTrue(caches().every((file) => file.endsWith(".bin")))
  })
})
