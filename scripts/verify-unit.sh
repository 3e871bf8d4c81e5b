#!/bin/bash
# Verifies packaging/offloadd.service as it would stand on a switch: in a root of
# its own, where the programs that it names are stubs and database.service exists.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

units=$root/usr/lib/systemd/system
mkdir -p "$units" "$root/usr/bin" "$root/usr/local/bin"
# The standard targets and slices, which every unit refers to.
standard=/usr/lib/systemd/system
[ -d "$standard" ] || standard=/lib/systemd/system
cp "$standard"/*.target "$standard"/*.slice "$units"/

for program in usr/bin/offloadd usr/local/bin/is-npu-or-dpu.sh usr/bin/database.sh; do
  printf '#!/bin/sh\n' > "$root/$program"
  chmod 755 "$root/$program"
done
printf '[Unit]\nDescription=The database container\n[Service]\nExecStart=/usr/bin/database.sh\n' \
  > "$units/database.service"
cp "$here/packaging/offloadd.service" "$units/"

# It exits with 0 on warnings, such as those about unknown directives; here they count.
said=$(systemd-analyze --root="$root" --recursive-errors=yes verify "$units/offloadd.service" 2>&1) || {
  printf '%s\n' "$said"
  exit 1
}
if [ -n "$said" ]; then
  printf '%s\n' "$said"
  exit 1
fi
