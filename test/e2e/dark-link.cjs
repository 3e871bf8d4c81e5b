/**
 * A link to a port that can go dark: stopped by a signal, it answers nothing on
 * the connections that there are, and once its short queue is full the kernel
 * drops what would be new ones. Prints its port.
 *
 *   node dark-link.cjs PORT
 */
const net = require("node:net")

const server = net.createServer((socket) => {
  const far = net.connect(Number(process.argv[2]), "127.0.0.1")
  for (const [one, other] of [[socket, far], [far, socket]]) {
    one.on("error", () => {})
    one.on("close", () => other.destroy())
  }
  socket.pipe(far).pipe(socket)
})
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  process.stdout.write(`${server.address().port}\n`)
})
