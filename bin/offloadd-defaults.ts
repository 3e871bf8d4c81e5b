/** Where things are on a switch, for offloadd and for who examines it. */
export const defaults = {
  versionFile: "/etc/sonic/sonic_version.yml",
  imagesDir: "/host/offloader/images",
  stateDir: "/host/offloader",
  dockerSocket: "/var/run/docker.sock",
  socket: "/run/offloader/offloadd.sock"
}
