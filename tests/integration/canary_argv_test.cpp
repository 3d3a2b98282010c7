// Secrets with a mark on them in arguments, variables and addresses, seen as another user of the machine would: while the program runs.
#include "integration/workplace.hpp"

#include "support/base64.hpp"
#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/scripted_server.hpp"

#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* secret = "argv-canary";

/// A server that hears what is asked and never answers.
class mute_server {
 public:
  std::string host() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  std::string heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
  }

 private:
  void listen(socket_handle& connection) {
    const std::string head = receive_head(connection);
    {
      const std::scoped_lock lock(mutex_);
      heard_ += head;
    }
    await_end(connection);
  }

  mutable std::mutex mutex_;
  std::string heard_;
  scripted_server server_{std::vector<conversation>{[this](socket_handle& connection) { listen(connection); }}};
};

std::string where_marked(const std::string& text) {
  for (const std::string& mark : {std::string(secret), base64(std::string("jane:") + secret)}) {
    if (text.find(mark) != std::string::npos) return mark;
  }
  return {};
}

/// The files of a workplace, `home` apart, that hold a mark.
std::string marked_files(const workplace& place) {
  std::string found;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(place.path())) {
    if (!file.is_regular_file() || file.path().string().starts_with((place / "home").string())) continue;
    if (!where_marked(slurp(file.path())).empty()) found += file.path().filename().string() + "\n";
  }
  return found;
}

struct row {
  std::vector<std::string> words;  ///< HOST is the server that never answers
  std::map<std::string, std::optional<std::string>> env{};
  std::string sent{};  ///< what shows on the wire that the secret was in use; empty: it waits for a challenge
};

std::string with_host(std::string text, const std::string& host) {
  for (std::size_t at = text.find("HOST"); at != std::string::npos; at = text.find("HOST", at + host.size())) text.replace(at, 4, host);
  return text;
}

}  // namespace

TEST_CASE("a running gantry shows no secret of its arguments to others", "[integration]") {
  const std::string user = std::string("jane:") + secret;
  const std::string proxied = "Proxy-Authorization: Basic " + base64(user);
  const std::vector<row> table{
      {{"digest", "HOST/app:1", "--plain-http", "-u", "jane", "-p", secret}},
      {{"digest", "HOST/app:1", "--plain-http", "-u", "jane", std::string("-p") + secret}},
      {{"digest", "HOST/app:1", "--plain-http", "-u", "jane", "--password", secret}},
      {{"pull", "HOST/app:1", "--plain-http", "-u", "jane", std::string("--password=") + secret, "--store-only"}},
      {{"login", "HOST", "--plain-http", "-u", "jane", "-p", secret}},
      {{"copy", "HOST/app:1", "HOST/other:1", "--plain-http", "--src-creds", user, "--dest-creds=" + user}},
      {{"sync", "images.json", "--to", "HOST/mirror", "--plain-http", "--src-creds=" + user, "--dest-creds", user}},
      {{"digest", "registry.test/app:1", "--proxy", "http://" + user + "@HOST"}, {}, proxied},
      {{"digest", "registry.test/app:1", "--proxy=http://" + user + "@HOST"}, {}, proxied},
      {{"digest", "registry.test/app:1"}, {{"HTTPS_PROXY", "http://" + user + "@HOST"}}, proxied},
      {{"digest", "HOST/app:1", "--plain-http"}, {{"DOCKER_AUTH_CONFIG", R"({"auths":{"HOST":{"auth":")" + base64(user) + R"("}}})"}}},
  };
  for (const row& one : table) {
    const mute_server server;
    const workplace place;
    spill(place / "images.json", R"([{"source":")" + server.host() + R"(/app","target":"app","tags":["1"]}])");
    std::vector<std::string> words;
    for (const std::string& word : one.words) words.push_back(with_host(word, server.host()));
    words.insert(words.end(), {"--debug", "--log-file", "log", "--progress", "json"});
    // The page has the command in it.
    const bool reports = words.front() == "pull" || words.front() == "copy" || words.front() == "sync";
    if (reports) words.insert(words.end(), {"--report", "report.html"});
    auto env = one.env;
    for (auto& [name, value] : env) value = with_host(*value, server.host());
    INFO(words[0] << " " << words[3]);
    child running(place.gantry(words, env), place / "output");
    for (int looks = 0; looks < 6000 && running.running() && server.heard().empty(); ++looks) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const std::string seen = slurp("/proc/" + std::to_string(running.pid()) + "/cmdline");
    INFO(slurp(place / "output"));
    CHECK_FALSE(server.heard().empty());
    CHECK(server.heard().find(one.sent) != std::string::npos);
    CHECK(seen.find(words.front()) != std::string::npos);
    CHECK(where_marked(seen) == "");
    running.signal(SIGTERM);
    CHECK(running.wait(std::chrono::minutes(1)).has_value());
    CHECK(marked_files(place) == "");
    CHECK_FALSE(slurp(place / "output").empty());
    if (reports) CHECK(slurp(place / "report.html").find("\"command\":\"gantry " + words.front()) != std::string::npos);
  }
}

TEST_CASE("the signature of a presigned address is shown nowhere, whether it is good or refused", "[integration]") {
  fake_registry_options options;
  options.redirect_blobs = true;
  const test_image image = build_image(image_recipe{});
  for (const bool refused : {false, true}) {
    fake_registry registry(options);
    registry.hold("team/app", "1.0", image);
    if (refused) registry.inject("/storage/", answer_with(403, {}, "<Error><Code>AccessDenied</Code></Error>"), 1, 0);
    const workplace place;
    const outcome pulled = place.run({"pull", registry.host() + "/team/app:1.0", "-o", "app.tar", "--debug", "--log-file", "log",
                                      "--report", "report.html", "--progress", "json", "--retries", "1"});
    INFO(pulled.err);
    CHECK(pulled.ok() != refused);
    REQUIRE(registry.count("X-Signature=") > 0);
    std::string all = pulled.out + pulled.err;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(place.path())) {
      if (file.is_regular_file()) all += slurp(file.path());
    }
    for (const recorded_request& one : registry.requests("X-Signature=")) {
      CHECK(all.find(one.target.substr(one.target.find("X-Signature="))) == std::string::npos);
    }
  }
}

TEST_CASE("user information in registries.conf and a proxy's password with a slash are shown nowhere", "[integration]") {
  const workplace place;
  const auto check = [](const outcome& result) {
    INFO(result.err);
    CHECK(result.status == 2);
    CHECK((result.out + result.err).find("canary") == std::string::npos);
    CHECK((result.out + result.err).find("user:") == std::string::npos);
  };
  for (const char* command : {"explain", "digest"}) {
    check(place.run({command, "registry.test/x", "--proxy", "http://user:12/canary@host:3128"}));
    check(place.run({command, "registry.test/x", "--debug"}, {{"HTTPS_PROXY", "http://user:12/canary@host:3128"}}));
    spill(place / "home/.config/containers/registries.conf",
          "[[registry]]\nprefix = \"q.test\"\nlocation = \"user:canary@localhost:1/hub\"\n");
    check(place.run({command, "q.test/x", "--debug"}));
    fs::remove(place / "home/.config/containers/registries.conf");
  }
}
