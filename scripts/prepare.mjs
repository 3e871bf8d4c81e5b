/**
 * What every command needs before it can begin: a Node that is new enough, the
 * packages of package-lock.json, and bundles that match the sources. Uses
 * nothing but Node itself, so that it runs on a fresh clone.
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const minimum = [20, 19]

/**
 * The environment of everything we start. A node that reads extra certificate
 * authorities starts three times slower; npm alone keeps them, it may need them
 * to reach its registry.
 */
export const environment = () => {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
  return rest
}

/** The path of a development tool's command. */
export const tool = (name) => join(root, "node_modules", ".bin", name)

export const ensureNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
    stop(`Node ${minimum.join(".")} or newer is needed; this is ${process.version}`)
  }
}

/** Runs `npm ci` where the installed packages are not those of package-lock.json. */
export const ensurePackages = () => {
  const reason = whyInstall()
  if (reason === undefined) {
    return
  }
  console.error(`${reason}: running npm ci`)
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, stdio: ["ignore", 2, 2] })
  if (npm.error !== undefined) {
    stop(`npm cannot be run: ${npm.error.message}`)
  }
  if (npm.status !== 0) {
    stop("npm ci failed; its message is above")
  }
}

/** Builds `dist/` where it is older than what it is made of. */
export const ensureBuild = () => {
  const build = spawnSync(process.execPath, [join(root, "scripts", "build.mjs")], {
    cwd: root,
    env: environment(),
    stdio: ["ignore", 2, 2]
  })
  if (build.status !== 0) {
    stop("the build failed; its message is above")
  }
}

/** Runs a command in the foreground, passing signals on; resolves with its exit code. */
export const foreground = (command, args, env = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", env: { ...environment(), ...env } })
    // A terminal sends SIGINT to the child by itself; then it must only not end us first.
    const pass = (signal) => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) {
        child.kill(signal)
      }
    }
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
    for (const signal of signals) {
      process.on(signal, pass)
    }
    child.once("error", (error) => stop(`${command} cannot be run: ${error.message}`))
    child.once("exit", (code, signal) => {
      for (const name of signals) {
        process.off(name, pass)
      }
      resolve(signal === null ? code : 1)
    })
  })

export const stop = (message) => {
  console.error(message)
  process.exit(1)
}

const whyInstall = () => {
  const installed = join(root, "node_modules", ".package-lock.json")
  if (!existsSync(installed)) {
    return "packages are not installed"
  }
  const wanted = packagesOf(join(root, "package-lock.json"))
  const held = packagesOf(installed)
  const differing = Object.entries(wanted).find(([path, entry]) =>
    path !== "" && held[path]?.version !== entry.version && !(entry.optional === true && held[path] === undefined)
  )
  return differing === undefined ? undefined : `${differing[0]} is not at ${differing[1].version}`
}

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages
  } catch (error) {
    return stop(`${file} cannot be read: ${error.message}`)
  }
}
