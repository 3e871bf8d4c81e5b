/** Making the names in a folder last: a file that is synchronised is there after a loss of power only if its name is. */
import { open } from "node:fs/promises"

export const syncFolder = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
