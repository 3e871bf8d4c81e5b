"use strict"
/** Preloaded into offloadd: kills it at its n-th write of memory.json; odd ones before the file is replaced, even ones after. */
const fs = require("node:fs")

const fatal = Number(process.env.KILL_AT_WRITE)
const rename = fs.rename
let writes = 0

fs.rename = (from, to, callback) => {
  if (!String(to).endsWith("memory.json")) return rename(from, to, callback)
  writes += 1
  if (writes !== Math.ceil(fatal / 2)) return rename(from, to, callback)
  if (fatal % 2 === 0) fs.renameSync(from, to)
  process.kill(process.pid, "SIGKILL")
}
