// Secrets with a mark on them go into every command; the mark must come out nowhere.
#include "integration/guarded.hpp"
#include "integration/workplace.hpp"

#include "support/base64.hpp"
#include "support/catch.hpp"
#include "support/socket.hpp"

#include <algorithm>
#include <sstream>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* typed_secret = "typed-canary";
constexpr const char* kept_secret = "kept-canary";
constexpr const char* refresh_secret = "refresh-canary";
constexpr const char* environment_secret = "environment-canary";
constexpr const char* hub_secret = "hub-canary";

struct row {
  std::string command;
  /// What stands behind it. IMAGE, TARGET, HOST, REPOSITORY and ARCHIVE are replaced.
  std::vector<std::string> words;
  /// It reads its input for another purpose than a password, or takes none.
  bool takes_password = true;
  /// It serves until it is stopped.
  bool endless = false;
};

/// One row for each command of `gantry help`. A new command is not finished without one.
const std::vector<row> table{
    {"pull", {"IMAGE", "-o", "canary.tar"}},
    {"explain", {"IMAGE"}},
    {"login", {"HOST"}},
    {"logout", {"HOST"}, false},
    {"save", {"IMAGE", "-o", "saved.tar"}, false},
    {"convert", {"ARCHIVE", "-o", "converted.tar", "-f", "oci"}, false},
    {"extract", {"ARCHIVE"}, false},
    {"import", {"ARCHIVE"}, false},
    {"list", {}, false},
    {"verify", {}, false},
    {"push", {"ARCHIVE", "TARGET"}},
    {"copy", {"IMAGE", "TARGET"}},
    {"sync", {"images.json", "--to", "HOST/mirror"}},
    {"inspect", {"IMAGE"}},
    {"digest", {"IMAGE"}},
    {"tags", {"REPOSITORY"}},
    {"repos", {"HOST"}},
    {"bench", {"IMAGE"}},
    {"serve", {"--listen", "127.0.0.1:0", "--upstream", "HOST"}, true, true},
    {"delete", {"IMAGE"}},
    {"clean", {}, false},
    {"completion", {"bash"}, false},
};

std::vector<std::string> commands_of_help(const workplace& place) {
  std::istringstream lines(place.run({"help"}).out);
  std::vector<std::string> names;
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Commands:") {
      listed = true;
    } else if (listed && line.empty()) {
      break;
    } else if (listed && line.starts_with("  ") && line[2] != ' ') {
      const std::string name = line.substr(2, line.find(' ', 2) - 2);
      if (name != "help") names.push_back(name);
    }
  }
  return names;
}

std::string replaced(const std::string& word, const guarded_registry& registry) {
  if (word == "IMAGE") return registry.image();
  if (word == "TARGET") return registry.host() + "/team/other:1.0";
  if (word == "REPOSITORY") return registry.host() + "/team/app";
  if (word == "ARCHIVE") return "canary.tar";
  if (word.starts_with("HOST")) return registry.host() + word.substr(4);
  return word;
}

/// All marks in all shapes that they travel in.
std::vector<std::string> marks(const token_server& tokens) {
  std::vector<std::string> all;
  for (const std::string secret : {typed_secret, kept_secret, refresh_secret, environment_secret, hub_secret}) {
    all.push_back(secret);
    all.push_back(base64("jane:" + secret));
    all.push_back(base64url("jane:" + secret));
  }
  // A JSON Web Token begins with its header in base64.
  all.push_back(base64url(R"({"typ":"JWT")").substr(0, 12));
  CHECK_FALSE(tokens.requests().empty());
  return all;
}

std::string found_in(const std::string& text, const std::vector<std::string>& marks) {
  for (const std::string& mark : marks) {
    if (text.find(mark) != std::string::npos) return mark;
  }
  return {};
}

}  // namespace

TEST_CASE("no command shows, logs, stores or hands on a secret", "[integration]") {
  token_rules rules;
  rules.password = GENERATE(typed_secret, kept_secret, environment_secret, "neither");
  rules.refresh_token = refresh_secret;
  const token_server tokens(rules);
  const guarded_registry registry(&tokens);
  const workplace place;
  const fs::path secrets = place / "home";  // where they may stand: what lies there belongs to the user

  // A helper knows one, notes what it sees of itself, and is loud about it.
  const fs::path helper = secrets / "bin/docker-credential-canary";
  spill(helper, "#!/bin/sh\ncat > /dev/null\ntr '\\0' ' ' < /proc/$$/cmdline >> " + (place / "seen").string() +
                    "\n[ \"$1\" = get ] && echo '{\"ServerURL\":\"x\",\"Username\":\"jane\",\"Secret\":\"" + kept_secret +
                    "\"}'\nexit 0\n");
  fs::permissions(helper, fs::perms::owner_all);
  spill(secrets / ".docker/config.json", R"({"credHelpers":{")" + registry.host() + R"(":"canary"}})");
  // Written anew for each command: some take out what is in it.
  const auto write_token_file = [&] {
    spill(secrets / "token.json",
          R"({"auths":{")" + registry.host() + R"(":{"auth":"amFuZTo=","identitytoken":")" + refresh_secret + R"("}}})");
  };
  spill(place / "images.json", R"([{"source":")" + registry.host() + R"(/team/app","target":"app","tags":["1.0"]}])");
  const std::map<std::string, std::optional<std::string>> env{{"PATH", (secrets / "bin").string() + ":/usr/bin:/bin"},
                                                              {"DOCKER_HUB_USERNAME", "jane"},
                                                              {"DOCKER_HUB_TOKEN", hub_secret},
                                                              {"REGISTRY_USERNAME", "jane"},
                                                              {"REGISTRY_PASSWORD", environment_secret}};
  // What it starts to load an image notes what it sees of itself as well.
  const fs::path loader = secrets / "bin/docker";
  spill(loader, "#!/bin/sh\ncat > /dev/null\ntr '\\0' ' ' < /proc/$$/cmdline >> " + (place / "seen").string() + "\nexit 0\n");
  fs::permissions(loader, fs::perms::owner_all);

  const auto check_output = [&](const outcome& result) {
    const std::string out = found_in(result.out, marks(tokens));
    const std::string err = found_in(result.err, marks(tokens));
    CHECK(out == "");
    CHECK(err == "");
  };

  for (const std::string& name : commands_of_help(place)) {
    INFO(name);
    const auto entry = std::find_if(table.begin(), table.end(), [&](const row& one) { return one.command == name; });
    if (entry == table.end()) {
      FAIL_CHECK("gantry has a command that no row of this table runs");
      continue;
    }
    std::vector<std::vector<std::string>> ways{{"--debug"}, {"--debug", "--authfile", (secrets / "token.json").string()}};
    if (entry->takes_password) ways.push_back({"--debug", "--progress", "json", "-u", "jane", "--password-stdin"});
    for (const std::vector<std::string>& way : ways) {
      write_token_file();
      std::vector<std::string> words{name};
      for (const std::string& word : entry->words) words.push_back(replaced(word, registry));
      words.insert(words.end(), way.begin(), way.end());
      words.insert(words.end(), {"--log-file", (place / "log").string()});
      command what = place.gantry(std::move(words), env);
      what.input = typed_secret;
      const outcome result = run(what, entry->endless ? std::chrono::seconds(5) : std::chrono::minutes(3));
      check_output(result);
      // With the right secret the request has to go through, so that the secret was in use when nothing was seen of it.
      const std::string used = way.size() == 1 ? kept_secret : way.back() == "--password-stdin" ? typed_secret : refresh_secret;
      const bool reads = name == "pull" || name == "inspect" || name == "digest" || name == "tags";
      INFO(result.err);
      if (reads && (used == rules.password || used == refresh_secret)) CHECK(result.status == 0);
      if (reads && used != rules.password && used != refresh_secret) CHECK(result.status == 3);
    }
  }
  write_token_file();
  command loading =
      place.gantry({"pull", registry.image(), "--load", "docker", "--debug", "--authfile", (secrets / "token.json").string()}, env);
  const outcome loaded = run(loading, std::chrono::minutes(3));
  check_output(loaded);
  INFO(loaded.err);
  CHECK(loaded.status == 0);
  CHECK(slurp(place / "seen").find("docker load") != std::string::npos);

  // Environment mode: for the registry that is named, and for Docker Hub, which a proxy that does not exist keeps out of reach.
  auto alone = env;
  alone.emplace("IMAGE_REF", registry.image());
  alone.emplace("PLATFORM", "linux/amd64");
  fs::remove(secrets / ".docker/config.json");
  const outcome by_environment = run(place.gantry({}, alone), std::chrono::minutes(3));
  check_output(by_environment);
  {
    INFO(by_environment.err);
    CHECK((by_environment.status == 0) == (rules.password == environment_secret));
  }
  alone["IMAGE_REF"] = "docker.io/library/app:1.0";
  alone["HTTPS_PROXY"] = "http://127.0.0.1:" + std::to_string(unused_port());
  check_output(run(place.gantry({}, alone), std::chrono::seconds(5)));

  const auto leaks = [&] {
    std::string where;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(place.path())) {
      if (!file.is_regular_file() || file.path().string().starts_with(secrets.string())) continue;
      if (const std::string found = found_in(slurp(file.path()), marks(tokens)); !found.empty()) {
        where += file.path().filename().string() + ": " + found + "\n";
      }
    }
    return where;
  };
  CHECK(leaks() == "");
  CHECK(fs::exists(place / "log"));
  // The search finds what there is: each secret in each of its shapes, deep in a file.
  for (const std::string& mark : marks(tokens)) {
    spill(place / "planted", std::string(100'000, 'x') + mark + "\n");
    CHECK(leaks() == "planted: " + mark + "\n");
  }
}
