/** Redis: PING, and PONG. */
import { healthy, type Question, quote, unhealthy } from "./answer.ts"

/** The longest first line that is waited for, bytes; errors of Redis are shorter. */
const longest = 1024

export const askRedis: Question = (socket, answered) => {
  let heard = Buffer.alloc(0)
  socket.on("data", (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk])
    const end = heard.indexOf("\n")
    if (end < 0 && heard.length < longest) return
    const line = heard.subarray(0, end < 0 ? longest : end).toString("utf8").trimEnd()
    if (line === "+PONG") answered(healthy)
    else if (line.startsWith("-")) answered(unhealthy(`Redis answered the PING with the error ${quote(line.slice(1))}`))
    else answered(unhealthy(`the PING was answered with ${quote(line)}, not as Redis does`))
  })
  // The array form, not the inline one: what is no Redis is less likely to take it for a command of its own.
  socket.write("*1\r\n$4\r\nPING\r\n")
}
