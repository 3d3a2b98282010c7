// Registries that the host's configuration has moved to another place, and header fields that it wants there.
#include "faults/alone.hpp"
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/tls_server.hpp"
#include "support/upload_registry.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

using namespace gantry;
using namespace gantry::test;

namespace {

struct moved {
  explicit moved(const fake_registry& source) : settings(puller(source).settings) {
    settings.cache_dir = directory / "store";
    settings.host_files.emplace();
    settings.host_files->etc = directory / "etc";
  }

  void write(const std::string& file, const std::string& content) const {
    std::filesystem::create_directories((directory / file).parent_path());
    spill(directory / file, content);
  }

  void copy(const std::string& from, const std::string& to) {
    ec = run_alone<copy_result>(
        settings, [&](engine& one, auto done) { one.async_copy(name(from), name(to), copy_options(), text, std::move(done)); });
  }
  void digest(const std::string& of) {
    ec = run_alone<digest_result>(settings,
                                  [&](engine& one, auto done) { one.async_digest(name(of), digest_options(), text, std::move(done)); });
  }
  void remove(const std::string& what) {
    ec = run_alone<delete_result>(settings,
                                  [&](engine& one, auto done) { one.async_delete(name(what), delete_options(), text, std::move(done)); });
  }
  void tags(const std::string& of) {
    ec = run_alone<tags_result>(settings, [&](engine& one, auto done) { one.async_tags(name(of), tags_options(), text, std::move(done)); });
  }

  static reference name(const std::string& words) {
    error_code failed;
    reference parsed = reference::parse(words, failed);
    REQUIRE_FALSE(failed);
    return parsed;
  }

  temp_dir directory;
  engine_options settings;
  diagnostics text;
  error_code ec;
};

}  // namespace

TEST_CASE("an upload goes where location moves the repository, mounts included", "[faults]") {
  fake_registry source;
  const test_image image = app_image();
  source.hold("team/app", "1.0", image);
  upload_registry target;
  moved m(source);
  m.settings.plain_http.insert(target.host());
  m.write("etc/containers/registries.conf", "[[registry]]\nprefix = \"moved.test/team\"\nlocation = \"" + target.host() + "/kept\"\n");
  m.copy(source.host() + "/team/app:1.0", "moved.test/team/app:1.0");
  INFO(m.text.message());
  REQUIRE_FALSE(m.ec);
  CHECK(target.has_tag("kept/app", "1.0"));
  CHECK_FALSE(target.has_tag("team/app", "1.0"));
  const std::uint64_t taken = target.taken();
  m.copy("moved.test/team/app:1.0", "moved.test/team/second:1.0");
  INFO(m.text.message());
  REQUIRE_FALSE(m.ec);
  CHECK(target.has_tag("kept/second", "1.0"));
  CHECK(target.taken() == taken);
}

TEST_CASE("questions go where server of hosts.toml moves the registry, with its header fields", "[faults]") {
  fake_registry_options options;
  options.redirect_blobs = true;
  fake_registry registry(options);
  registry.hold("team/app", "1.0", app_image());
  upload_registry target;
  moved m(registry);
  m.settings.plain_http.insert(target.host());
  m.write("etc/containerd/certs.d/moved.test/hosts.toml", "server = \"http://" + registry.host() + "\"\n[header]\nx-team = \"blue\"\n");
  m.digest("moved.test/team/app:1.0");
  INFO(m.text.message());
  CHECK_FALSE(m.ec);
  CHECK(registry.count("/v2/team/app/manifests/1.0") == 1);
  m.remove("moved.test/team/app:1.0");  // which the fake does not do
  CHECK(registry.count("/v2/team/app/manifests/1.0") == 2);
  m.tags("moved.test/team/app");
  CHECK(registry.count("/v2/team/app/tags/list") == 1);
  m.copy("moved.test/team/app:1.0", target.host() + "/team/app:1.0");
  INFO(m.text.message());
  CHECK_FALSE(m.ec);
  bool stored_elsewhere = false;
  for (const recorded_request& one : registry.requests()) {
    INFO(one.target);
    stored_elsewhere = stored_elsewhere || one.at == fake_origin::storage;
    CHECK(one.header("x-team") == (one.at == fake_origin::registry ? "blue" : ""));
  }
  CHECK(stored_elsewhere);
}

TEST_CASE("docker's certs.d gives authority and client certificate", "[faults]") {
  const certificate_authority authority;
  const test_image image = app_image();
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + image.manifest.media_type +
                           "\r\nDocker-Content-Digest: " + image.manifest.digest +
                           "\r\nContent-Length: " + std::to_string(image.manifest.bytes.size()) + "\r\n\r\n";
  const scripted_server server({over_tls(
      authority.issue(),
      [head](tls_session& session) {
        if (!session.receive().empty()) session.send(head);
        session.receive();
      },
      0, authority.certificate())});
  fake_registry unused;
  moved m(unused);
  m.settings.attempts = 1;
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  m.settings.tls_only.insert(host);
  const std::string certs = "etc/docker/certs.d/" + host;
  m.write(certs + "/ca.crt", authority.certificate());
  m.digest(host + "/team/app:1.0");
  INFO(m.text.message());
  CHECK(m.ec == make_error_code(errc::tls_failed));
  const tls_identity mine = authority.issue({"DNS:client.test", -1, 1});
  m.write(certs + "/client.cert", mine.certificate);
  m.write(certs + "/client.key", mine.key);
  m.digest(host + "/team/app:1.0");
  INFO(m.text.message());
  CHECK_FALSE(m.ec);
}

TEST_CASE("a header field of hosts.toml is sent to its host, and stands in no text and no file", "[faults]") {
  fake_registry registry;
  fake_registry mirror;
  const test_image image = app_image();
  for (fake_registry* one : {&registry, &mirror}) one->hold("team/app", "1.0", image);
  // What goes wrong there is told.
  mirror.inject("/blobs/", answer_with(500, {}, "broken"), 1, 0);
  puller pulls(registry);
  std::string host = registry.host();
  host.replace(host.find(':'), 1, "_");
  pulls.settings.host_files.emplace();
  pulls.settings.host_files->etc = pulls.directory() / "etc";
  spill(pulls.directory() / "etc/containerd/certs.d" / (host + "_") / "hosts.toml",
        "[host.\"http://" + mirror.host() + "\"]\n[host.\"http://" + mirror.host() + "\".header]\nx-key = \"field-canary\"\n");
  std::string told;
  pulls.settings.log = [&told](const std::string& line) { told += line + "\n"; };
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  told += report.text.message() + report.text.server_message();
  for (const event& one : report.events) {
    if (const auto* said = std::get_if<warning>(&one)) told += said->message + "\n";
  }
  REQUIRE(mirror.count() > 0);
  for (const recorded_request& one : mirror.requests()) CHECK(one.header("x-key") == "field-canary");
  for (const recorded_request& one : registry.requests()) CHECK(one.header("x-key").empty());
  CHECK(told.find(mirror.host()) != std::string::npos);
  CHECK(told.find("field-canary") == std::string::npos);
  for (const auto& file : std::filesystem::recursive_directory_iterator(pulls.store())) {
    if (file.is_regular_file()) CHECK(slurp(file.path()).find("field-canary") == std::string::npos);
  }
  pulls.heals({&registry, &mirror});
}
