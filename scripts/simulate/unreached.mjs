/**
 * Branches of src/decide that no simulation takes, and why. A branch is named by
 * its file and how its text begins, and by its arm where that is not enough.
 */
export const unreached = []
