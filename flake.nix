# A development shell, and the three binaries: `nix develop`, `nix run .#offloadd`,
# `nix run .#offloadctl -- list`, `nix run .#npu-sim`.
#
# How the binaries are made: package-lock.json names no registry, so that an
# install follows whatever registry npm is set to use. The ways of nixpkgs to build
# npm packages inside the sandbox (buildNpmPackage, importNpmLock) take the
# addresses from the lock and cannot work without. So each binary is a small
# script that, at its first run, copies this source into the user's cache folder,
# runs `npm ci` and the build there, and starts what that made from then on.
#
# What has been checked: that this file parses (nix-instantiate --parse), and that
# its outputs evaluate with a stand-in for nixpkgs. What has not: evaluation with
# nixpkgs itself. There is no flake.lock for the same reason; `nix flake lock`
# makes one.
{
  description = "Keeps the SONiC services of a DPU running as containers on the NPU of a SmartSwitch";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.05";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});

      binaries = [ "offloadd" "offloadctl" "npu-sim" ];

      # One folder for each version of the source, named by its store path.
      version = builtins.unsafeDiscardStringContext (baseNameOf (toString self));

      binary = pkgs: name: pkgs.writeShellApplication {
        inherit name;
        runtimeInputs = [ pkgs.nodejs_22 pkgs.coreutils ];
        text = ''
          cache="''${XDG_CACHE_HOME:-''${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/dpu-offloader"
          tree="$cache/${version}"
          if [ ! -x "$tree/dist/${name}.cjs" ]; then
            mkdir -p "$cache"
            aside=$(mktemp -d "$cache/.new-XXXXXX")
            cp -R --no-preserve=mode,ownership ${self}/. "$aside"
            ( cd "$aside" && npm ci --no-audit --no-fund && node scripts/build.mjs ) >&2
            # Another start may have been quicker; then its work is as good.
            mv -T "$aside" "$tree" 2>/dev/null || rm -rf "$aside"
          fi
          exec "$tree/dist/${name}.cjs" "$@"
        '';
      };
    in
    {
      packages = forEach (pkgs:
        nixpkgs.lib.genAttrs binaries (binary pkgs) // { default = binary pkgs "offloadctl"; });

      apps = forEach (pkgs:
        let app = name: { type = "app"; program = "${binary pkgs name}/bin/${name}"; };
        in nixpkgs.lib.genAttrs binaries app // { default = app "offloadctl"; });

      # Node, and what the end-to-end tests use.
      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.nodejs_22
            pkgs.podman
            pkgs.runc
            pkgs.busybox
            pkgs.redis
            pkgs.iproute2
            pkgs.nftables
          ];
          # Where it is set, every node starts three times slower.
          shellHook = "unset NODE_EXTRA_CA_CERTS";
        };
      });
    };
}
