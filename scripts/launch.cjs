"use strict"

/**
 * What `dist/NAME.cjs` is: it loads the bundle of that name from `dist/lib` with
 * the code that V8 compiled in an earlier run, which takes some 40 % off the
 * start and keeps the daemon's memory down. `build.mjs` writes the first line
 * and fills in BUNDLES.
 *
 * V8 itself checks a code cache by no more than the length of the source, its
 * own version and its flags, and a flipped byte in one can crash or hang the
 * process. So the cache's name holds the content hash of the bundle (which is in
 * the bundle's name), V8's version and the flags; the file ends with its length
 * and a CRC-32; it is written aside and renamed. One that is absent, damaged or
 * rejected is ignored and made anew at exit, from the functions that this run
 * used. Where the folder cannot be written, there is no cache and no complaint.
 *
 * Caches live beside the bundles and nowhere else: whoever may write there could
 * change the program itself. OFFLOADER_CODE_CACHE=off does without, =read writes
 * none, =write makes it anew even where it is good, as `build.mjs --warm` does to
 * cover several commands.
 *
 * Every millisecond here is paid at each start: no dependency, nothing loaded
 * that Node has not loaded already, except zlib for the checksum.
 */
const fs = require("node:fs")
const path = require("node:path")
const vm = require("node:vm")
const Module = require("node:module")

/** Name → file in `dist/lib`; the first is the program, the others it loads when it needs them. */
const BUNDLES = {}

const mode = process.env.OFFLOADER_CODE_CACHE
const library = path.join(__dirname, "lib")
const caches = path.join(__dirname, "cache")
const flags = process.execArgv.join("").replace(/[^A-Za-z0-9=]/g, "")
const suffix = `${process.versions.v8}-${process.arch}${flags === "" ? "" : `-${flags.slice(0, 120)}`}.bin`

/** The last 12 bytes: "OFLC", the length of the data before them, its CRC-32. */
const MAGIC = 0x4f464c43
const TRAILER = 12

const loaded = new Map()

const load = (name) => {
  const held = loaded.get(name)
  if (held !== undefined) {
    return held.exports
  }
  const file = path.join(library, BUNDLES[name])
  const cache = path.join(caches, `${BUNDLES[name]}-${suffix}`)
  // The build leaves ASCII only, and a one-byte string is half the memory.
  const source = Module.wrap(fs.readFileSync(file, "latin1"))
  const cachedData = mode === "off" ? undefined : readCache(cache)
  const script = new vm.Script(source, cachedData === undefined ? { filename: file } : { filename: file, cachedData })
  const good = cachedData !== undefined && !script.cachedDataRejected
  if (mode === "write" || (mode === undefined && !good)) {
    writeLater(script, cache)
  }
  const bundle = new Module(file, module)
  bundle.filename = file
  loaded.set(name, bundle)
  script.runInThisContext()(bundle.exports, requireFor, bundle, file, library)
  return bundle.exports
}

/** Bundles name each other as `./NAME.cjs`; all else is Node's. */
const requireFor = (id) => {
  const name = id.startsWith("./") ? id.slice(2, -".cjs".length) : undefined
  return name !== undefined && Object.hasOwn(BUNDLES, name) ? load(name) : require(id)
}
requireFor.resolve = require.resolve
requireFor.main = undefined

const readCache = (file) => {
  let bytes
  try {
    bytes = fs.readFileSync(file)
  } catch {
    return undefined
  }
  const length = bytes.length - TRAILER
  const sound = length > 0 && bytes.readUInt32BE(length) === MAGIC && bytes.readUInt32BE(length + 4) === length
    && bytes.readUInt32BE(length + 8) === require("node:zlib").crc32(bytes.subarray(0, length))
  return sound ? bytes.subarray(0, length) : undefined
}

/** At exit, or after a while in a process that stays: by then what runs at start has run. */
const writeLater = (script, file) => {
  let done = false
  const write = () => {
    if (!done) {
      done = true
      writeCache(script, file)
    }
  }
  process.once("exit", write)
  setTimeout(write, 20_000).unref()
}

const writeCache = (script, file) => {
  const aside = `${file}.${process.pid}`
  try {
    const data = script.createCachedData()
    const trailer = Buffer.alloc(TRAILER)
    trailer.writeUInt32BE(MAGIC, 0)
    trailer.writeUInt32BE(data.length, 4)
    trailer.writeUInt32BE(require("node:zlib").crc32(data), 8)
    fs.mkdirSync(caches, { recursive: true })
    fs.writeFileSync(aside, Buffer.concat([data, trailer]))
    fs.renameSync(aside, file)
  } catch {
    // No room or no right to write: the next start is as slow as this one, no more.
    try {
      fs.unlinkSync(aside)
    } catch {
      // It was never made.
    }
  }
}

load(Object.keys(BUNDLES)[0])
