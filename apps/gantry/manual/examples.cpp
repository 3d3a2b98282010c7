#include "manual/examples.hpp"

#include "utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::app {
namespace {

constexpr example example_table[] = {
    {"pull", "pull nginx:1.25", "an archive in this directory, for docker load -i"},
    {"pull", "pull nginx:1.25 alpine:3 -o base.tar.gz", "two images in one compressed archive"},
    {"pull", "pull nginx --platform linux/amd64,linux/arm/v7", "an archive for each platform"},
    {"pull", "pull nginx -o - | ssh host docker load", "through a pipe, no file on this side"},
    {"pull", "pull registry.example/team/app:1 -u me --password-stdin < token", "a private image"},
    {"pull", "pull nginx -f synology -o nginx.tar.gz", "for DSM and docker before 25"},
    {"pull", "pull --from list.txt -o images/", "a list, one reference a line"},
    {"pull", "pull nginx:1.26.0 --have nginx.tar -o update.tar", "an update: only what nginx.tar lacks, for 'gantry extract' there"},
    {"pull", "pull nginx --report report.html", "and a page that shows what the transfer did"},
    {"serve", "serve", "the store as a registry on 127.0.0.1:5000"},
    {"serve", "serve --listen 0.0.0.0:5000 --upstream docker.io", "a cache of docker.io for the local network"},
    {"push", "push nginx:1.25 localhost:5000/mirror/nginx:1.25 -a amd64", "an image of the store, for one platform"},
    {"push", "push nginx:1.25 localhost:5000/mirror/nginx:1.25", "for all, after 'gantry pull --all-platforms --store-only nginx:1.25'"},
    {"push", "push bundle.tar registry.example/mirror/", "every image of an archive, names kept"},
    {"copy", "copy nginx:1.25 registry.example/mirror/nginx:1.25", "byte for byte, nothing on disk"},
    {"copy", "copy --referrers ghcr.io/team/app:1 registry.example/team/app:1", "with signatures and SBOMs"},
    {"sync", "sync images.json --to registry.example/mirror", "all that the list names"},
    {"sync", "sync images.json --to registry.example/mirror --dry-run", "what that would do"},
    {"sync", "sync images.json --to registry.example/mirror --prune", "and tags that the list does not name go; it asks first"},
    {"inspect", "inspect nginx:1.25", "digests, platforms and sizes"},
    {"inspect", "inspect bundle.tar", "the same for an archive"},
    {"digest", "digest nginx:1.25 -a arm64", "the manifest of one platform"},
    {"digest", "digest bundle.tar quay.io/team/app:1", "of one image in an archive"},
    {"tags", "tags nginx --semver '^1.25' --latest 3", "the three newest of these versions"},
    {"tags", "tags nginx --filter '1[.]25[.].*'", "those that an expression matches from end to end"},
    {"repos", "repos localhost:5000", "what a registry holds"},
    {"delete", "delete registry.example/team/app:1.0", "one tag, where the registry deletes tags"},
    {"delete", "delete localhost:5000/team/app@$(gantry digest localhost:5000/team/app:1.0)",
     "a manifest and all its tags; docker-registry 2.8 deletes by digest alone"},
    {"save", "save nginx:1.25 alpine:3 -o base.tar", "two images of the store in one archive"},
    {"save", "save --from list.txt -o - | ssh host gantry extract -", "what a list names, into the store of another machine"},
    {"explain", "explain nginx:1.25", "which mirror, credentials and certificates it would get"},
    {"explain", "explain nginx:1.25 --mirror docker.io=https://mirror.example", "the same with an option that is to be tried"},
    {"login", "login registry.example -u me --password-stdin < token", "without the secret in the shell's history"},
    {"logout", "logout registry.example", "forget them"},
    {"list", "list", "a table"},
    {"list", "list --json", "every blob and its path"},
    {"clean", "clean nginx:1.25", "one name, and what it alone needs"},
    {"clean", "clean --max-size 20G", "the least recently pulled first"},
    {"verify", "verify", "is all that the store holds sound?"},
    {"verify", "verify --repair", "fetch again what is damaged"},
    {"extract", "extract bundle.tar.gz", "all images of an archive, under its names"},
    {"extract", "extract nginx.tar registry.example/team/nginx:1", "its image, under another name"},
    {"extract", "extract update.tar", "an archive of --have, completed with what the store has"},
    {"convert", "convert old.tar -f oci -o new.tar", "a docker archive as an OCI archive"},
    {"bench", "bench nginx", "how many connections are best from here"},
    {"bench", "bench nginx --try 4,8 --time 5s", "two numbers, five seconds for each"},
    {"completion", "completion bash > /usr/share/bash-completion/completions/gantry", "for all users"},
    {"completion", "completion bash > ~/.local/share/bash-completion/completions/gantry",
     "for you alone, in bash (the directory has to be there)"},
    {"completion", "completion zsh > ~/.zsh/_gantry", "in zsh; before compinit, ~/.zshrc has fpath=(~/.zsh $fpath)"},
    {"completion", "completion fish > ~/.config/fish/completions/gantry.fish", "in fish"},
};

}  // namespace

std::span<const example> examples() { return example_table; }

namespace {

/// \p text in lines of at most \p width columns, with \p between where one ends and the next begins.
std::string in_lines(std::string_view text, std::size_t width, std::string_view between) {
  std::string lines;
  for (const char c : wrap(text, width, 0, "")) {
    if (c == '\n') {
      lines += between;
    } else {
      lines += c;
    }
  }
  return lines;
}

/// What it is for as a comment, and the command below it.
std::string example_text(const example& one, std::size_t width) {
  const std::string line = fmt::format("gantry {}", one.line);
  const std::size_t room = width < 16 ? std::string::npos : width;
  const bool fits = columns(line) + 2 <= room;
  return fmt::format("  # {}\n  {}\n", in_lines(one.purpose, room - 4, "\n  # "), fits ? line : in_lines(line, room - 8, " \\\n      "));
}

}  // namespace

std::string first_example_text(std::string_view command, std::size_t width) {
  for (const example& one : examples()) {
    if (one.command == command) return example_text(one, width);
  }
  return {};
}

std::string examples_text(std::string_view command, std::size_t width) {
  constexpr std::string_view program = "gantry ";
  if (command.starts_with(program)) command.remove_prefix(program.size());
  std::string text;
  for (const example& one : examples()) {
    if (one.command != command) continue;
    if (text.empty()) text = "\nExamples:\n";
    text += example_text(one, width);
  }
  return text;
}

}  // namespace gantry::app
