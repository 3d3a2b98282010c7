// Secrets with a mark on them go into every command; the mark must come out nowhere.
#include "integration/guarded.hpp"
#include "integration/workplace.hpp"

#include "support/base64.hpp"
#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/socket.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

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
  for (std::string line; std::getline(lines, line);) {
    if (line == "Options:") break;
    if (line.starts_with("  ") && line[2] != ' ') {
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

/// What a user who is careless with secrets has on a machine: a registry behind a token service, a helper, files and variables.
class exposed {
 public:
  /// \param password the one that the token service knows
  explicit exposed(std::string password) : tokens(rules_of(std::move(password))), registry(&tokens) {
    // A helper knows one, notes what it sees of itself, and is loud about it.
    program("docker-credential-canary",
            "[ \"$1\" = get ] && echo '{\"ServerURL\":\"x\",\"Username\":\"jane\",\"Secret\":\"" + std::string(kept_secret) + "\"}'\n");
    // What it starts to load an image notes what it sees of itself as well.
    program("docker", "");
    spill(secrets / ".docker/config.json", R"({"credHelpers":{")" + registry.host() + R"(":"canary"}})");
    spill(secrets / "typed", typed_secret);
    spill(place / "images.json", R"([{"source":")" + registry.host() + R"(/team/app","target":"app","tags":["1.0"]}])");
    env = {{"PATH", (secrets / "bin").string() + ":/usr/bin:/bin"},
           {"DOCKER_HUB_USERNAME", "jane"},
           {"DOCKER_HUB_TOKEN", hub_secret},
           {"REGISTRY_USERNAME", "jane"},
           {"REGISTRY_PASSWORD", environment_secret}};
  }

  /// A file with a refresh token. Anew for each command: some take out what is in it.
  std::string token_file() const {
    spill(secrets / "token.json",
          R"({"auths":{")" + registry.host() + R"(":{"auth":"amFuZTo=","identitytoken":")" + refresh_secret + R"("}}})");
    return (secrets / "token.json").string();
  }

  void check_output(const outcome& result) const {
    const std::string out = found_in(result.out, marks(tokens));
    const std::string err = found_in(result.err, marks(tokens));
    CHECK(out == "");
    CHECK(err == "");
  }

  /// Where a mark stands that should not.
  std::string leaks() const {
    std::string where;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(place.path())) {
      if (!file.is_regular_file() || file.path().string().starts_with(secrets.string())) continue;
      if (const std::string found = found_in(slurp(file.path()), marks(tokens)); !found.empty()) {
        where += file.path().filename().string() + ": " + found + "\n";
      }
    }
    return where;
  }

  token_server tokens;
  guarded_registry registry;
  workplace place;
  fs::path secrets = place / "home";  ///< where they may stand: what lies there belongs to the user
  std::map<std::string, std::optional<std::string>> env;

 private:
  static token_rules rules_of(std::string password) {
    token_rules rules;
    rules.password = std::move(password);
    rules.refresh_token = refresh_secret;
    return rules;
  }

  void program(const std::string& name, const std::string& last) const {
    const fs::path path = secrets / "bin" / name;
    spill(path, "#!/bin/sh\ncat > /dev/null\ntr '\\0' ' ' < /proc/$$/cmdline >> " + (place / "seen").string() + "\n" + last + "exit 0\n");
    fs::permissions(path, fs::perms::owner_all);
  }
};

/// Runs a server with its standard input out of a file, has it ask its upstream for the image, and stops it. \returns what it wrote, as
/// err; the status is 0 when it gave the image.
outcome serve_once(const exposed& here, const command& what) {
  command started = what;
  started.argv = {"sh", "-c", "exec \"$@\" < \"$0\"", (here.secrets / "typed").string()};
  started.argv.insert(started.argv.end(), what.argv.begin(), what.argv.end());
  const fs::path log = here.place / "served";
  fs::remove(log);
  child server(started, log);
  const std::string marker = "listening on ";
  const auto written = [&] {
    const std::string text = slurp(log);
    const std::size_t at = text.find(marker);
    return at != std::string::npos && text.find('\n', at) != std::string::npos;
  };
  for (int looks = 0; looks < 6000 && server.running() && !written(); ++looks) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  outcome result;
  if (written()) {
    const std::string text = slurp(log);
    const std::string url =
        text.substr(text.find(marker) + marker.size(), text.find('\n', text.find(marker)) - text.find(marker) - marker.size());
    const std::size_t host = url.find("://") + 3;  // more may stand behind the port: the line may be of JSON
    http_client client(static_cast<std::uint16_t>(std::stoul(url.substr(url.find(':', host) + 1))));
    result.status = client.get("/v2/team/app/manifests/1.0").status == 200 ? 0 : 3;
  }
  server.signal(SIGTERM);
  CHECK(server.wait(std::chrono::minutes(1)).has_value());
  result.err = slurp(log);
  return result;
}

}  // namespace

TEST_CASE("no command shows, logs, stores or hands on a secret", "[integration]") {
  const std::string password = GENERATE(as<std::string>(), typed_secret, kept_secret);
  const exposed here(password);
  for (const std::string& name : commands_of_help(here.place)) {
    INFO(name);
    const auto entry = std::find_if(table.begin(), table.end(), [&](const row& one) { return one.command == name; });
    if (entry == table.end()) {
      FAIL_CHECK("gantry has a command that no row of this table runs");
      continue;
    }
    std::vector<std::vector<std::string>> ways{{"--debug"}, {"--debug", "--authfile", here.token_file()}};
    if (entry->takes_password) ways.push_back({"--debug", "--progress", "json", "-u", "jane", "--password-stdin"});
    for (const std::vector<std::string>& way : ways) {
      here.token_file();
      std::vector<std::string> words{name};
      for (const std::string& word : entry->words) words.push_back(replaced(word, here.registry));
      words.insert(words.end(), way.begin(), way.end());
      words.insert(words.end(), {"--log-file", (here.place / "log").string()});
      command what = here.place.gantry(std::move(words), here.env);
      what.input = typed_secret;
      const outcome result = entry->endless ? serve_once(here, what) : run(what);
      here.check_output(result);
      // With the right secret the request has to go through, so that the secret was in use when nothing was seen of it.
      const std::string used = way.size() == 1 ? kept_secret : way.back() == "--password-stdin" ? typed_secret : refresh_secret;
      const bool reads = name == "pull" || name == "inspect" || name == "digest" || name == "tags" || name == "serve";
      INFO(result.err);
      if (reads && (used == password || used == refresh_secret)) CHECK(result.status == 0);
      // A server whose upstream refuses it answers from its store.
      if (reads && !entry->endless && used != password && used != refresh_secret) CHECK(result.status == 3);
    }
  }
  const outcome loaded =
      here.place.run({"pull", here.registry.image(), "--load", "docker", "--debug", "--authfile", here.token_file()}, here.env);
  here.check_output(loaded);
  INFO(loaded.err);
  CHECK(loaded.status == 0);
  CHECK(slurp(here.place / "seen").find("docker load") != std::string::npos);

  CHECK(here.leaks() == "");
  CHECK(fs::exists(here.place / "log"));
  // The search finds what there is: each secret in each of its shapes, deep in a file.
  for (const std::string& mark : marks(here.tokens)) {
    spill(here.place / "planted", std::string(100'000, 'x') + mark + "\n");
    CHECK(here.leaks() == "planted: " + mark + "\n");
  }
}

TEST_CASE("environment mode shows, logs, stores and hands on no secret", "[integration]") {
  const std::string password = GENERATE(as<std::string>(), environment_secret, "neither");
  const exposed here(password);
  fs::remove(here.secrets / ".docker/config.json");
  auto env = here.env;
  env.emplace("IMAGE_REF", here.registry.image());
  env.emplace("PLATFORM", "linux/amd64");
  const outcome by_environment = here.place.run({}, env);
  here.check_output(by_environment);
  INFO(by_environment.err);
  CHECK(by_environment.status == (password == environment_secret ? 0 : 3));
  // Docker Hub, which a proxy that does not exist keeps out of reach.
  env["IMAGE_REF"] = "docker.io/library/app:1.0";
  env["HTTPS_PROXY"] = "http://127.0.0.1:" + std::to_string(unused_port());
  const outcome of_hub = here.place.run({}, env);
  here.check_output(of_hub);
  CHECK(of_hub.status == 1);
  CHECK(here.leaks() == "");
}
