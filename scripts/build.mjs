/**
 * Bundles the binaries into `dist/`:
 *
 *   dist/NAME.cjs             what is run: scripts/launch.cjs with its first line
 *   dist/lib/NAME-HASH.cjs    the bundle, loaded by it
 *   dist/cache/…              the code that V8 compiled from it
 *
 * Bundles are CommonJS, which starts faster than ES modules. White space and
 * syntax are minified, names are not: it starts as fast, and a stack trace from a
 * switch can be read without source maps. Lines are kept short, because Node
 * prints the offending one whole.
 *
 * Lazy parts. A bundle in CommonJS is one file, so what must cost nothing at
 * start becomes a bundle of its own: every `import("./x.ts")` of one of our files,
 * as `bin/offloadctl.ts` does for `openapi` or `simulate`, is replaced by a
 * `require("./x.cjs")` that the launcher serves from `dist/lib`, with a code cache
 * of its own. Each such bundle holds its own copy of what it imports, so nothing
 * may rely on the identity of a class across the border; Effect's tags are
 * compared by key.
 *
 * Nothing is done where inputs and outputs are those of the last build.
 *
 *   node scripts/build.mjs           the code caches come with the first runs
 *   node scripts/build.mjs --warm    they are made now, for an installation whose
 *                                    users may not write there
 */
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, relative, sep } from "node:path"

import { environment, root } from "./prepare.mjs"

/**
 * Name → the first line of what is run. Memory is dear on a DPU, hence the daemon's
 * flags; with fixed thresholds malloc gives a transfer's buffers back to the system.
 * Without V8's optimizing compiler it does not grow by its code over the hours, and
 * a look each second is too little for it to pay; threads for its collector and its
 * compilers cost more than they spare (docs/performance.md).
 */
const binaries = {
  offloadd: "#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072"
    + " MALLOC_TRIM_THRESHOLD_=131072 node --max-semi-space-size=1 --no-opt --single-threaded-gc --v8-pool-size=1 --expose-gc",
  offloadctl: "#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node",
  "npu-sim": "#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node",
  demo: "#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node",
  smartswitch: "#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node"
}

const dist = join(root, "dist")
const library = join(dist, "lib")
const record = join(dist, "build.json")

/** What a build depends on beside the sources: this folder's part in it, and the versions of the packages. */
const standing = [
  "scripts/build.mjs",
  "scripts/launch.cjs",
  "proto/compile.mjs",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  ...readdirSync(join(root, "proto"), { recursive: true })
    .filter((file) => file.endsWith(".proto"))
    .map((file) => `proto/${file.replaceAll(sep, "/")}`)
]

const main = async () => {
  const present = Object.keys(binaries).filter((name) => existsSync(join(root, "bin", `${name}.ts`)))
  for (const name of Object.keys(binaries)) {
    if (!present.includes(name)) {
      console.log(`skipped ${name}: there is no bin/${name}.ts`)
    }
  }
  if (upToDate(present)) {
    return
  }
  const begun = Date.now()
  const esbuild = await import("esbuild")
  const define = await constants()
  mkdirSync(library, { recursive: true })
  const inputs = new Set(standing)
  const outputs = new Set()
  const failed = []
  for (const name of present) {
    try {
      const bundles = await bundle(esbuild, define, name, inputs)
      for (const file of Object.values(bundles)) {
        outputs.add(join("dist", "lib", file))
      }
      outputs.add(launcher(name, bundles))
    } catch (error) {
      // esbuild has printed what is wrong with the sources; anything else is a fault of this script.
      if (error.errors === undefined) {
        throw error
      }
      failed.push(name)
    }
  }
  if (failed.length > 0) {
    console.error(`not built: ${failed.join(", ")}`)
    process.exitCode = 1
    return
  }
  sweep(outputs)
  write(
    record,
    JSON.stringify(
      {
        present,
        outputs: [...outputs],
        inputs: Object.fromEntries([...inputs].map((file) => stamp(file, begun)))
      },
      null,
      1
    )
  )
  console.log(`built ${present.join(", ")} in ${((Date.now() - begun) / 1000).toFixed(1)} s`)
}

/** Lets every binary do its everyday work once, by way of the demonstration, and keep the code that took. */
const warm = async () => {
  const env = { ...environment(), OFFLOADER_CODE_CACHE: "write" }
  const demo = spawn(join(dist, "demo.cjs"), { env, stdio: ["ignore", "pipe", "inherit"] })
  let said = ""
  await new Promise((resolve) => {
    demo.stdout.setEncoding("utf8").on("data", (text) => {
      said += text
      if (said.includes("Ctrl-C ends")) {
        resolve()
      }
    })
    demo.once("exit", resolve)
  })
  const socket = /OFFLOADER_SOCKET=(\S+)/.exec(said)?.[1]
  if (socket === undefined) {
    throw new Error(`the demonstration did not come to its end:\n${said}`)
  }
  for (const words of ["--help", "nonsense", "start gnmi", "events", "status gnmi -o json", "status gnmi", "list"]) {
    spawnSync(join(dist, "offloadctl.cjs"), words.split(" "), { env: { ...env, OFFLOADER_SOCKET: socket } })
  }
  demo.kill("SIGINT")
  await once(demo, "exit")
  console.log(`code caches: ${readdirSync(join(dist, "cache")).length} files`)
}

/** One binary and its lazy parts; answers name → file in `dist/lib`, the binary first. */
const bundle = async (esbuild, define, binary, inputs) => {
  const bundles = {}
  const waiting = [[binary, join(root, "bin", `${binary}.ts`)]]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, entry] = next
    const lazy = new Map()
    const built = await esbuild.build({
      entryPoints: [entry],
      absWorkingDir: root,
      outfile: join(library, `${name}.cjs`),
      write: false,
      bundle: true,
      metafile: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      // Turns what is left of import() into require().
      supported: { "dynamic-import": false },
      minifySyntax: true,
      minifyWhitespace: true,
      lineLimit: 160,
      charset: "ascii",
      legalComments: "none",
      define,
      // Optional native parts of packages, which do without.
      external: ["cpu-features", "*.node"],
      plugins: [lazyParts(lazy), packagedProtos, lateDescriptors],
      logLevel: "warning"
    })
    const text = built.outputFiles[0].contents
    bundles[name] = `${name}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.cjs`
    write(join(library, bundles[name]), text)
    for (const input of Object.keys(built.metafile.inputs)) {
      if (!input.startsWith("node_modules/")) {
        inputs.add(input)
      }
    }
    for (const [part, file] of lazy) {
      if (!(part in bundles) && !waiting.some(([known]) => known === part)) {
        waiting.push([part, file])
      }
    }
  }
  return bundles
}

/** Leaves each dynamic import of one of our files to a bundle of its own, and notes it in `found`. */
const lazyParts = (found) => ({
  name: "lazy-parts",
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, (args) => {
      if (args.kind !== "dynamic-import" || args.importer.includes(`${sep}node_modules${sep}`)) {
        return undefined
      }
      const file = join(args.resolveDir, args.path)
      const name = relative(root, file).replace(/^bin[/\\]/, "").replace(/\.ts$/, "").replaceAll(/[/\\]/g, "-")
      found.set(name, file)
      return { path: `./${name}.cjs`, external: true }
    })
  }
})

/**
 * The packages of reflection and health read .proto files beside themselves when
 * they are loaded; a bundle has no such place, so it holds what they would read.
 */
const packagedProtos = {
  name: "packaged-protos",
  setup(build) {
    // protobufjs belongs to proto-loader; take the very one that will read the result.
    const require = createRequire(createRequire(import.meta.url).resolve("@grpc/proto-loader"))
    const protobuf = require("protobufjs")
    const embed = (filter, proto, call) =>
      build.onLoad({ filter }, (args) => {
        const text = readFileSync(args.path, "utf8")
        if (!text.includes(call)) {
          throw new Error(`${args.path} no longer reads its .proto file by ${call}`)
        }
        const json = JSON.stringify(protobuf.loadSync(join(root, "node_modules", proto)).toJSON())
        return {
          contents: text.replace(call, call.replace(/loadSync(.*?)\(.*/, (_, close) => `fromJSON${close}(${json},`))
        }
      })
    embed(
      /grpc-health-check[/\\]build[/\\]src[/\\]health\.js$/,
      "grpc-health-check/proto/health/v1/health.proto",
      "loadSync)('health/v1/health.proto',"
    )
    for (const version of ["v1", "v1alpha"]) {
      embed(
        new RegExp(`reflection-${version}\\.js$`),
        `@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`,
        "loadSync(protoPath,"
      )
    }
  }
}

/**
 * Descriptors of messages are for server reflection alone, yet proto-loader makes
 * them whenever it loads; in a bundle it makes them when somebody asks.
 */
const lateDescriptors = {
  name: "late-descriptors",
  setup(build) {
    build.onLoad({ filter: /proto-loader[/\\]build[/\\]src[/\\]index\.js$/ }, (args) => {
      const changes = [
        ["const messageDescriptor = message.toDescriptor('proto3');", ""],
        [
          "type: messageDescriptor.$type.toObject(messageDescriptor, descriptorOptions),",
          "get type() { const made = message.toDescriptor('proto3'); return made.$type.toObject(made, descriptorOptions); },"
        ],
        ["const descriptorList = root.toDescriptor('proto3').file;", "let made;"],
        [
          "const bufferList = descriptorList.map(value => Buffer.from(descriptor.FileDescriptorProto.encode(value).finish()));",
          `const bufferList = () => made ??= root.toDescriptor('proto3').file.map(
            value => Buffer.from(descriptor.FileDescriptorProto.encode(value).finish()));`
        ],
        ["fileDescriptorProtos: fileDescriptors,", "get fileDescriptorProtos() { return fileDescriptors(); },"]
      ]
      let contents = readFileSync(args.path, "utf8")
      for (const [before, after] of changes) {
        if (!contents.includes(before)) {
          throw new Error(`${args.path} no longer holds ${before}`)
        }
        contents = contents.replaceAll(before, () => after)
      }
      return { contents }
    })
  }
}

const launcher = (name, bundles) => {
  const template = readFileSync(join(root, "scripts", "launch.cjs"), "utf8")
  const filled = template
    .replace(/\/\*\*[^]*?\*\/\n/g, "")
    .replace("const BUNDLES = {}", () => `const BUNDLES = ${JSON.stringify(bundles)}`)
  const file = join(dist, `${name}.cjs`)
  // Last and at once: whoever starts it meanwhile gets the old one with its old bundle.
  write(file, `${binaries[name]}\n${filled}`)
  chmodSync(file, 0o755)
  return relative(root, file)
}

/** The compiled .proto files, so that nothing is read or parsed at start; and no place on disk to look for them. */
const constants = async () => {
  const { compileDescriptor } = await import(join(root, "proto", "compile.mjs"))
  return { OFFLOADER_PROTO_JSON: JSON.stringify(JSON.stringify(compileDescriptor())), "import.meta.url": "undefined" }
}

/** Removes what earlier builds left, once nobody can still be starting from it. */
const sweep = (outputs) => {
  const bundles = new Set([...outputs].map((file) => file.slice(file.lastIndexOf("/") + 1)))
  const isOurs = (file) => [...bundles].some((name) => file.startsWith(name))
  for (const folder of [library, join(dist, "cache")]) {
    for (const file of existsSync(folder) ? readdirSync(folder) : []) {
      const whole = join(folder, file)
      if (!isOurs(file) && Date.now() - statSync(whole).mtimeMs > 3_600_000) {
        rmSync(whole, { force: true })
      }
    }
  }
}

const upToDate = (present) => {
  let last
  try {
    last = JSON.parse(readFileSync(record, "utf8"))
  } catch {
    return false
  }
  return last.present.join() === present.join()
    && last.outputs.every((file) => existsSync(join(root, file)))
    && Object.entries(last.inputs).every(([file, [size, changed, hash]]) => {
      const now = statSync(join(root, file), { throwIfNoEntry: false })
      return now !== undefined
        && now.size === size && (now.mtimeMs === changed || hashOf(file) === hash)
    })
}

/** What tells whether a file changed: size and time first, then its content. One edited during the build has. */
const stamp = (file, begun) => {
  const { size, mtimeMs } = statSync(join(root, file))
  return [file, mtimeMs < begun ? [size, mtimeMs, hashOf(file)] : [-1, 0, ""]]
}

const hashOf = (file) => createHash("sha256").update(readFileSync(join(root, file))).digest("hex")

const write = (file, content) => {
  mkdirSync(dirname(file), { recursive: true })
  const aside = `${file}.${process.pid}`
  writeFileSync(aside, content)
  renameSync(aside, file)
}

await main()
if (process.argv.includes("--warm") && process.exitCode === undefined) {
  await warm()
}
